# SPDX-License-Identifier: Apache-2.0
"""What shall be done: target disks, volumes, the instance. Decided once, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hostlift.model.cost import Cost
from hostlift.model.machine import Firmware, TableKind

GIB = 1 << 30


class Content(StrEnum):
    """What a target partition holds; ``EMPTY``: nothing is made in it (an extended partition)."""

    FILES = "files"
    SWAP = "swap"
    BIOS_BOOT = "bios-boot"
    ESP = "esp"
    LVM = "lvm"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSubvolume:
    """A btrfs subvolume to make; ``path`` from the top of the file system, without a slash first."""

    path: str
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A stretch of a target disk and what is made in it.

    Attributes:
        start: Byte offset on the disk.
        size: Bytes.
        file_system: ``ext4``, ``xfs``, ``btrfs``, ``swap``, ``vfat`` or empty.
        fs_uuid: The source's, so that fstab and boot loader keep working.
        fs_features: ext4 features of the source: none is added that its kernel may not read.
        subvolumes: Of a btrfs, parents before children.
        mount_point: Absolute path in the migrated system; empty when it is not mounted.
    """

    start: int
    size: int
    content: Content
    file_system: str = ""
    fs_uuid: str = ""
    fs_label: str = ""
    fs_features: tuple[str, ...] = ()
    fs_inode_size: int = 0
    fs_inodes: int = 0
    subvolumes: tuple[TargetSubvolume, ...] = ()
    mount_point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLogical(Area):
    """A logical volume: one run of extents, so that it can be reached without device-mapper.

    Attributes:
        uuid: As LVM prints it; the source's, because GRUB looks for it.
    """

    name: str
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPhysical:
    """What makes a partition a physical volume of an LVM group.

    Attributes:
        uuid: Its own identity, as LVM prints it.
        extent_size: Bytes; the same on all of a group's physical volumes.
        volumes: The logical volumes that lie on it, in order.
    """

    group: str
    group_uuid: str
    uuid: str
    extent_size: int
    volumes: tuple[TargetLogical, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPartition(Area):
    """One partition to make; its start is a multiple of 1 MiB wherever the source allowed it.

    Attributes:
        number: As in the table, from 1; the same as on the source.
        type: As in `model.machine.Partition`.
        physical: With `Content.LVM`.
    """

    number: int
    type: str
    uuid: str = ""
    name: str = ""
    bootable: bool = False
    physical: TargetPhysical | None = None

    @property
    def areas(self) -> tuple[Area, ...]:
        """Itself, or the logical volumes on it."""
        return (self,) if self.physical is None else self.physical.volumes


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

    def area(self, volume: Volume) -> Area:
        """Where a volume of this disk lies.

        Raises:
            LookupError: It is not of this disk.
        """
        partition = next((p for p in self.partitions if p.number == volume.partition), None)
        for area in partition.areas if partition else ():
            if not isinstance(area, TargetLogical) or area.name == volume.logical:
                return area
        raise LookupError(f"{volume.id} is not on disk {self.index}")


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
        logical: Name of the logical volume on that partition; else empty.
        subvolume: The btrfs subvolume that is the volume, as in `TargetSubvolume`; else empty.
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
    logical: str = ""
    subvolume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What to expect. Bytes, seconds, and money (None: nobody asked)."""

    bytes: int
    files: int
    seconds: float
    freeze_seconds: float
    cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What is lost when a server that exists gets the migrated system.

    Attributes:
        disk: Its system disk, which is replaced by one of ``size_gib``.
        kept: Its data disks, which stay as they are.
    """

    instance: str
    name: str
    zone: str
    disk: str
    category: str
    size_gib: int
    kept: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For the person who has to agree."""
        stay = f"; its data disks stay: {', '.join(self.kept)}" if self.kept else ""
        return (
            f"ALL DATA on the system disk {self.disk} of {self.instance}"
            f" ({self.name or 'without a name'}) is erased{stay}"
        )


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
    erases: Erasure | None = None
    """What a target server loses at the very end."""


def nested(own: str, others: Iterable[str]) -> frozenset[bytes]:
    """Places in a subvolume where others of the same file system are seen: not its own content."""
    prefix = f"{own}/" if own else ""
    inner = (o[len(prefix) :] for o in others if o != own and o.startswith(prefix))
    return frozenset(i.encode("utf-8", "surrogateescape") for i in inner)
