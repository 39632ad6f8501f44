# SPDX-License-Identifier: Apache-2.0
"""Large files of a target volume, never read.

A file that is made anew, or never was complete, is written directly. A file that was complete keeps
its content until `Finish`: what shall change is gathered in a redo journal, which a later pass goes
on with. Only when the volume has no room for that is it changed in place after all, and said so.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Protocol

from blake3 import blake3

from hostlift.replicate import ops
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.attributes import Applier
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.fs.extents import reserve
from hostlift.replicate.protocol import Trouble
from hostlift.replicate.receiving.arrival import Snag, received, report, spread
from hostlift.replicate.receiving.journals import GONE, Journals, open_large
from hostlift.replicate.receiving.redo import Journal
from hostlift.replicate.receiving.removal import remove_tree, way_to

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ROOM = "changed in place: the target had no room to keep old and new until all is there"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def _missing(error: OSError) -> Exception:
    """What a refusal to open means: something else is there, or a refusal."""
    if error.errno in GONE:
        return Snag(Trouble.MISSING, "the file to continue, or its directory, is not there")
    return error


class _Changes(Protocol):
    """Takes what shall become of a file: the file itself, or its journal."""

    def size(self, size: int) -> None: ...
    def data(self, offset: int, data: memoryview) -> None: ...
    def hole(self, offset: int, length: int) -> None: ...


class _File:
    """A large file between `Begin` and `Finish`; as `_Changes`, the file itself.

    Attributes:
        journal: Where changes go instead.
    """

    def __init__(self, fd: int, *, made: bool = False) -> None:
        self.fd = fd
        self.journal: Journal | None = None
        self._hollow = made  # what was not written is a hole already

    def close(self) -> None:
        """Give up the descriptors."""
        os.close(self.fd)
        if self.journal is not None:
            self.journal.close()

    def size(self, size: int) -> None:
        os.ftruncate(self.fd, size)

    def data(self, offset: int, data: memoryview) -> None:
        content.write_range(self.fd, data, offset)

    def hole(self, offset: int, length: int) -> None:
        if not self._hollow:
            content.punch(self.fd, offset, length)


class LargeFiles:
    """The large files that one connection is writing; each is open from `begin` to `finish`.

    A chunk of a file that is not open (its beginning was acknowledged on another connection) opens
    what is there, and its journal if it has one.
    """

    def __init__(self, directories: Directories, journals: Journals) -> None:
        self._directories = directories
        self._journals = journals
        self._open: dict[bytes, _File] = {}

    def forget(self) -> None:
        """Close them."""
        while self._open:
            self._open.popitem()[1].close()

    def begin(self, op: ops.Begin) -> None:
        """Make the file with its size and reserved space, or get ready to change it."""
        if op.path in self._open:
            self._open.pop(op.path).close()
        if op.create:
            self._create(op)
        file = self._opened(op.path)
        st = os.fstat(file.fd)
        refused = ""
        if op.whole and file.journal is None:
            refused = self._protect(file, op.path, st.st_ino)
        if file.journal is None or file.journal.changes or st.st_size != op.size:
            self._change(op.path, 0, lambda changes: changes.size(op.size))
        if op.create:
            content.preallocate(file.fd, op.reserved)  # `finish` says when it cannot be
        if refused:
            raise Snag(Trouble.PARTIAL, refused)

    def _create(self, op: ops.Begin) -> None:
        try:
            directory, name = way_to(self._directories, op.path)
        except OSError as error:
            raise _missing(error) from error
        self._journals.drop(op.path)
        remove_tree(directory, name)
        fd = os.open(name, _NEW, 0o600, dir_fd=directory)
        attributes.set_nocow(fd, op.flags)
        self._open[op.path] = _File(fd, made=True)

    def _protect(self, file: _File, path: bytes, inode: int) -> str:
        """Begin a journal; why there is none when there is none."""
        try:
            file.journal = self._journals.start(path, inode)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            return _NO_ROOM
        return ""

    def _opened(self, path: bytes) -> _File:
        """A large file that exists."""
        found = self._open.get(path)
        if found is not None:
            return found
        try:
            fd = open_large(*self._directories.locate(path))
        except OSError as error:
            raise _missing(error) from error
        self._open[path] = found = _File(fd)
        found.journal = self._journals.find(path, os.fstat(fd).st_ino)
        return found

    def chunk(self, op: ops.Chunk, data: memoryview) -> None:
        """Write a chunk whose digest is right; what is a hole in it becomes one."""
        whole = data if op.ranges is None or op.patch else spread(op.extent, op.ranges, data)
        if blake3(whole).digest() != op.digest:
            raise Snag(Trouble.MISMATCH, "chunk differs from its digest")
        ranges = ((0, op.extent),) if op.ranges is None else op.ranges

        def write(changes: _Changes) -> None:
            at = end = 0
            for start, length in ranges:
                if not op.patch:
                    changes.hole(op.offset + end, start - end)
                changes.data(op.offset + start, data[at : at + length])
                at += length
                end = start + length
            if not op.patch:
                changes.hole(op.offset + end, op.extent - end)

        self._change(op.path, len(data), write)

    def punch(self, op: ops.Punch) -> None:
        """Make a hole."""
        self._change(op.path, 0, lambda changes: changes.hole(op.offset, op.length))

    def _change(self, path: bytes, size: int, work: Callable[[_Changes], None]) -> None:
        """Do something with ``size`` bytes of data to the file, or have its journal remember it."""
        file = self._opened(path)
        if file.journal is None:
            work(file)
            return
        try:
            # Twice: what is in the journal must then find room in the file, which may have holes.
            if self._journals.has_room(file.journal.stored + 2 * size):
                work(file.journal)
                return
        except OSError as error:
            if error.errno not in _FULL:
                raise
        file.journal.apply(file.fd)
        self._unprotect(file, path)
        work(file)
        raise Snag(Trouble.PARTIAL, _NO_ROOM)

    def _unprotect(self, file: _File, path: bytes) -> None:
        """The file holds all that the journal says: the journal is not needed any more."""
        if file.journal is not None:
            self._journals.drop(path)
            file.journal.close()
            file.journal = None

    def finish(self, op: ops.Finish) -> None:
        """Carry its journal out, set its metadata and close it."""
        entry = received(op.entry)
        file = self._opened(entry.path)
        if file.journal is not None:
            if file.journal.changes:
                self._commit(file.journal)
                file.journal.apply(file.fd)
            self._unprotect(file, entry.path)
        if os.fstat(file.fd).st_size != entry.size:
            raise Snag(Trouble.MISSING, "the file has another size than it was given")
        applier = Applier()
        refused = reserve(file.fd, entry.size, op.reserved)
        if refused:
            applier.refused.append(refused)
        applier.opened(file.fd, entry.meta, pin=False)
        self._open.pop(entry.path).close()
        report(applier)

    @staticmethod
    def _commit(journal: Journal) -> None:
        try:
            journal.commit()
        except OSError as error:
            if error.errno not in _FULL:
                raise
            # Not one block is left for the commit record: unprotected, but it can be done.
