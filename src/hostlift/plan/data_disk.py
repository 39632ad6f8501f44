# SPDX-License-Identifier: Apache-2.0
"""A data disk: one file system, made as the source has it, on a disk of its own."""

from __future__ import annotations

from dataclasses import replace

from hostlift.errors import ConfigError
from hostlift.model.machine import FileSystem, Machine, TableKind, VolumeGroup
from hostlift.model.plan import GIB, Content, TargetDisk, TargetPartition
from hostlift.model.spots import Spot
from hostlift.plan import parts
from hostlift.plan.formatting import formatted_for, room_for
from hostlift.plan.layout import MBR_LIMIT, MIB
from hostlift.plan.lodgers import fill, lodgers, minimum, wanted
from hostlift.plan.placing import Seat, Seating, is_within
from hostlift.settings.rules import CHOOSE

SMALLEST_GIB = 20
LARGEST_GIB = 32768
_LAST_PRIMARY = 4
_TABLE_ROOM = 4 * MIB


def plan(machine: Machine, seating: Seating, seat: Seat) -> tuple[TargetDisk, list[str]]:
    """The disk to make, and what to tell the user.

    Raises:
        ConfigError: The size does not hold what is used.
    """
    around = _around(machine, seat)
    if seat.group is not None:
        return _group(machine, seating, seat, seat.group), []
    size_gib = _size(seat, room_for(seat.used) + 2 * MIB, _was(seat, around))
    warnings = [] if seat.source else _unknown_use(seat, around, size_gib)
    bare = seat.source is not None and not seat.spot.through
    if bare and seat.source_disk is not None and seat.partition is None:
        return _whole(seat, seat.source_disk.size, size_gib), warnings
    disk = _partitioned(machine, seating, seat, size_gib)
    return (disk if seat.source else _with_new_fs(machine, seating, seat, disk)), warnings


def key(seat: Seat, field: str) -> str:
    """Path of a setting of this disk."""
    return f"data_disks[{seat.position}].{field}"


def _around(machine: Machine, seat: Seat) -> FileSystem:
    """The file system a directory lies in; of a mount point, itself."""
    inside = [fs for fs in machine.file_systems if is_within(seat.mount_point, fs.mount_point)]
    return max(inside, key=lambda fs: len(fs.mount_point))


def _was(seat: Seat, around: FileSystem) -> int:
    return _source_size(seat) if seat.source else room_for(around.used)


def _size(seat: Seat, needed: int, was: int) -> int:
    wish = seat.wish.data_disk_size if seat.wish else -1
    least = max(-(-needed // GIB), SMALLEST_GIB)
    if least > LARGEST_GIB:
        raise ConfigError(
            f"{seat.used / GIB:.1f} GiB are in use at {seat.mount_point}: that is more than the"
            f" largest disk holds ({LARGEST_GIB} GiB)",
            subject=key(seat, "src_path"),
            hint="List some of its directories as data disks of their own.",
        )
    if wish in CHOOSE:
        return min(max(-(-was // GIB), least), LARGEST_GIB)
    if wish * GIB < needed:
        raise ConfigError(
            f"{wish} GiB is too small: {seat.used / GIB:.1f} GiB are in use at"
            f" {seat.mount_point}; at least {least} GiB are needed with free space",
            subject=key(seat, "data_disk_size"),
            hint=f"Set it to {least} or more, or to -1.",
        )
    return wish


def _group(machine: Machine, seating: Seating, seat: Seat, group: VolumeGroup) -> TargetDisk:
    """One physical volume over the disk, with the group's volumes that belong here."""
    found = lodgers(machine, seating, group, seat.disk)
    needed = minimum(group, found) + 3 * MIB
    size_gib = _size(seat, needed, wanted(group, found) + 3 * MIB)
    bare = replace(seat, source=None, spot=Spot())
    disk = _partitioned(machine, seating, bare, size_gib)
    gpt = disk.table is TableKind.GPT
    partition = replace(
        disk.partitions[0],
        type=parts.LVM_GPT_TYPE if gpt else parts.LVM_MBR_TYPE,
        content=Content.LVM,
    )
    uuid = parts.physical_id(machine, group, seat.disk)
    made = fill(group, found, (partition.start, partition.size), uuid)
    return replace(disk, partitions=(replace(partition, physical=made),))


def _source_size(seat: Seat) -> int:
    """What the disk was, when the file system fills it; else what the partition was."""
    disk, partition = seat.source_disk, seat.partition
    if seat.spot.through:
        return seat.spot.size + 2 * MIB
    if disk is not None and (partition is None or partition.size + _TABLE_ROOM >= disk.size):
        return disk.size
    if partition is not None:
        return partition.size + 2 * MIB
    return seat.source.size + 2 * MIB if seat.source else 0


def _unknown_use(seat: Seat, around: FileSystem, size_gib: int) -> list[str]:
    told = [
        f"{seat.mount_point} becomes a disk of its own: a line for it is added to fstab",
    ]
    if around.used > size_gib * GIB:
        told.append(
            f"{key(seat, 'data_disk_size')}: how much {seat.mount_point} holds is not known before"
            f" the copy; {around.mount_point} around it uses {around.used / GIB:.1f} GiB"
        )
    return told


def _whole(seat: Seat, was: int, size_gib: int) -> TargetDisk:
    base = TargetPartition(number=0, start=0, size=size_gib * GIB, type="", content=Content.FILES)
    made = formatted_for(seat, base, was)
    return TargetDisk(index=seat.disk, size_gib=size_gib, table=None, partitions=(made,))


def _partitioned(machine: Machine, seating: Seating, seat: Seat, size_gib: int) -> TargetDisk:
    """One partition over the disk, with the identity it had."""
    source, disk = seat.partition, seat.source_disk
    layered = bool(seat.spot.through)
    table = (disk.table if disk and not layered else None) or TableKind.GPT
    source = None if layered else source
    size = size_gib * GIB
    logical = table is TableKind.MBR and source is not None and source.number > _LAST_PRIMARY
    if table is TableKind.MBR and size > MBR_LIMIT:
        table, source = TableKind.GPT, None
    moved = source is None or logical
    end = size - MIB if table is TableKind.GPT else size
    base = TargetPartition(
        number=1 if source is None or moved else source.number,
        start=MIB,
        size=end - MIB,
        type=source.type if source and source.type else _linux(table),
        content=Content.FILES,
        uuid=_partition_uuid(machine, seat, table, source.uuid if source else ""),
        name=source.name if source else "",
    )
    return TargetDisk(
        index=seat.disk,
        size_gib=size_gib,
        table=table,
        table_id=_table_id(machine, seating, seat, table),
        partitions=(formatted_for(seat, base, source.size if source else _fs_size(seat)),),
    )


def _fs_size(seat: Seat) -> int:
    return seat.source.size if seat.source else 0


def _linux(table: TableKind) -> str:
    return parts.LINUX_GPT_TYPE if table is TableKind.GPT else parts.LINUX_MBR_TYPE


def _partition_uuid(machine: Machine, seat: Seat, table: TableKind, was: str) -> str:
    if table is TableKind.MBR:
        return ""
    return was or parts.derived_uuid(machine, "partition", seat.mount_point).upper()


def _table_id(machine: Machine, seating: Seating, seat: Seat, table: TableKind) -> str:
    """The source disk's, unless another disk of the target has it already."""
    disk = seat.source_disk if not seat.spot.through else None
    earlier = [
        s
        for s in seating.seats
        if s.source_disk == disk and (s.wish is None or s.position < seat.position)
    ]
    if disk is None or disk.table is not table or earlier or not disk.table_id:
        return parts.derived_table_id(machine, table, seat.disk)
    return disk.table_id


def _with_new_fs(machine: Machine, seating: Seating, seat: Seat, disk: TargetDisk) -> TargetDisk:
    """A directory becomes a disk: a file system like the root's, with an identity of its own."""
    root = seating.root.source
    like = root is not None and root.kind in ("ext4", "xfs")
    made = replace(
        disk.partitions[0],
        file_system=root.kind if root and like else "ext4",
        fs_uuid=parts.derived_uuid(machine, "file system", seat.mount_point),
        fs_features=root.features if root and like else (),
        fs_inode_size=root.inode_size if root and like else 0,
        mount_point=seat.mount_point,
    )
    return replace(disk, partitions=(made,))
