# SPDX-License-Identifier: Apache-2.0
"""The copy's kernels, and what each needs to find its disks on ECS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.reading import data
from hostlift.formats import imagekinds, initramfs, modules
from hostlift.formats.cpio import Member
from hostlift.formats.menus import Installed, default_release

MODULES = "/lib/modules"
NEEDED = ("virtio_pci", "virtio_blk")
"""Without these there is no disk; newer instance types have NVMe disks, where a kernel knows them."""
USEFUL = ("virtio_scsi", "virtio_net", "virtio_console", "virtio_balloon", "sd_mod", "ata_piix")
"""Carried along when an image is repaired."""
_NVME = "nvme"
_STACKED = ("dm_mod",)
_CHECKSUMS = {
    "ext4": ("crc32c_generic", "crc32c"),
    "xfs": ("crc32c_generic", "crc32c"),
    "btrfs": ("crc32c_generic", "crc32c", "xxhash_generic", "blake2b_generic", "sha256_generic"),
}
"""Asked for by name at run time, so modules.dep does not know."""

# {flavour} is what rolling distributions call a kernel in place of its release.
_KERNELS = (
    "/boot/vmlinuz-{release}",
    "/boot/vmlinux-{release}",
    "/boot/kernel-{release}",
    "/boot/Image-{release}",
    "/boot/*/{release}/linux",
    "{esp}/*/{release}/linux",
    "/boot/vmlinuz-{flavour}",
    "{esp}/vmlinuz-{flavour}",
)
_IMAGES = (
    "/boot/initrd.img-{release}",
    "/boot/initramfs-{release}.img",
    "/boot/initrd-{release}.img",
    "/boot/initrd-{release}",
    "/boot/*/{release}/initrd",
    "/boot/*/{release}/initrd.img-{release}",
    "{esp}/*/{release}/initrd",
    "{esp}/*/{release}/initrd.img-{release}",
    "/boot/initramfs-{flavour}.img",
    "/boot/initramfs-{flavour}",
    "{esp}/initramfs-{flavour}.img",
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """An installed kernel; ``image`` is empty when it starts without an initramfs."""

    release: str
    file: str
    image: str
    modules: modules.Modules


def kernels(bench: Bench) -> Iterator[Kernel]:
    """Every kernel whose modules are there, with its image."""
    for release, file, image in _installed(bench):
        found = modules_of(bench, release)
        if found is None:
            bench.note(f"kernel {release} has no index of its modules and was not looked at")
            continue
        yield Kernel(release, file, image, found)


def default(bench: Bench) -> str:
    """The release that the copy starts when nobody touches its menu; the newest where it cannot tell."""
    found = [Installed(release, (file, image)) for release, file, image in _installed(bench)]
    kind = bench.tools.loaders[0].kind.value if bench.tools.loaders else ""
    return default_release(bench, kind, found)


def _installed(bench: Bench) -> Iterator[tuple[str, str, str]]:
    """Release, file and image of every kernel."""
    for release in bench.names(MODULES):
        file = _first(bench, _KERNELS, release)
        if file:
            yield release, file, _first(bench, _IMAGES, release)


def members(bench: Bench, kernel: Kernel) -> list[Member]:
    """What a kernel's image holds; unpacked once for all who ask.

    Raises:
        FormatError: It cannot be read.
    """
    status = bench.tree.stat(kernel.image)
    key = (kernel.image, status.mtime_ns, status.size)
    if key not in bench.images:
        image = bench.tree.read(kernel.image)
        bench.images[key] = initramfs.members(image, imagekinds.is_told)
    return bench.images[key]


def needed(bench: Bench, kernel: Kernel) -> list[str]:
    """Modules without which this kernel cannot mount the root file system on ECS."""
    return kernel.modules.closure(
        (*NEEDED, *bench.layout.early_modules, *bench.layout.early_file_systems, _NVME)
    )


def wanted(bench: Bench, kernel: Kernel) -> list[str]:
    """All modules to put into an image that is repaired, in the order to load them."""
    early = bench.layout.early_file_systems
    extra = [name for kind in early for name in _CHECKSUMS.get(kind, ())]
    return kernel.modules.closure((*NEEDED, *extra, *early, _NVME, *USEFUL, *_STACKED))


def unable(kernel: Kernel) -> list[str]:
    """Drivers this kernel has in no form."""
    return [name for name in NEEDED if not kernel.modules.has(name)]


def modules_of(bench: Bench, release: str) -> modules.Modules | None:
    """A kernel's modules; None when there is no index of them."""
    dep = data(bench.tree, f"{MODULES}/{release}/modules.dep")
    if dep is None:
        return None
    builtin = data(bench.tree, f"{MODULES}/{release}/modules.builtin") or b""
    return modules.parse(dep, builtin, bench.text(f"/boot/config-{release}") or "")


def _first(bench: Bench, patterns: tuple[str, ...], release: str) -> str:
    flavour = _flavour(bench, release)
    for pattern in patterns:
        if ("{esp}" in pattern and not bench.tools.esp) or ("{flavour}" in pattern and not flavour):
            continue
        words = {"release": release, "flavour": flavour, "esp": bench.tools.esp}
        for path in bench.glob(pattern.format(**words)):
            return path
    return ""


def _flavour(bench: Bench, release: str) -> str:
    """``linux`` of Arch (in ``pkgbase``); ``lts`` of Alpine's 6.6.1-0-lts."""
    base = (bench.text(f"{MODULES}/{release}/pkgbase") or "").strip()
    return base or (release.rpartition("-")[2] if "-" in release else "")
