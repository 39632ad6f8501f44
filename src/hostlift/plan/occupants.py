# SPDX-License-Identifier: Apache-2.0
"""What lies on each partition of the system disk, and what becomes of it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hostlift.errors import CheckBlocked
from hostlift.model.machine import Disk, FileSystem, Machine, Partition, TableKind
from hostlift.model.plan import Content
from hostlift.model.spots import Spot, spot
from hostlift.plan import parts
from hostlift.plan.lodgers import lodgers
from hostlift.plan.parts import Part
from hostlift.plan.placing import SYSTEM_DISK, Seat, Seating

_MBR_PRIMARIES = 4


def node_of(found: Spot) -> str:
    """The partition, or the whole disk, that something lies on."""
    if found.partition is not None:
        return found.partition.device
    return found.disk.device if found.disk is not None else ""


def occupants(machine: Machine, seating: Seating, disk: Disk, partition: Partition) -> list[Part]:
    """What is made of a partition: nothing, itself, or several in its place.

    Raises:
        CheckBlocked: There is no room in the table for those.
    """
    seats = [s for s in seating.on(SYSTEM_DISK) if node_of(s.spot) == partition.device]
    swaps = _swaps(machine, seating, partition)
    grouped = next((s.group for s in seats if s.group), None)
    if grouped is not None:
        found = lodgers(machine, seating, grouped, SYSTEM_DISK)
        if not found:
            return []
        return [Part(partition=partition, content=Content.LVM, group=grouped, lodgers=found)]
    if len(seats) + len(swaps) <= 1:
        held: list[Seat | FileSystem] = [*seats, *swaps]
        return [_whole(partition, x) for x in held]
    return list(_several(machine, disk, partition, [*swaps, *sorted(seats, key=_root_last)]))


def _swaps(machine: Machine, seating: Seating, partition: Partition) -> list[FileSystem]:
    kept = {s.group.uuid for s in seating.seats if s.group is not None}
    areas = []
    for swap in machine.swaps:
        found = spot(machine, swap.device, seating.system_disk)
        lodges = found.group is not None and found.group.uuid in kept
        opened = found.is_encrypted and not seating.decrypts
        if node_of(found) == partition.device and not (lodges or opened):
            areas.append(swap)
    return areas


def _whole(partition: Partition, held: Seat | FileSystem) -> Part:
    if isinstance(held, FileSystem):
        plain = held.device == partition.device
        size = 0 if plain else held.size
        return Part(partition=partition, content=Content.SWAP, swap=held, size=size)
    esp = partition.type in parts.ESP_TYPES
    content = Content.ESP if esp else Content.FILES
    layered = held.spot.through and held.spot.size != partition.size
    size = held.spot.size if layered else 0
    return Part(partition=partition, content=content, seat=held, size=size)


def _several(
    machine: Machine, disk: Disk, partition: Partition, held: list[Seat | FileSystem]
) -> Iterator[Part]:
    """A partition for each, the root's last; the first keeps the number that there was."""
    numbers = _numbers(disk, partition, len(held))
    for place, (number, what) in enumerate(zip(numbers, held, strict=True)):
        # Nothing is where it was: the layout has to place them anew, in this order.
        own = replace(
            partition,
            number=number,
            start=partition.start + place,
            size=0,
            uuid=_uuid(machine, partition, place, what),
            bootable=partition.bootable and not place,
        )
        size = what.size if isinstance(what, FileSystem) else what.spot.size
        part = _whole(own, what)
        yield replace(part, size=size)


def _uuid(machine: Machine, partition: Partition, place: int, what: Seat | FileSystem) -> str:
    if not place or not partition.uuid:
        return partition.uuid
    device = what.device if isinstance(what, FileSystem) else what.mount_point
    return parts.derived_uuid(machine, "partition", device).upper()


def _numbers(disk: Disk, partition: Partition, count: int) -> list[int]:
    taken = {p.number for p in disk.partitions}
    most = _MBR_PRIMARIES if disk.table is TableKind.MBR else 128
    free = [n for n in range(1, most + 1) if n not in taken]
    if len(free) < count - 1:
        raise CheckBlocked(
            f"{partition.device} holds {count} logical volumes, and the partition table has room for"
            f" {len(free) + 1} in its place",
            subject="flatten_lvm",
            hint="List some of them in data_disks, or leave flatten_lvm false: LVM is kept.",
        )
    return [partition.number, *free[: count - 1]]


def _root_last(seat: Seat) -> tuple[bool, str]:
    return seat.mount_point == "/", seat.mount_point
