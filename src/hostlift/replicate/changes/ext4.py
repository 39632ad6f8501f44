# SPDX-License-Identifier: Apache-2.0
"""Changes on ext4 (ext3, ext2): the inode tables, read from the block device.

    every 4 KiB of the tables -> hash -> differs from the mark's? -> its inodes against the known

The device is read through the page cache: ext4 changes its inodes there first, so what is read is
what `stat` would say, synced or not, but for sizes of data that were not written back yet. A mark
is taken of the very bytes that are compared: what changes meanwhile, even half of an inode, has
another hash the next time. A crash that undoes changes is no exception.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import xxhash

from hostlift.replicate.changes import Changed, Known, Untrackable
from hostlift.replicate.changes.ext4_layout import SUPERBLOCK, Geometry, geometry, state_of, tables
from hostlift.replicate.changes.ext4_mark import Mark, unpacked

_READ_SIZE = 1 << 20
_OLD_INODE = 128


class Ext4:
    """Follows an ext4, ext3 or ext2 file system.

    Args:
        open_device: Gives a descriptor of its block device, opened for reading, not O_DIRECT.
    """

    name = "ext4"

    def __init__(self, open_device: Callable[[], int]) -> None:
        self._open = open_device

    def mark(self) -> bytes:
        """See `Tracker.mark`."""
        with self._disk() as disk:
            fresh = Mark.blank(disk.geometry)
            for part in disk.parts():
                fresh.add(part.group, part.hashes)
            return fresh.packed()

    def changed(self, mark: bytes, known: Known) -> Changed:
        """See `Tracker.changed`."""
        before = unpacked(mark)
        with self._disk() as disk:
            fresh = Mark.blank(disk.geometry)
            if before.identity != fresh.identity:
                raise Untrackable("the mark is of another ext4 file system")
            inodes: list[int] = []
            starts = before.starts()
            for part in disk.parts():
                fresh.add(part.group, part.hashes)
                old = _slice(before.hashes, starts, part)
                if old != part.hashes:
                    inodes.extend(_changed_in(part, old, disk.geometry, known))
            inodes.extend(_given_up(before, fresh, disk.geometry, known))
        return Changed(tuple(inodes), fresh.packed())

    @contextlib.contextmanager
    def _disk(self) -> Iterator[_Disk]:
        fd = self._open()
        try:
            yield _Disk(fd, geometry(os.pread(fd, SUPERBLOCK[1], SUPERBLOCK[0])))
        except OSError as error:
            raise Untrackable(f"the inode tables cannot be read: {error.strerror}") from error
        finally:
            os.close(fd)


class _Part(NamedTuple):
    """Some pieces of a group's table: the number of the first, their bytes, their hashes."""

    group: int
    first: int
    view: memoryview
    hashes: array[int]


@dataclass(frozen=True, slots=True)
class _Disk:
    fd: int
    geometry: Geometry

    def parts(self) -> Iterator[_Part]:
        """All inode tables; the bytes of one are gone with the next."""
        piece = self.geometry.piece
        buffer = memoryview(bytearray(_READ_SIZE))
        for group, table in enumerate(tables(self.geometry, self._read)):
            for start in range(0, table.length, _READ_SIZE):
                view = buffer[: min(_READ_SIZE, table.length - start)]
                if os.preadv(self.fd, [view], table.offset + start) != len(view):
                    raise Untrackable("the device ends inside an inode table")
                yield _Part(group, start // piece, view, _hashed(view, piece))

    def _read(self, offset: int, length: int) -> bytes:
        found = os.pread(self.fd, length, offset)
        if len(found) != length:
            raise Untrackable("the device ends before its group descriptors do")
        return found


def _hashed(view: memoryview, piece: int) -> array[int]:
    digest = xxhash.xxh3_64_intdigest
    return array("Q", [digest(view[at : at + piece]) for at in range(0, len(view), piece)])


def _slice(hashes: array[int], starts: list[int], part: _Part) -> array[int]:
    """What the mark has for these pieces; shorter where the table ended then."""
    if part.group + 1 >= len(starts):
        return array("Q")
    first = starts[part.group] + part.first
    return hashes[first : min(first + len(part.hashes), starts[part.group + 1])]


def _changed_in(part: _Part, old: array[int], it: Geometry, known: Known) -> Iterator[int]:
    per_piece = it.piece // it.inode_size
    group_first = part.group * it.inodes_per_group + 1
    view_first = group_first + part.first * per_piece
    group_last = group_first + it.inodes_per_group - 1
    short = it.inode_size == _OLD_INODE
    for start, end in _differing(old, part.hashes):
        last = min(view_first + end * per_piece - 1, group_last)
        for ino, ctime_ns, size in known.between(view_first + start * per_piece, last):
            at = (ino - view_first) * it.inode_size
            if state_of(part.view, at, old=short) != (ctime_ns, size):
                yield ino


def _differing(old: array[int], new: array[int]) -> Iterator[tuple[int, int]]:
    """Runs of pieces that have another hash, or had none: the first, and after the last."""
    start = -1
    for i, value in enumerate(new):
        if i < len(old) and old[i] == value:
            if start >= 0:
                yield start, i
            start = -1
        elif start < 0:
            start = i
    if start >= 0:
        yield start, len(new)


def _given_up(before: Mark, fresh: Mark, it: Geometry, known: Known) -> Iterator[int]:
    """Known inodes in pieces that are no longer in use, which only an offline tool brings about."""
    per_piece = it.piece // it.inode_size
    for group, count in enumerate(before.counts):
        now = fresh.counts[group] if group < len(fresh.counts) else 0
        if now < count:
            first = group * it.inodes_per_group + 1
            last = first + it.inodes_per_group - 1
            for inode in known.between(first + now * per_piece, last):
                yield inode.ino
