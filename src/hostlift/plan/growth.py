# SPDX-License-Identifier: Apache-2.0
"""Target disks that grow while the copy runs, because the source did.

A cloud's disk grows at its end, so what ends the disk can grow with it: its last partition, and on a
physical volume the last logical volume. Everything else keeps the size it was made with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hostlift.errors import ConfigError
from hostlift.model.machine import TableKind
from hostlift.model.plan import (
    GIB,
    Area,
    Content,
    MigrationPlan,
    TargetDisk,
    TargetLogical,
    TargetPartition,
    TargetPhysical,
)
from hostlift.plan import data_disk, system_disk
from hostlift.plan.formatting import room_for
from hostlift.plan.layout import MBR_LIMIT, MIB
from hostlift.plan.placing import SYSTEM_DISK

_CAN_GROW = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs"})
_AHEAD_SHARE = 5
"""A fifth more than is used now: it goes on growing."""


def grown(plan: MigrationPlan, sizes: Mapping[int, int]) -> MigrationPlan:
    """The plan with some disks of another size in GiB, and what ends them larger."""
    disks = tuple(
        _grown(d, sizes[d.index]) if sizes.get(d.index, 0) > d.size_gib else d for d in plan.disks
    )
    return replace(plan, disks=disks)


def size_for(plan: MigrationPlan, volume_id: str, used: int) -> tuple[int, int]:
    """The disk that must grow, and to how many GiB, for a volume to hold ``used`` bytes.

    Raises:
        ConfigError: It cannot grow; the hint says what can be done instead.
    """
    volume = next(v for v in plan.volumes if v.id == volume_id)
    disk = next(d for d in plan.disks if d.index == volume.disk)
    area = disk.area(volume)
    key = "system_disk_size" if disk.index == SYSTEM_DISK else "data_disks"
    needed = room_for(used + used // _AHEAD_SHARE)
    gib = max(disk.size_gib + 1, -(-(disk.size_gib * GIB + needed - area.size) // GIB))
    reason = _obstacle(disk, area, gib)
    if reason:
        raise ConfigError(
            f"{volume.mount_point} is full on the target: its source grew during the migration, and"
            f" {reason}",
            subject=key,
            hint="Free space on the source, or run 'hostlift data clear' (go2aliyun_client"
            f" --cleardata) and start again with a larger {key}: disk sizes cannot be changed once the"
            " intermediate instance exists.",
        )
    return disk.index, gib


def _obstacle(disk: TargetDisk, area: Area, gib: int) -> str:
    most = system_disk.LARGEST_GIB if disk.index == SYSTEM_DISK else data_disk.LARGEST_GIB
    if area.file_system not in _CAN_GROW:
        return f"a file system of kind {area.file_system} cannot grow"
    if area is not _last(disk)[1]:
        return "it is not the last one on its disk"
    if gib > most:
        return f"its disk would have {gib} GiB, more than the {most} that there are"
    if disk.table is TableKind.MBR and gib * GIB > MBR_LIMIT:
        return "an MBR partition table ends at 2 TiB"
    return ""


def _last(disk: TargetDisk) -> tuple[TargetPartition, Area]:
    """The partition that ends the disk, and what ends that."""
    made = [p for p in disk.partitions if p.content is not Content.EMPTY]
    partition = max(made, key=lambda p: p.start)
    return partition, max(partition.areas, key=lambda a: a.start)


def _grown(disk: TargetDisk, gib: int) -> TargetDisk:
    size = gib * GIB
    end = size - MIB if disk.table is TableKind.GPT else size
    last, _ = _last(disk)
    around = [p for p in disk.partitions if p.start <= last.start < p.start + p.size]
    numbers = {p.number for p in around}
    partitions = tuple(
        _longer(p, end - p.start) if p.number in numbers else p for p in disk.partitions
    )
    return replace(disk, size_gib=gib, partitions=partitions)


def _longer(partition: TargetPartition, size: int) -> TargetPartition:
    made = replace(partition, size=max(size, partition.size))
    if made.physical is None:
        return made
    end = made.start + made.size
    return replace(made, physical=_with_longer_last(made.physical, end))


def _with_longer_last(physical: TargetPhysical, end: int) -> TargetPhysical:
    last = max(physical.volumes, key=lambda v: v.start)
    size = (end - last.start) // physical.extent_size * physical.extent_size

    def longer(volume: TargetLogical) -> TargetLogical:
        return replace(volume, size=max(size, volume.size)) if volume is last else volume

    return replace(physical, volumes=tuple(longer(v) for v in physical.volumes))
