# SPDX-License-Identifier: Apache-2.0
"""What exists on the target, as the guest's files may name it."""

from __future__ import annotations

from enum import StrEnum

from hostlift.model.adaptation import AdaptOrder
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk, TargetPartition


class Stacked(StrEnum):
    """Block devices made of others."""

    LOGICAL_VOLUME = "lv"
    ARRAY = "md"
    LUKS = "luks"


class Layout:
    """The target's disks by the names that fstab, boot loader and initramfs use."""

    def __init__(self, order: AdaptOrder) -> None:
        self._order = order
        self._partitions = [(d, p) for d in order.disks for p in d.partitions]
        self._names: set[str] = set()
        for disk, partition in self._partitions:
            self._names |= _names(disk, partition)

    def knows(self, spec: str) -> bool:
        """True for ``UUID=``, ``LABEL=``, ``PARTUUID=`` and ``PARTLABEL=`` of something we made."""
        tag, equals, value = spec.partition("=")
        value = value.strip("\"'")
        return bool(equals) and _name(tag, value) in self._names

    def at(self, mount_point: str) -> TargetPartition | None:
        """What the migrated system mounts at a path."""
        for volume in self._order.volumes:
            if volume.mount_point == mount_point:
                return self._find(volume.disk, volume.partition)
        for _, partition in self._partitions:
            if partition.mount_point == mount_point:
                return partition
        return None

    @property
    def root(self) -> TargetPartition | None:
        """The root file system's partition."""
        return self.at("/")

    @property
    def swaps(self) -> list[TargetPartition]:
        """All swap areas."""
        return [p for _, p in self._partitions if p.content is Content.SWAP]

    @property
    def esp(self) -> str:
        """Where the migrated system mounts the EFI partition; empty when it does not."""
        found = (p for _, p in self._partitions if p.content is Content.ESP)
        return next((place for p in found if (place := self._mounted_at(p))), "")

    @property
    def early_file_systems(self) -> tuple[str, ...]:
        """Kinds of the file systems that are mounted before the root is entered."""
        early = (self.at(place) for place in ("/", "/usr"))
        return tuple(dict.fromkeys(p.file_system for p in early if p is not None and p.file_system))

    def has_stacked(self, kind: Stacked, name: str) -> bool:  # noqa: ARG002 - see the docstring
        """True for a logical volume (``group/volume``), array or LUKS device (UUID) we made.

        Targets have plain partitions only, so far: none of them exists.
        """
        return False

    def disk_of(self, partition: TargetPartition) -> TargetDisk | None:
        """The disk a partition is on."""
        return next((d for d, p in self._partitions if p is partition), None)

    @property
    def boot_folder(self) -> tuple[TargetPartition | None, str]:
        """The partition that holds ``/boot``, and the path of ``/boot`` in it."""
        separate = self.at("/boot")
        return (separate, "") if separate is not None else (self.root, "/boot")

    @property
    def system_disk(self) -> TargetDisk | None:
        """The disk the firmware starts from."""
        return next((d for d in self._order.disks if d.index == 0), None)

    def _mounted_at(self, partition: TargetPartition) -> str:
        for volume in self._order.volumes:
            if self._find(volume.disk, volume.partition) is partition:
                return volume.mount_point
        return partition.mount_point

    def _find(self, disk: int, number: int) -> TargetPartition | None:
        found = (p for d, p in self._partitions if (d.index, p.number) == (disk, number))
        return next(found, None)


def _names(disk: TargetDisk, partition: TargetPartition) -> set[str]:
    names: set[str] = set()
    if partition.fs_uuid:
        names.add(_name("UUID", partition.fs_uuid))
    if partition.fs_label:
        names.add(_name("LABEL", partition.fs_label))
    if partition.uuid:
        names.add(_name("PARTUUID", partition.uuid))
    elif disk.table is TableKind.MBR and disk.table_id:
        bare = disk.table_id.lower().removeprefix("0x")
        names.add(_name("PARTUUID", f"{bare}-{partition.number:02x}"))
    if partition.name:
        names.add(_name("PARTLABEL", partition.name))
    return names


def _name(tag: str, value: str) -> str:
    return f"{tag}={value.lower() if tag in {'UUID', 'PARTUUID'} else value}"
