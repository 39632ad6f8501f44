# SPDX-License-Identifier: Apache-2.0
"""What shall be done: target disks, volumes, the instance. Decided once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hostlift.model.machine import Firmware, TableKind

GIB = 1 << 30


class Content(StrEnum):
    """What a target partition holds; ``EMPTY``: nothing is made in it (an extended partition)."""

    FILES = "files"
    SWAP = "swap"
    BIOS_BOOT = "bios-boot"
    ESP = "esp"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPartition:
    """One partition to make.

    Attributes:
        number: As in the table, from 1; the same as on the source.
        start: Byte offset; a multiple of 1 MiB wherever the source allowed it.
        size: Bytes.
        type: As in `model.machine.Partition`.
        file_system: ``ext4``, ``xfs``, ``btrfs``, ``swap``, ``vfat`` or empty.
        fs_uuid: The source's, so that fstab and boot loader keep working.
        fs_features: ext4 features of the source: none is added that its kernel may not read.
        mount_point: Absolute path in the migrated system; empty when it is not mounted.
    """

    number: int
    start: int
    size: int
    type: str
    content: Content
    uuid: str = ""
    name: str = ""
    bootable: bool = False
    file_system: str = ""
    fs_uuid: str = ""
    fs_label: str = ""
    fs_features: tuple[str, ...] = ()
    fs_inode_size: int = 0
    fs_inodes: int = 0
    mount_point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDisk:
    """One disk of the migrated server; index 0 is the system disk, N is ``_disk{N}``.

    ``table`` None means the file system sits on the whole disk (``partitions`` then has exactly
    one element with number 0 and start 0).
    """

    index: int
    size_gib: int
    table: TableKind | None
    table_id: str = ""
    partitions: tuple[TargetPartition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """One source file system (or directory) and where it goes within its volume.

    Attributes:
        path: Absolute directory on the source, without the source root's prefix.
        prefix: Directory inside the volume, ``/`` for its root.
        one_file_system: Do not descend into other mounts below (they are trees of their own).
    """

    path: str
    prefix: str = "/"
    one_file_system: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A target file system and what fills it.

    Attributes:
        id: ``disk0p1``: unique within the plan; names the volume on the wire and in the manifest.
        mount_point: Where the migrated system mounts it; decides the order of mounting.
        excludes: rsync filter patterns, anchored at the volume's root, in file order.
    """

    id: str
    disk: int
    partition: int
    mount_point: str
    file_system: str
    trees: tuple[SourceTree, ...]
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What to expect. Bytes, seconds, and money in the account's currency (None: not known)."""

    bytes: int
    files: int
    seconds: float
    freeze_seconds: float
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan:
    """Everything that is decided before anything is created."""

    hostname: str
    region: str
    image_name: str
    platform: str
    architecture: str
    os_id: str
    os_like: tuple[str, ...]
    firmware: Firmware
    disks: tuple[TargetDisk, ...]
    volumes: tuple[Volume, ...]
    forecast: Forecast
    workload_hooks: tuple[str, ...] = ()
    listening: tuple[int, ...] = ()
    bandwidth_limit: int = 0
    """KB/s, 0 = unlimited."""
    warnings: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    """Which addresses will change, and every file that names the old ones."""
