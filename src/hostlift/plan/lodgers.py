# SPDX-License-Identifier: Apache-2.0
"""The logical volumes of a group that is kept: which there are, how large they get, where they lie.

Each becomes one run of extents. What the group had free stays free; the root takes what a larger
disk adds, and gives way first on a smaller one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hostlift.model.machine import FileSystem, LogicalVolume, Machine, VolumeGroup
from hostlift.model.plan import Content, TargetLogical, TargetPhysical
from hostlift.model.spots import spot
from hostlift.plan.formatting import formatted, formatted_for, room_for
from hostlift.plan.layout import MIB, TooSmall
from hostlift.plan.placing import Seat, Seating

HEAD = MIB
"""LVM's metadata, before the first extent."""
_LINEAR = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lodger:
    """A logical volume to make, for the file system of a seat or a swap area."""

    logical: LogicalVolume
    seat: Seat | None = None
    swap: FileSystem | None = None

    @property
    def wanted(self) -> int:
        """Bytes when there is room."""
        room = room_for(self.seat.used) if self.seat and self.seat.guests else 0
        return max(self.logical.size, room)

    @property
    def minimum(self) -> int:
        """Bytes that it cannot do without."""
        return min(self.wanted, room_for(self.seat.used)) if self.seat else self.logical.size

    @property
    def is_root(self) -> bool:
        """True for the root file system."""
        return self.seat is not None and self.seat.mount_point == "/"


def lodgers(
    machine: Machine, seating: Seating, group: VolumeGroup, disk: int
) -> tuple[Lodger, ...]:
    """What lies on one target disk of a group, in the group's order."""
    mine = [s for s in seating.seats if s.group == group and not s.of]
    seats = {s.logical.device: s for s in mine if s.logical and s.disk == disk}
    home = min((s.disk for s in mine), default=disk)
    swaps = {s.device: s for s in machine.swaps if disk == home and _is_plain(machine, s, seating)}
    return tuple(
        Lodger(logical=v, seat=seats.get(v.device), swap=swaps.get(v.device))
        for v in group.logical
        if v.device in seats or v.device in swaps
    )


def _is_plain(machine: Machine, swap: FileSystem, seating: Seating) -> bool:
    return seating.decrypts or not spot(machine, swap.device).is_encrypted


def wanted(group: VolumeGroup, found: Sequence[Lodger]) -> int:
    """Bytes of partition on which each gets what it wants."""
    return HEAD + sum(_extents(group, x.wanted) for x in found) * group.extent_size


def minimum(group: VolumeGroup, found: Sequence[Lodger]) -> int:
    """Bytes of partition that hold them all."""
    return HEAD + sum(_extents(group, x.minimum) for x in found) * group.extent_size


def fill(
    group: VolumeGroup, found: Sequence[Lodger], place: tuple[int, int], uuid: str
) -> TargetPhysical:
    """The physical volume on a partition at ``place`` (start and size), with its volumes.

    Raises:
        TooSmall: They do not fit.
    """
    start, size = place
    sizes = _sizes(group, found, (size - HEAD) // group.extent_size)
    made: list[TargetLogical] = []
    cursor = start + HEAD
    for lodger, extents in zip(found, sizes, strict=True):
        length = extents * group.extent_size
        made.append(_made(lodger, cursor, length))
        cursor += length
    return TargetPhysical(
        group=group.name,
        group_uuid=group.uuid,
        uuid=uuid,
        extent_size=group.extent_size,
        volumes=tuple(made),
    )


def changes(machine: Machine, seating: Seating) -> Iterator[str]:
    """What is not as it was in the groups that are kept, for a person."""
    groups = {s.group.uuid: s.group for s in seating.seats if s.group}
    for group in groups.values():
        disks = sorted({s.disk for s in seating.seats if s.group == group})
        kept = [x for d in disks for x in lodgers(machine, seating, group, d)]
        for lodger in kept:
            if lodger.logical.kind != _LINEAR:
                yield f"{lodger.logical.device} ({lodger.logical.kind}) becomes a linear volume"
        names = {x.logical.name for x in kept}
        for volume in group.logical:
            if volume.name not in names:
                holds = f", {volume.holds}" if volume.holds else ""
                yield f"{volume.device} ({volume.kind}{holds}) is left out: nothing of it is mounted"
        if len(disks) > 1:
            yield (
                f"the LVM group {group.name} lies on {len(disks)} disks of the target: it needs them"
                " all to start; flatten_lvm makes plain file systems of its volumes"
            )


def _sizes(group: VolumeGroup, found: Sequence[Lodger], capacity: int) -> list[int]:
    """Extents of each on a physical volume with so many."""
    sizes = [_extents(group, x.wanted) for x in found]
    least = [_extents(group, x.minimum) for x in found]
    order = sorted(range(len(found)), key=lambda i: (not found[i].is_root, least[i] - sizes[i], i))
    over = sum(sizes) - capacity
    for i in order:
        give = min(max(over, 0), sizes[i] - least[i])
        sizes[i] -= give
        over -= give
    if over > 0:
        raise TooSmall(HEAD + sum(least) * group.extent_size)
    more = capacity - sum(sizes) - _spare(group)
    if order and found[order[0]].is_root and more > 0:
        sizes[order[0]] += more
    return sizes


def _spare(group: VolumeGroup) -> int:
    """Extents that were free on the source."""
    there = sum(max(p.size - HEAD, 0) // group.extent_size for p in group.physical)
    return max(0, there - sum(_extents(group, v.size) for v in group.logical))


def _extents(group: VolumeGroup, size: int) -> int:
    return -(-size // group.extent_size)


def _made(lodger: Lodger, start: int, size: int) -> TargetLogical:
    swap = lodger.swap is not None
    base = TargetLogical(
        name=lodger.logical.name,
        uuid=lodger.logical.uuid,
        start=start,
        size=size,
        content=Content.SWAP if swap else Content.FILES,
    )
    if lodger.swap is not None:
        return formatted(base, lodger.swap, mount_point="", inodes=0)
    return formatted_for(lodger.seat, base, lodger.logical.size) if lodger.seat else base
