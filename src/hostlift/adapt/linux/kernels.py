# SPDX-License-Identifier: Apache-2.0
"""The copy's kernels, and what each needs to find its disks on ECS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostlift.adapt.formats import modules
from hostlift.adapt.linux.bench import Bench

MODULES = "/lib/modules"
NEEDED = ("virtio_pci", "virtio_blk")
"""Without these there is no disk."""
USEFUL = ("virtio_scsi", "virtio_net", "nvme")
"""Carried along when an image is repaired; some instance types have their disks on NVMe."""
_CHECKSUMS = {
    "ext4": ("crc32c_generic", "crc32c"),
    "xfs": ("crc32c_generic", "crc32c"),
    "btrfs": ("crc32c_generic", "crc32c", "xxhash_generic", "blake2b_generic", "sha256_generic"),
}
"""Asked for by name at run time, so modules.dep does not know."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An installed kernel with its image."""

    release: str
    image: str
    modules: modules.Modules


def kernels(bench: Bench) -> Iterator[Kernel]:
    """Every kernel that has both modules and an initramfs."""
    for release in bench.names(MODULES):
        image = bench.family.initramfs.format(release=release)
        if not bench.tree.exists(image) or not bench.tree.exists(f"/boot/vmlinuz-{release}"):
            continue
        try:
            dep = bench.tree.read(f"{MODULES}/{release}/modules.dep")
            builtin = bench.tree.read(f"{MODULES}/{release}/modules.builtin")
        except FileNotFoundError:
            bench.note(f"kernel {release} has no index of its modules and was not looked at")
            continue
        yield Kernel(release, image, modules.parse(dep, builtin))


def needed(bench: Bench, kernel: Kernel) -> list[str]:
    """Modules without which this kernel cannot mount the root file system on ECS."""
    root = bench.layout.root
    file_system = (root.file_system,) if root is not None and root.file_system else ()
    return kernel.modules.closure((*NEEDED, *file_system))


def wanted(bench: Bench, kernel: Kernel) -> list[str]:
    """All modules to put into an image that is repaired, in the order to load them."""
    root = bench.layout.root
    file_system = (root.file_system,) if root is not None and root.file_system else ()
    extra = _CHECKSUMS.get(file_system[0], ()) if file_system else ()
    return kernel.modules.closure((*NEEDED, *extra, *file_system, *USEFUL))


def unable(kernel: Kernel) -> list[str]:
    """Drivers this kernel has in no form."""
    return [name for name in NEEDED if not kernel.modules.has(name)]
