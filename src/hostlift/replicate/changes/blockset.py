# SPDX-License-Identifier: Apache-2.0
"""A set of pieces of a disk, 64 KiB each (more on a disk above 4 TiB), in at most 8 MiB."""

from __future__ import annotations

_SMALLEST = 16
_MOST = 1 << 26


class BlockSet:
    """Says of any range whether something in it was added; too often rather than not.

    Args:
        size: Of the disk, in bytes.

    Attributes:
        everything: It holds the whole disk, and what the disk may grow by.
    """

    def __init__(self, size: int) -> None:
        self._shift = _SMALLEST
        while size >> self._shift > _MOST:
            self._shift += 1
        self._bits = bytearray((size >> self._shift) // 8 + 1)
        self.everything = False

    def add(self, start: int, end: int) -> None:
        """Add the bytes from ``start`` up to ``end``."""
        first, last = start >> self._shift, (end - 1) >> self._shift
        low, high = first >> 3, last >> 3
        if high >= len(self._bits):
            self.everything = True
        elif low == high:
            self._bits[low] |= _from(first) & _up_to(last)
        else:
            self._bits[low] |= _from(first)
            self._bits[low + 1 : high] = b"\xff" * (high - low - 1)
            self._bits[high] |= _up_to(last)

    def touches(self, start: int, end: int) -> bool:
        """Whether something between ``start`` and ``end`` was added."""
        first, last = start >> self._shift, (end - 1) >> self._shift
        low, high = first >> 3, last >> 3
        if self.everything or high >= len(self._bits):
            return True
        if low == high:
            return bool(self._bits[low] & _from(first) & _up_to(last))
        if self._bits[low] & _from(first) or self._bits[high] & _up_to(last):
            return True
        return self._bits.count(0, low + 1, high) != high - low - 1

    def update(self, other: BlockSet) -> None:
        """Add all that another set of the same disk holds."""
        self.everything = self.everything or other.everything
        mine, others = (int.from_bytes(one, "little") for one in (self._bits, other._bits))
        self._bits[:] = (mine | others).to_bytes(len(self._bits), "little")


def _from(unit: int) -> int:
    """The bits of a byte from a unit's on."""
    return 0xFF << (unit & 7) & 0xFF


def _up_to(unit: int) -> int:
    """The bits of a byte up to a unit's."""
    return 0xFF >> (7 - (unit & 7))
