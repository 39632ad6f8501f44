# SPDX-License-Identifier: Apache-2.0
"""Target partitions made from source partitions: identity kept, size decided by the layout."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from hostlift.model.machine import FileSystem, Machine, Partition, TableKind
from hostlift.model.plan import Content, TargetPartition
from hostlift.plan.layout import MIB, Slot, align
from hostlift.plan.placing import Seat

ESP_TYPES = frozenset({"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef"})
BIOS_BOOT_TYPE = "21686148-6449-6E6F-744E-656564454649"
EXTENDED_TYPES = frozenset({"5", "f", "85"})
LINUX_GPT_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
LINUX_MBR_TYPE = "83"
FIRST_LOGICAL = 5

_MARGIN_SHARE = 10
_LEAST_MARGIN = 512 * MIB
_NAMESPACE = uuid.UUID("5f6d2b1e-0f0c-5d4b-9a3e-686f73746c66")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A source partition and what becomes of it.

    Attributes:
        seat: The volume on it, when it holds files that are copied.
        swap: The swap area on it.
    """

    partition: Partition
    content: Content
    seat: Seat | None = None
    swap: FileSystem | None = None


def derived_uuid(machine: Machine, *what: object) -> str:
    """A UUID for something new that is the same in every plan of this source."""
    text = "/".join([machine.machine_id or machine.hostname, *map(str, what)])
    return str(uuid.uuid5(_NAMESPACE, text))


def derived_table_id(machine: Machine, table: TableKind, disk: int) -> str:
    """Identity of a partition table that the source does not have."""
    id_ = derived_uuid(machine, "table", disk)
    return id_.upper() if table is TableKind.GPT else f"0x{id_[:8]}"


def room_for(used: int) -> int:
    """Bytes of partition that certainly hold ``used`` bytes of files and leave air to breathe."""
    return align(used + max(used // _MARGIN_SHARE, _LEAST_MARGIN))


def slot(part: Part, children: tuple[Part, ...] = ()) -> Slot:
    """The partition as the layout sees it."""
    was = part.partition.size
    wanted = minimum = was
    if part.content is Content.FILES and part.seat is not None:
        room = room_for(part.seat.used)
        wanted = max(was, room) if part.seat.guests else was
        minimum = min(wanted, room)
    return Slot(
        number=part.partition.number,
        start=part.partition.start,
        was=was,
        wanted=wanted,
        minimum=minimum,
        grows=part.seat is not None and part.seat.mount_point == "/",
        children=tuple(slot(c) for c in children),
    )


def target(part: Part, place: tuple[int, int]) -> TargetPartition:
    """The partition to make at a place."""
    source, seat = part.partition, part.seat
    base = TargetPartition(
        number=source.number,
        start=place[0],
        size=place[1],
        type=source.type,
        content=part.content,
        uuid=source.uuid,
        name=source.name,
        bootable=source.bootable,
    )
    if part.swap is not None:
        return _formatted(base, part.swap, mount_point="", inodes=0)
    return base if seat is None else formatted_for(seat, base, source.size)


def _formatted(
    base: TargetPartition, fs: FileSystem, *, mount_point: str, inodes: int
) -> TargetPartition:
    return replace(
        base,
        file_system=fs.kind,
        fs_uuid=fs.uuid,
        fs_label=fs.label,
        fs_features=fs.features,
        fs_inode_size=fs.inode_size,
        fs_inodes=inodes,
        mount_point=mount_point,
    )


def inodes(seat: Seat, size: int, was: int) -> int:
    """Inodes to make on ext: as dense as on the source, and enough for all that is copied.

    Other file systems make them as they go: 0.
    """
    source = seat.source
    if source is None or not source.kind.startswith("ext") or not source.inodes:
        return 0
    dense = source.inodes * size // was if was else source.inodes
    return max(dense, seat.used_inodes * 6 // 5)


def formatted_for(seat: Seat, base: TargetPartition, was: int) -> TargetPartition:
    """A partition that mirrors the file system of a seat."""
    if seat.source is None:
        return base
    count = inodes(seat, base.size, was)
    return _formatted(base, seat.source, mount_point=seat.mount_point, inodes=count)
