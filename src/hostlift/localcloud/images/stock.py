# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud's public image: a Debian 12 that boots in seconds and runs its user data.

The intermediate instance starts from it. It carries the tools of the agent (partition tables, the
file systems a target may have) and nothing else. QEMU starts its kernel directly, which saves the
firmware and the boot loader; GRUB is on the disk as well, so it boots by itself too.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hostlift.errors import HostError
from hostlift.localcloud.images import cache, diskfile, rootfs
from hostlift.localcloud.images.cache import Progress

IMAGE_ID = "debian_12_12_x64_20G_alibase_20251022.vhd"
OS_NAME = "Debian 12.12 64 bit"
PLATFORM = "Debian"
SIZE_GIB = 20
"""What the image claims, as Alibaba's own does; its file system is smaller."""

PACKAGES = (
    "btrfs-progs",
    "busybox-static",
    "ca-certificates",
    "dbus",
    "dosfstools",
    "e2fsprogs",
    "fdisk",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "linux-image-cloud-amd64",
    "lz4",
    "python3",
    "systemd",
    "systemd-sysv",
    "udev",
    "util-linux",
    "xfsprogs",
    "zstd",
)
_BOOT_FILES = ("vmlinuz", "initrd.img")
_DISK_MIB = 3072
_UUID = str(uuid.uuid5(uuid.NAMESPACE_DNS, IMAGE_ID))
_DISK_ID = "0x" + _UUID[:8]
_APPEND = (
    f"root=UUID={_UUID} rw rootfstype=ext4 quiet mitigations=off net.ifnames=0"
    " cryptomgr.notests console=ttyS0,115200"
)
_GRUB_MODULES = ("biosdisk", "boot", "ext2", "linux", "part_msdos", "search", "search_fs_uuid")
_GRUB_BOOT = Path("/usr/lib/grub/i386-pc/boot.img")


@dataclass(frozen=True, slots=True)
class StockImage:
    """A public image on this machine.

    Attributes:
        disk: qcow2 file, never written to.
        kernel: For a direct start, with ``initrd`` and the kernel command line ``append``.
    """

    id: str
    name: str
    disk: Path
    kernel: Path
    initrd: Path
    append: str


def image() -> StockImage:
    """The image as built.

    Raises:
        HostError: It was not built yet on this machine.
    """
    place = cache.folder() / _key()
    if not place.is_dir():
        raise HostError(
            "the public image is not built yet",
            subject=IMAGE_ID,
            hint="Run 'hostlift cloud images build' (or 'make setup' in the repository) as root.",
        )
    return _image_in(place)


def build(progress: Progress) -> StockImage:
    """The image, built when the cache has none: a minute or two, with the package mirror's help.

    Raises:
        HostError: A tool is missing, the mirror does not answer, or the disk is full.
    """

    def fill(draft: Path) -> None:
        progress("installing Debian 12 into a folder")
        tree = draft / "tree"
        rootfs.make_tree(tree, PACKAGES, _recipe() / "files", _recipe() / "customize")
        progress("making the disk")
        for name in _BOOT_FILES:
            (draft / name).write_bytes((tree / "boot" / name).read_bytes())
        _make_disk(draft, tree)
        cache.remove(tree)

    return _image_in(cache.build_once(_key(), fill))


def _make_disk(draft: Path, tree: Path) -> None:
    raw = draft / "disk.raw"
    size = _DISK_MIB - diskfile.GAP_MIB
    diskfile.partition(
        raw, _DISK_MIB, (diskfile.Slot(diskfile.GAP_MIB, size, bootable=True),), _DISK_ID
    )
    diskfile.fill_ext4(
        raw, tree=tree, start_mib=diskfile.GAP_MIB, size_mib=size, uuid=_UUID, label="root"
    )
    _make_bootable(draft, raw)
    diskfile.to_qcow2(raw, draft / "disk.qcow2")


def _make_bootable(draft: Path, raw: Path) -> None:
    template = (_recipe() / "grub.cfg.in").read_text()
    config, core = draft / "grub.cfg", draft / "core.img"
    config.write_text(template.replace("@UUID@", _UUID).replace("@APPEND@", _APPEND))
    diskfile.make_core(core, config, _GRUB_MODULES, prefix="(hd0,msdos1)/boot/grub")
    diskfile.embed_grub(raw, boot_image=_GRUB_BOOT, core_image=core)
    config.unlink()
    core.unlink()


def _image_in(place: Path) -> StockImage:
    kernel, initrd = (place / name for name in _BOOT_FILES)
    return StockImage(IMAGE_ID, IMAGE_ID, place / "disk.qcow2", kernel, initrd, _APPEND)


def _key() -> str:
    words = (rootfs.SUITE, rootfs.ARCHITECTURE, IMAGE_ID, _APPEND, str(_DISK_MIB), *PACKAGES)
    return cache.key_of("stock", words, _recipe())


def _recipe() -> Path:
    return Path(str(resources.files("hostlift.localcloud.images"))) / "recipe"
