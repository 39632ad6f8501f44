# SPDX-License-Identifier: Apache-2.0
"""The disks of the demo's source server: a Debian 12 with a web shop, made as an installer would.

Built once and kept beside the public image. Packages go into a folder, the folder into a disk file;
then the machine boots for the first time and installs its own boot loader and database. From then
on it boots by itself.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from demo.source import content
from demo.source.machine import command_line, running
from demo.waiting import wait_until
from hostlift.host.command import SystemCommands
from hostlift.localcloud.images import cache, diskfile, rootfs
from hostlift.localcloud.images.cache import Progress

HERE = Path(__file__).parent
PACKAGES = (
    "ca-certificates",
    "dbus",
    "fdisk",
    "grub-pc",
    "ifupdown",
    "initramfs-tools",
    "iproute2",
    "isc-dhcp-client",
    "kmod",
    "linux-image-cloud-amd64",
    "nginx",
    "openssh-server",
    "postgresql",
    "python3",
    "python3-psycopg2",
    "systemd-sysv",
    "udev",
    "zstd",
)
# PostgreSQL's compiler for queries: a fifth of the system, switched off in its configuration.
_LEFT_OUT = ("/usr/lib/x86_64-linux-gnu/libLLVM*", "/usr/lib/x86_64-linux-gnu/libz3*")
_SYSTEM_MIB, _SWAP_MIB, _DATA_MIB = 4096, 256, 2048
_ROOT_UUID, _SWAP_UUID, _DATA_UUID = (
    str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{part}.shop01.example.com"))
    for part in ("root", "swap", "data")
)
_FIRST_BOOT_LIMIT = 1200.0


@dataclass(frozen=True, slots=True)
class SourceDisks:
    """The built server; its disks are never written to again, machines run on overlays.

    Attributes:
        key: Private ssh key of root, mode 0600.
        known_hosts: The server's own host keys, for address 198.51.100.10.
    """

    system: Path
    data: Path
    key: Path
    known_hosts: Path


def build(progress: Progress) -> SourceDisks:
    """The disks, built when the cache has none (three minutes)."""

    def fill(draft: Path) -> None:
        progress("installing the source server into a folder")
        tree, data = draft / "tree", draft / "data"
        rootfs.make_tree(
            tree, PACKAGES, HERE / "recipe/files", HERE / "recipe/customize", leave_out=_LEFT_OUT
        )
        _personalise(draft, tree)
        content.fill_site(tree)
        data.mkdir()
        content.fill_data(data)
        progress("making its disks")
        _make_disks(draft, tree, data)
        progress("booting it for the first time, to finish the installation")
        _first_boot(draft, tree)
        cache.remove(tree)
        cache.remove(data)

    made_of = ((HERE / name).read_text() for name in ("content.py", "disks.py"))
    words = (rootfs.SUITE, rootfs.ARCHITECTURE, *made_of)
    return _disks_in(cache.build_once(cache.key_of("source", words, HERE / "recipe"), fill))


def _disks_in(place: Path) -> SourceDisks:
    return SourceDisks(
        place / "system.qcow2", place / "data.qcow2", place / "id_ed25519", place / "known_hosts"
    )


def _personalise(draft: Path, tree: Path) -> None:
    for name in ("etc/fstab", "usr/local/sbin/finish-install"):
        text = (tree / name).read_text()
        text = text.replace("@ROOT_UUID@", _ROOT_UUID).replace("@SWAP_UUID@", _SWAP_UUID)
        (tree / name).write_text(text)
    key = draft / "id_ed25519"
    SystemCommands().run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", str(key)], timeout=60
    )
    ssh = tree / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    (ssh / "authorized_keys").write_bytes(key.with_suffix(".pub").read_bytes())
    host_keys = [p.read_text() for p in sorted((tree / "etc/ssh").glob("ssh_host_*_key.pub"))]
    (draft / "known_hosts").write_text("".join(f"198.51.100.10 {line}" for line in host_keys))


def _make_disks(draft: Path, tree: Path, data: Path) -> None:
    gap = diskfile.GAP_MIB
    root_mib = _SYSTEM_MIB - _SWAP_MIB - gap
    system, second = draft / "system.raw", draft / "data.raw"
    slots = (
        diskfile.Slot(gap, root_mib, bootable=True),
        diskfile.Slot(gap + root_mib, 0, kind="82"),
    )
    diskfile.partition(system, _SYSTEM_MIB, slots, "0x5a0b0001")
    diskfile.fill_ext4(
        system, tree=tree, start_mib=gap, size_mib=root_mib, uuid=_ROOT_UUID, label="root"
    )
    diskfile.partition(second, _DATA_MIB, (diskfile.Slot(gap, 0),), "0x5a0b0002")
    diskfile.fill_ext4(
        second, tree=data, start_mib=gap, size_mib=_DATA_MIB - gap, uuid=_DATA_UUID, label="data"
    )
    diskfile.to_qcow2(system, draft / "system.qcow2")
    diskfile.to_qcow2(second, draft / "data.qcow2")


def _first_boot(draft: Path, tree: Path) -> None:
    kernel, initrd = next(tree.glob("boot/vmlinuz-*")), next(tree.glob("boot/initrd.img-*"))
    console = draft / "console.log"
    start = (
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append"),
        f"root=UUID={_ROOT_UUID} ro mitigations=off console=ttyS0,115200",
        *("-no-reboot", "-serial", f"file:{console}"),
    )
    line = (*command_line(draft / "system.qcow2", draft / "data.qcow2"), *start)
    with running(line, draft / "qemu.log") as process:
        wait_until(
            lambda: process.poll() is not None, _FIRST_BOOT_LIMIT, "the source server's first boot"
        )
    said = (draft / "qemu.log").read_text() + console.read_text("utf-8", "replace")
    if "finish-install: done" not in said:
        raise RuntimeError(f"the installation did not finish:\n{said[-4000:]}")
    console.unlink()
    (draft / "qemu.log").unlink()
