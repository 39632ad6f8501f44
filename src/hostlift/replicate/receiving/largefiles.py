# SPDX-License-Identifier: Apache-2.0
"""Large files of a target volume: made once, then changed in place, never read."""

from __future__ import annotations

import errno
import os
import stat

from blake3 import blake3

from hostlift.model.entry import Entry
from hostlift.replicate import ops
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.attributes import Applier
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.protocol import Trouble
from hostlift.replicate.receiving.arrival import Snag, report, spread
from hostlift.replicate.receiving.removal import remove_tree, unlock

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LargeFiles:
    """The large files that one connection is writing; each is open from `begin` to `finish`.

    A chunk of a file that is not open (its beginning was acknowledged on another connection) opens
    what is there.
    """

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._open: dict[bytes, tuple[int, bool]] = {}

    def forget(self) -> None:
        """Close them."""
        while self._open:
            os.close(self._open.popitem()[1][0])

    def begin(self, op: ops.Begin) -> None:
        """Make the file, or open it, with its size and its reserved space."""
        if op.path in self._open:
            os.close(self._open.pop(op.path)[0])
        directory, name = self._directories.locate(op.path)
        if op.create:
            remove_tree(directory, name)
            fd = os.open(name, _NEW, 0o600, dir_fd=directory)
            attributes.set_nocow(fd, op.flags)
            self._open[op.path] = (fd, True)
        fd = self._opened(op.path)[0]
        os.ftruncate(fd, op.size)
        refused = content.preallocate(fd, op.reserved)
        if refused:
            raise Snag(Trouble.PARTIAL, refused)

    def _opened(self, path: bytes) -> tuple[int, bool]:
        """Descriptor of a large file that exists, and whether this connection made it."""
        found = self._open.get(path)
        if found is not None:
            return found
        directory, name = self._directories.locate(path)
        try:
            try:
                fd = os.open(name, _OLD, dir_fd=directory)
            except PermissionError:
                if not unlock(directory, name):
                    raise
                fd = os.open(name, _OLD, dir_fd=directory)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO}:
                raise Snag(Trouble.MISSING, "the file to continue is not there") from error
            raise
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Snag(Trouble.MISSING, "the file to continue is not a file")
        self._open[path] = (fd, False)
        return self._open[path]

    def chunk(self, op: ops.Chunk, data: memoryview) -> None:
        """Write a chunk whose digest is right; what is a hole in it becomes one."""
        whole = data if op.ranges is None else spread(op.extent, op.ranges, data)
        if blake3(whole).digest() != op.digest:
            raise Snag(Trouble.MISMATCH, "chunk differs from its digest")
        fd, made = self._opened(op.path)
        if op.ranges is None:
            content.write_range(fd, data, op.offset)
            return
        at = end = 0
        for start, length in op.ranges:
            if not made:
                content.punch(fd, op.offset + end, start - end)
            content.write_range(fd, data[at : at + length], op.offset + start)
            at += length
            end = start + length
        if not made:
            content.punch(fd, op.offset + end, op.extent - end)

    def punch(self, op: ops.Punch) -> None:
        """Make a hole."""
        content.punch(self._opened(op.path)[0], op.offset, op.length)

    def finish(self, entry: Entry) -> None:
        """Set its metadata and close it."""
        fd = self._opened(entry.path)[0]
        if os.fstat(fd).st_size != entry.size:
            raise Snag(Trouble.MISSING, "the file has another size than it was given")
        applier = Applier()
        applier.opened(fd, entry.meta, pin=False)
        os.close(self._open.pop(entry.path)[0])
        report(applier)
