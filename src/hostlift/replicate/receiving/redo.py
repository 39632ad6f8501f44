# SPDX-License-Identifier: Apache-2.0
"""The redo journal of a large file: what shall change in it, kept beside it until all is there.

A large file that was complete is not touched while its changes arrive: they are appended here and
become durable here. At the end a commit record goes behind them and only then is the file written;
whoever finds a committed journal writes again. So the file is the old one or the new one, whatever
dies in between, and changes that were acknowledged outlive any number of broken passes.

A record is a header and its data; the header's digest is over both. A journal ends where the first
record is not whole: nothing behind that was ever acknowledged.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from blake3 import blake3

from hostlift.replicate.fs import content
from hostlift.replicate.fs.content import CHUNK

_HEAD = struct.Struct(">4sBQQ")
_DIGEST = 16
_MAGIC = b"HLR1"
_LONGEST = 64 << 20
_NOTHING = memoryview(b"")


class Kind(IntEnum):
    """What a record says."""

    FILE = 1
    """First of all: the inode (as offset), and as data the path."""
    SIZE = 2
    """The file is ``offset`` bytes long from here on."""
    DATA = 3
    HOLE = 4
    COMMIT = 5


class Record(NamedTuple):
    """One change; ``at`` is where its data are in the journal."""

    kind: Kind
    offset: int
    length: int
    at: int


class Journal:
    """One journal, open for appending.

    Args:
        fd: Of the journal; it belongs to this object from now on.

    Attributes:
        inode: Of the file that it is about; 0 when it says nothing.
        path: Of the file.
        committed: All is there; the file may be half written.
        changes: There is something to write.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._end = 0
        self.inode = 0
        self.path = b""
        self.committed = False
        self.changes = False
        for record in records(fd, verified=True):
            self._note(record)
        if os.fstat(fd).st_size > self._end:
            os.ftruncate(fd, self._end)

    def _note(self, record: Record) -> None:
        self._end = record.at + _stored(record.kind, record.length)
        match record.kind:
            case Kind.FILE:
                self.inode = record.offset
                self.path = os.pread(self._fd, record.length, record.at)
            case Kind.COMMIT:
                self.committed = True
            case _:
                self.changes = True

    @property
    def stored(self) -> int:
        """Its length in bytes."""
        return self._end

    def close(self) -> None:
        """Give the descriptor up; what is in it stays."""
        os.close(self._fd)

    def about(self, inode: int, path: bytes) -> None:
        """Say of which file it is; the first record."""
        self._append(Kind.FILE, inode, len(path), memoryview(path))

    def size(self, size: int) -> None:
        """The file is as long as this from here on."""
        self._append(Kind.SIZE, size, 0)

    def data(self, offset: int, data: memoryview) -> None:
        """The file holds this there."""
        for at in range(0, len(data), CHUNK):
            part = data[at : at + CHUNK]
            self._append(Kind.DATA, offset + at, len(part), part)

    def hole(self, offset: int, length: int) -> None:
        """The file has a hole there."""
        if length > 0:
            self._append(Kind.HOLE, offset, length)

    def _append(self, kind: Kind, offset: int, length: int, data: memoryview = _NOTHING) -> None:
        head = _HEAD.pack(_MAGIC, kind, offset, length)
        head += _digest(head, data)
        try:
            content.write_range(self._fd, memoryview(head), self._end)
            content.write_range(self._fd, data, self._end + len(head))
        except OSError:
            os.ftruncate(self._fd, self._end)
            raise
        self._note(Record(kind, offset, length, self._end + len(head)))

    def commit(self) -> None:
        """All is there; durable when this returns."""
        if not self.committed:
            self._append(Kind.COMMIT, 0, 0)
        os.fdatasync(self._fd)

    def apply(self, fd: int) -> None:
        """Make the file what the journal says; durable when this returns. May be done again."""
        for record in records(self._fd, verified=False):
            match record.kind:
                case Kind.SIZE:
                    os.ftruncate(fd, record.offset)
                case Kind.HOLE:
                    content.punch(fd, record.offset, record.length)
                case Kind.DATA:
                    content.write_range(fd, self._read(record), record.offset)
                case _:
                    pass
        os.fdatasync(fd)

    def _read(self, record: Record) -> memoryview:
        data = os.pread(self._fd, record.length, record.at)
        if len(data) < record.length:
            raise OSError(errno.EIO, "the journal became shorter")
        return memoryview(data)


def records(fd: int, *, verified: bool) -> Iterator[Record]:
    """Every whole record of a journal, in order.

    Args:
        verified: Look at the digests; without that, a journal that was verified before.
    """
    at = 0
    while len(raw := os.pread(fd, _HEAD.size + _DIGEST, at)) == _HEAD.size + _DIGEST:
        magic, number, offset, length = _HEAD.unpack_from(raw)
        if magic != _MAGIC or number not in set(Kind):
            return
        kind = Kind(number)
        stored = _stored(kind, length)
        if stored > _LONGEST:
            return
        at += len(raw)
        if verified:
            data = os.pread(fd, stored, at)
            if len(data) < stored or _digest(raw[: _HEAD.size], data) != raw[_HEAD.size :]:
                return
        yield Record(kind, offset, length, at)
        at += stored


def _stored(kind: Kind, length: int) -> int:
    """How many bytes of data follow the header."""
    return length if kind in {Kind.FILE, Kind.DATA} else 0


def _digest(head: bytes, data: bytes | memoryview) -> bytes:
    return blake3(head).update(data).digest(length=_DIGEST)
