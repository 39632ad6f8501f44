# SPDX-License-Identifier: Apache-2.0
"""What exists on the target, as the guest's files may name it."""

from __future__ import annotations

from enum import StrEnum

from hostlift.host.areas import mapper_name
from hostlift.model.adaptation import AdaptOrder
from hostlift.model.machine import TableKind
from hostlift.model.plan import (
    Area,
    Content,
    TargetDisk,
    TargetLogical,
    TargetPartition,
    TargetPhysical,
    Volume,
)


class Stacked(StrEnum):
    """Block devices made of others."""

    LOGICAL_VOLUME = "lv"
    ARRAY = "md"
    LUKS = "luks"


class Layout:
    """The target's disks by the names that fstab, boot loader and initramfs use."""

    def __init__(self, order: AdaptOrder) -> None:
        self._order = order
        self._areas = [a for d in order.disks for p in d.partitions for a in p.areas]
        self._names: set[str] = set()
        self._logical: dict[str, TargetLogical] = {}
        for disk in order.disks:
            for partition in disk.partitions:
                self._names |= _names(disk, partition)
                for area in partition.areas:
                    self._names |= _file_system_names(area)
                if partition.physical is not None:
                    self._logical |= _logical_names(partition.physical)

    def knows(self, spec: str) -> bool:
        """True for ``UUID=``, ``LABEL=``, ``PARTUUID=`` and ``PARTLABEL=`` of something we made.

        Also for the path of a logical volume that we made.
        """
        tag, equals, value = spec.partition("=")
        value = value.strip("\"'")
        return (bool(equals) and _name(tag, value) in self._names) or spec in self._logical

    def at(self, mount_point: str) -> Area | None:
        """What the migrated system mounts at a path."""
        for volume in self._order.volumes:
            if volume.mount_point == mount_point:
                return self._area(volume)
        return next((a for a in self._areas if a.mount_point == mount_point), None)

    @property
    def root(self) -> Area | None:
        """Where the root file system lies."""
        return self.at("/")

    @property
    def swaps(self) -> list[Area]:
        """All swap areas."""
        return [a for a in self._areas if a.content is Content.SWAP]

    @property
    def esp(self) -> str:
        """Where the migrated system mounts the EFI partition; empty when it does not."""
        found = (a for a in self._areas if a.content is Content.ESP)
        return next((place for a in found if (place := self._mounted_at(a))), "")

    @property
    def early_file_systems(self) -> tuple[str, ...]:
        """Kinds of the file systems that are mounted before the root is entered."""
        return tuple(dict.fromkeys(a.file_system for a in self._early if a.file_system))

    @property
    def early_modules(self) -> tuple[str, ...]:
        """Modules without which what those lie on is not found."""
        return ("dm_mod",) if any(isinstance(a, TargetLogical) for a in self._early) else ()

    def has_stacked(self, kind: Stacked, name: str) -> bool:
        """True for a logical volume (``group/volume``), array or LUKS device (UUID) we made.

        A logical volume may also be called by its UUIDs, as GRUB does. Arrays and LUKS devices
        are plain on the target: none of them exists.
        """
        return kind is Stacked.LOGICAL_VOLUME and name in self._logical

    def is_logical(self, area: Area, name: str) -> bool:
        """True when ``name`` (as for `has_stacked`) is the logical volume ``area``."""
        return self._logical.get(name) is area

    def disk_of(self, area: Area) -> TargetDisk | None:
        """The disk an area is on."""
        found = (d for d in self._order.disks for p in d.partitions if area in (p, *p.areas))
        return next(found, None)

    @property
    def boot_folder(self) -> tuple[Area | None, str]:
        """What holds ``/boot``, and the path of ``/boot`` in it."""
        separate = self.at("/boot")
        return (separate, "") if separate is not None else (self.root, "/boot")

    @property
    def system_disk(self) -> TargetDisk | None:
        """The disk the firmware starts from."""
        return next((d for d in self._order.disks if d.index == 0), None)

    @property
    def _early(self) -> list[Area]:
        return [area for place in ("/", "/usr") if (area := self.at(place)) is not None]

    def _mounted_at(self, area: Area) -> str:
        for volume in self._order.volumes:
            if self._area(volume) is area:
                return volume.mount_point
        return area.mount_point

    def _area(self, volume: Volume) -> Area | None:
        disk = next((d for d in self._order.disks if d.index == volume.disk), None)
        return disk.area(volume) if disk is not None else None


def _file_system_names(area: Area) -> set[str]:
    names: set[str] = set()
    if area.fs_uuid:
        names.add(_name("UUID", area.fs_uuid))
    if area.fs_label:
        names.add(_name("LABEL", area.fs_label))
    return names


def _names(disk: TargetDisk, partition: TargetPartition) -> set[str]:
    names: set[str] = set()
    if partition.uuid:
        names.add(_name("PARTUUID", partition.uuid))
    elif disk.table is TableKind.MBR and disk.table_id:
        bare = disk.table_id.lower().removeprefix("0x")
        names.add(_name("PARTUUID", f"{bare}-{partition.number:02x}"))
    if partition.name:
        names.add(_name("PARTLABEL", partition.name))
    return names


def _logical_names(physical: TargetPhysical) -> dict[str, TargetLogical]:
    names: dict[str, TargetLogical] = {}
    for volume in physical.volumes:
        names[f"{physical.group}/{volume.name}"] = volume
        names[f"/dev/{physical.group}/{volume.name}"] = volume
        names[f"/dev/mapper/{mapper_name(physical.group, volume.name)}"] = volume
        names[f"{physical.group_uuid}/{volume.uuid}"] = volume
    return names


def _name(tag: str, value: str) -> str:
    return f"{tag}={value.lower() if tag in {'UUID', 'PARTUUID'} else value}"
