# SPDX-License-Identifier: Apache-2.0
"""Where a large file's data lie, asked once per stretch, and space kept exactly as reserved."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os

from hostlift.replicate.fs import content, kernel
from hostlift.replicate.fs.content import CHUNK, Ranges

_AHEAD = 8 * CHUNK
_ZEROS = bytes(CHUNK)


class DataMap:
    """The data and holes of an open file, looked up from its beginning towards its end.

    Finding the end of a stretch of data costs time in proportion to its length on some file
    systems (tmpfs), or to its extents: each stretch is looked up once, not once per chunk. What
    changes in a stretch after that is not seen.

    Attributes:
        end: Of the stretch of data that was found last.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._start = 0
        self._asked = 0
        self.end = 0
        # The kernel would read on behind data that were asked for; what it reads of reserved space
        # looks like data from then on.
        with contextlib.suppress(OSError):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)

    def next_data(self, at: int) -> int:
        """Where the next data are, the file's size when there are none."""
        if at >= self.end:
            self._start = content.next_data(self._fd, at, self._size)
            self.end = self._start
            if self._start < self._size:
                self.end = min(os.lseek(self._fd, self._start, os.SEEK_HOLE), self._size)
        return max(at, self._start)

    def read_ahead(self, at: int) -> None:
        """Have the kernel read what follows in this stretch of data while the rest is at work."""
        start, end = max(at, self._asked), min(at + _AHEAD, self.end)
        if end - start >= _AHEAD // 2 or end == self.end > start:
            self._asked = end
            with contextlib.suppress(OSError):
                os.posix_fadvise(self._fd, start, end - start, os.POSIX_FADV_WILLNEED)

    def ranges(self, start: int, end: int) -> Ranges:
        """The data between ``start`` and ``end``; the rest is holes."""
        found = []
        at = start
        while at < end and (begin := self.next_data(at)) < end:
            at = min(self.end, end)
            found.append((begin, at - begin))
        return tuple(found)


def written(ranges: Ranges, reserved: Ranges, data: memoryview) -> Ranges:
    """Ranges of data without what is zeros in reserved space.

    Somebody has read that space: from then on the kernel says that there are data.

    Args:
        data: What was read, at most a chunk; offsets of ``ranges`` and ``reserved`` are in it.
    """
    unsure = _outside(ranges, _outside(ranges, reserved))
    empty = tuple((o, n) for o, n in unsure if data[o : o + n] == _ZEROS[:n])
    return _outside(ranges, empty) if empty else ranges


def within(ranges: Ranges, start: int, end: int) -> Ranges:
    """What of ``ranges`` lies between ``start`` and ``end``, as offsets from ``start``."""
    found = []
    for at, length in itertools.islice(ranges, max(bisect.bisect(ranges, (start,)) - 1, 0), None):
        if at >= end:
            break
        low, high = max(at, start), min(at + length, end)
        if low < high:
            found.append((low - start, high - low))
    return tuple(found)


def reserve(fd: int, size: int, wanted: Ranges) -> str:
    """Of what was never written exactly ``wanted`` is allocated; why not when it cannot be.

    Args:
        size: The file's.
    """
    if _surplus(fd, wanted):
        os.fdatasync(fd)  # data that are not written back yet look like reserved space
        surplus = _surplus(fd, wanted)
        if any(offset + length > size for offset, length in surplus):
            os.ftruncate(fd, size)
        for offset, length in surplus:
            inside = min(length, size - offset)
            if inside > 0 and not content.data_ranges(fd, offset, offset + inside):
                content.punch(fd, offset, inside)
    return content.preallocate(fd, wanted)


def _surplus(fd: int, wanted: Ranges) -> Ranges:
    try:
        unwritten = kernel.unwritten_ranges(fd)
    except OSError:
        return ()
    block = os.fstat(fd).st_blksize
    found = []
    for start, length in _outside(unwritten, wanted):
        first, end = -(-start // block) * block, (start + length) // block * block
        if first < end:
            found.append((first, end - first))
    return tuple(found)


def _outside(ranges: Ranges, wanted: Ranges) -> Ranges:
    """The parts of ``ranges`` that are in none of ``wanted``."""
    found = []
    index = 0
    for start, length in ranges:
        at, end = start, start + length
        while at < end:
            while index < len(wanted) and sum(wanted[index]) <= at:
                index += 1
            begin, count = wanted[index] if index < len(wanted) else (end, 0)
            if at < begin:
                found.append((at, min(begin, end) - at))
            at = begin + count if begin < end else end
    return tuple(found)
