# SPDX-License-Identifier: Apache-2.0
"""Where partitions go on a disk of another size.

Everything stays where it was when that fits. Otherwise partitions are placed one after the other,
the one that grows gives way first, then the others, never below what they need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hostlift.model.machine import TableKind

MIB = 1 << 20
SECTOR = 512
MBR_LIMIT = ((1 << 32) - 1) * SECTOR // MIB * MIB
"""An MBR holds 32-bit sector numbers."""
_GPT_TAIL = 33 * SECTOR
"""The backup header and table at the end of the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A partition to place.

    Attributes:
        start: Where it was on the source.
        wanted: Its size when there is room; what it was, or more.
        was: Its size on the source.
        minimum: What it may be shrunk to.
        grows: Takes the space that is left, when it is the last on the disk.
        children: Logical partitions; this is the extended one around them.
    """

    number: int
    start: int
    wanted: int
    was: int
    minimum: int
    grows: bool = False
    children: tuple[Slot, ...] = ()


class TooSmall(Exception):
    """The partitions do not fit; ``needed`` bytes of disk would do."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"{needed} bytes needed")
        self.needed = needed


Places = dict[int, tuple[int, int]]
"""Start and size by partition number."""


def align(value: int) -> int:
    """The next multiple of 1 MiB."""
    return -(-value // MIB) * MIB


def disk_needed(slots: Sequence[Slot], table: TableKind) -> int:
    """Bytes of disk on which every slot gets the size it wants."""
    tail = _GPT_TAIL if table is TableKind.GPT else 0
    if _unchanged(slots):
        return max(s.start + s.was for s in slots) + tail
    return _end(_in_sequence(slots, {s.number: s.wanted for s in _leaves(slots)})) + tail


def arrange(slots: Sequence[Slot], disk_size: int, table: TableKind) -> Places:
    """Places for all slots on a disk of ``disk_size`` bytes.

    Raises:
        TooSmall: Even the minima do not fit.
    """
    ordered = sorted(slots, key=lambda s: s.start)
    hard_end = disk_size - _GPT_TAIL if table is TableKind.GPT else min(disk_size, MBR_LIMIT)
    if _unchanged(ordered) and max(s.start + s.was for s in ordered) <= hard_end:
        places = {s.number: (s.start, s.was) for o in ordered for s in (o, *o.children)}
    else:
        places = _squeezed(ordered, hard_end, table)
    _grow(places, ordered, (disk_size - MIB if table is TableKind.GPT else hard_end) // MIB * MIB)
    return places


def _unchanged(slots: Iterable[Slot]) -> bool:
    return all(s.wanted == s.was for s in _leaves(slots))


def _leaves(slots: Iterable[Slot]) -> list[Slot]:
    return [leaf for s in slots for leaf in (s.children or (s,))]


def _end(places: Places) -> int:
    return max(start + size for start, size in places.values())


def _squeezed(ordered: Sequence[Slot], end: int, table: TableKind) -> Places:
    leaves = _leaves(ordered)
    sizes = {s.number: s.wanted for s in leaves}
    for leaf in sorted(leaves, key=lambda s: (not s.grows, s.minimum - s.wanted, s.number)):
        over = _end(_in_sequence(ordered, sizes)) - end
        if over <= 0:
            break
        sizes[leaf.number] = max(leaf.minimum, (leaf.wanted - over) // MIB * MIB)
    places = _in_sequence(ordered, sizes)
    if _end(places) > end:
        raise TooSmall(_end(places) + (_GPT_TAIL if table is TableKind.GPT else 0))
    return places


def _in_sequence(slots: Iterable[Slot], sizes: Mapping[int, int]) -> Places:
    """One after the other from 1 MiB, each aligned; 1 MiB before each logical for its record."""
    places: Places = {}
    cursor = MIB
    for slot in sorted(slots, key=lambda s: s.start):
        start = align(cursor)
        cursor = start
        for child in sorted(slot.children, key=lambda s: s.start):
            place = (align(cursor + MIB), sizes[child.number])
            places[child.number] = place
            cursor = sum(place)
        cursor = cursor if slot.children else start + sizes.get(slot.number, slot.wanted)
        places[slot.number] = (start, cursor - start)
    return places


def _grow(places: Places, ordered: Sequence[Slot], end: int) -> None:
    """Give the free end of the disk to the growing slot, and to the extended one around it."""
    last = max(ordered, key=lambda s: places[s.number][0])
    inner = max(last.children, key=lambda s: places[s.number][0]) if last.children else last
    if not inner.grows:
        return
    for number in {last.number, inner.number}:
        start, size = places[number]
        places[number] = (start, max(size, end - start))
