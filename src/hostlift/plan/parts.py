# SPDX-License-Identifier: Apache-2.0
"""Target partitions made from source partitions: identity kept, size decided by the layout."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from hostlift.model.machine import FileSystem, Machine, Partition, TableKind, VolumeGroup
from hostlift.model.plan import Content, TargetPartition
from hostlift.plan import lodgers
from hostlift.plan.formatting import formatted, formatted_for, room_for
from hostlift.plan.layout import Slot, align
from hostlift.plan.lodgers import Lodger
from hostlift.plan.placing import SYSTEM_DISK, Seat

ESP_GPT_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
ESP_MBR_TYPE = "ef"
ESP_TYPES = frozenset({ESP_GPT_TYPE, ESP_MBR_TYPE})
BIOS_BOOT_TYPE = "21686148-6449-6E6F-744E-656564454649"
EXTENDED_TYPES = frozenset({"5", "f", "85"})
LINUX_GPT_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
LINUX_MBR_TYPE = "83"
SWAP_GPT_TYPE = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
SWAP_MBR_TYPE = "82"
LVM_GPT_TYPE = "E6D6D379-F507-44C2-A23C-238F2A3DF928"
LVM_MBR_TYPE = "8e"
FIRST_LOGICAL = 5

_LVM_GROUPS = (6, 4, 4, 4, 4, 4, 6)
_NAMESPACE = uuid.UUID("5f6d2b1e-0f0c-5d4b-9a3e-686f73746c66")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A source partition and what becomes of it.

    Attributes:
        seat: The volume on it, when it holds files that are copied.
        swap: The swap area on it.
        size: Bytes that the file system or swap area had, where that is not the partition's size:
            it lay on an array, or is a logical volume that gets a partition of its own.
        group: The LVM group on it, with
        lodgers: the logical volumes that are made.
    """

    partition: Partition
    content: Content
    seat: Seat | None = None
    swap: FileSystem | None = None
    size: int = 0
    group: VolumeGroup | None = None
    lodgers: tuple[Lodger, ...] = ()


def derived_uuid(machine: Machine, *what: object) -> str:
    """A UUID for something new that is the same in every plan of this source."""
    text = "/".join([machine.machine_id or machine.hostname, *map(str, what)])
    return str(uuid.uuid5(_NAMESPACE, text))


def derived_table_id(machine: Machine, table: TableKind, disk: int) -> str:
    """Identity of a partition table that the source does not have."""
    id_ = derived_uuid(machine, "table", disk)
    return id_.upper() if table is TableKind.GPT else f"0x{id_[:8]}"


def lvm_id(uuid_text: str) -> str:
    """An identity as LVM writes it, from a UUID: its 32 letters in other groups."""
    plain, parts = uuid_text.replace("-", ""), []
    for length in _LVM_GROUPS:
        parts.append(plain[:length])
        plain = plain[length:]
    return "-".join(parts)


def slot(part: Part, children: tuple[Part, ...] = ()) -> Slot:
    """The partition as the layout sees it."""
    was = part.partition.size
    wanted = minimum = part.size or was
    grows = part.seat is not None and part.seat.mount_point == "/"
    if part.content is Content.FILES and part.seat is not None:
        room = room_for(part.seat.used)
        wanted = max(wanted, room) if part.seat.guests else wanted
        minimum = min(wanted, room)
    if part.group is not None:
        wanted = max(was, align(lodgers.wanted(part.group, part.lodgers)))
        minimum = align(lodgers.minimum(part.group, part.lodgers))
        grows = any(x.is_root for x in part.lodgers)
    return Slot(
        number=part.partition.number,
        start=part.partition.start,
        was=was,
        wanted=wanted,
        minimum=minimum,
        grows=grows,
        children=tuple(slot(c) for c in children),
    )


def target(machine: Machine, part: Part, place: tuple[int, int]) -> TargetPartition:
    """The partition to make at a place."""
    source, seat = part.partition, part.seat
    base = TargetPartition(
        number=source.number,
        start=place[0],
        size=place[1],
        type=_type(part),
        content=part.content,
        uuid=source.uuid,
        name=source.name,
        bootable=source.bootable,
    )
    if part.swap is not None:
        return formatted(base, part.swap, mount_point="", inodes=0)
    if part.group is not None:
        uuid_ = physical_id(machine, part.group, SYSTEM_DISK)
        return replace(base, physical=lodgers.fill(part.group, part.lodgers, place, uuid_))
    return base if seat is None else formatted_for(seat, base, part.size or source.size)


def physical_id(machine: Machine, group: VolumeGroup, disk: int) -> str:
    """The first physical volume keeps its identity on the system disk; the others get new ones."""
    if disk == SYSTEM_DISK and group.physical:
        return group.physical[0].uuid
    return lvm_id(derived_uuid(machine, "physical volume", group.uuid, disk))


def _type(part: Part) -> str:
    """The source's, unless it spoke of an array, a container or LVM that is not there any more."""
    gpt = "-" in part.partition.type
    if part.group is not None:
        return LVM_GPT_TYPE if gpt else LVM_MBR_TYPE
    layered = part.seat is not None and part.seat.spot.through
    if not (layered or part.size):
        return part.partition.type
    if part.swap is not None:
        return SWAP_GPT_TYPE if gpt else SWAP_MBR_TYPE
    if part.content is Content.ESP:
        return part.partition.type
    return LINUX_GPT_TYPE if gpt else LINUX_MBR_TYPE
