# SPDX-License-Identifier: Apache-2.0
"""Kernel module indexes: which module needs which, and in what order they load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_SUFFIXES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")
# Kernels older than 2.6.33 do not say what is built in; their configuration does.
_OPTIONS = {
    "VIRTIO_PCI": "virtio_pci",
    "VIRTIO_BLK": "virtio_blk",
    "SCSI_VIRTIO": "virtio_scsi",
    "VIRTIO_NET": "virtio_net",
    "BLK_DEV_NVME": "nvme",
    "BLK_DEV_SD": "sd_mod",
    "BLK_DEV_DM": "dm_mod",
    "EXT2_FS": "ext2",
    "EXT3_FS": "ext3",
    "EXT4_FS": "ext4",
    "XFS_FS": "xfs",
    "BTRFS_FS": "btrfs",
}


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules of one kernel.

    Attributes:
        files: Name -> path below ``/lib/modules/RELEASE``.
        needs: Name -> names it needs loaded before.
        builtin: Names that are part of the kernel itself.
    """

    files: Mapping[str, str]
    needs: Mapping[str, tuple[str, ...]]
    builtin: frozenset[str]

    def has(self, name: str) -> bool:
        """True when the kernel can do it, built in or by a module."""
        return name in self.builtin or name in self.files

    def closure(self, names: Iterable[str]) -> list[str]:
        """``names`` and all they need, without built-in ones, in the order to load them.

        Names the kernel does not know are left out.
        """
        order: dict[str, None] = {}
        for name in names:
            self._visit(name, order, set())
        return list(order)

    def _visit(self, name: str, order: dict[str, None], above: set[str]) -> None:
        if name in order or name in above or name not in self.files:
            return
        for needed in self.needs.get(name, ()):
            self._visit(needed, order, above | {name})
        order[name] = None


def parse(dep: bytes, builtin: bytes, config: str) -> Modules:
    """The content of ``modules.dep``, ``modules.builtin`` and ``/boot/config-RELEASE``."""
    files: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for line in dep.decode("utf-8", "replace").splitlines():
        path, colon, rest = line.partition(":")
        if colon:
            name = module_name(path)
            files[name] = _below(path.strip())
            needs[name] = tuple(module_name(p) for p in rest.split())
    inside = {module_name(p) for p in builtin.decode("utf-8", "replace").split()}
    chosen = re.findall(r"(?m)^CONFIG_(\w+)=y$", config)
    inside |= {_OPTIONS[name] for name in chosen if name in _OPTIONS}
    return Modules(files, needs, frozenset(inside))


def _below(path: str) -> str:
    """Old indexes name files from the root: ``/lib/modules/RELEASE/kernel/…``."""
    return path.split("/", 4)[4] if path.startswith("/lib/modules/") else path


def module_name(path: str) -> str:
    """``kernel/drivers/block/virtio_blk.ko.xz`` -> ``virtio_blk``; dashes are underscores."""
    base = path.strip().rpartition("/")[2]
    for suffix in _SUFFIXES:
        base = base.removesuffix(suffix)
    return base.replace("-", "_")


def is_module(path: str) -> bool:
    """True for the file name of a module, compressed or not."""
    return path.endswith(_SUFFIXES)
