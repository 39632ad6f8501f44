# SPDX-License-Identifier: Apache-2.0
"""Reading source objects as entries, noticing when they change meanwhile. One per thread."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from hostlift.model.entry import Entry, Kind
from hostlift.ports.clock import Clock
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.sending.scan import inside
from hostlift.replicate.sending.staging import Todo
from hostlift.replicate.source import SourceVolume, path_of

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FINE_TICK = 20_000_000
_COARSE_TICK = 2_000_000_000


class Reading(NamedTuple):
    """An object as it was read.

    Attributes:
        data: Content to send, in the order of ``ranges``.
        ranges: Where the data lie when the file has holes, else None.
        settled: Nothing changed while it was read, and any later change will show in its ctime.
        hot: It changed while it was read.
    """

    entry: Entry
    st: os.stat_result
    data: bytes | memoryview = b""
    ranges: content.Ranges | None = None
    reserved: content.Ranges = ()
    settled: bool = True
    hot: bool = False


class Reader:
    """Opens and reads objects of the source volumes.

    Args:
        volumes: By their number in the manifest.
        clock: Tells how long ago a ctime was.
        retries: How often a changing small file is read again.
    """

    def __init__(self, volumes: Mapping[int, SourceVolume], clock: Clock, retries: int) -> None:
        self._volumes = volumes
        self._clock = clock
        self._retries = retries
        self._trees: dict[tuple[int, int], tuple[int, Directories]] = {}

    def close(self) -> None:
        """Give up every descriptor."""
        while self._trees:
            root, directories = self._trees.popitem()[1]
            directories.clear()
            os.close(root)

    def locate(self, todo: Todo) -> tuple[int, bytes]:
        """Descriptor of an object's directory, and its name there."""
        directories, path = self._place(todo)
        return directories.locate(path)

    def _place(self, todo: Todo) -> tuple[Directories, bytes]:
        where = (todo.vol, todo.tree)
        tree = self._volumes[todo.vol].trees[todo.tree]
        if where not in self._trees:
            root = os.open(tree.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._trees[where] = (root, Directories(root))
        return self._trees[where][1], inside(tree, path_of(todo.key))

    def open_file(self, todo: Todo) -> int:
        """Descriptor of a regular file, opened without touching its atime.

        Raises:
            FileNotFoundError: It is gone, or something else by now.
        """
        directory, name = self.locate(todo)
        try:
            try:
                fd = os.open(name, _READ | os.O_NOATIME, dir_fd=directory)
            except PermissionError:
                fd = os.open(name, _READ, dir_fd=directory)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR}:
                raise FileNotFoundError(errno.ENOENT, "no longer a file") from error
            raise
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(errno.ENOENT, "no longer a file")
        return fd

    def small(self, todo: Todo) -> Reading | None:
        """A small file, whole; None when it has become a large one."""
        path = path_of(todo.key)
        fd = self.open_file(todo)
        try:
            for attempt in range(self._retries + 1):
                reading = self._small(fd, path)
                if reading is None or not reading.hot or attempt == self._retries:
                    return reading
        finally:
            os.close(fd)
        return None

    def _small(self, fd: int, path: bytes) -> Reading | None:
        since = self._clock.now()
        st = os.fstat(fd)
        if st.st_size >= content.LARGE:
            return None
        size = st.st_size
        ranges: content.Ranges | None = None
        reserved: content.Ranges = ()
        data: bytes | memoryview
        if content.is_uneven(st):
            whole, data, ranges, reserved = _read_sparse(fd, st)
            digest = content.digest_of(whole)
        else:
            data = _read_whole(fd, size)
            digest = content.digest_of(data)
        meta = attributes.read_opened(fd, st)
        after = os.fstat(fd)
        entry = Entry(path=path, kind=Kind.FILE, meta=meta, size=size, content=digest)
        return Reading(
            entry, st, data, ranges, reserved, hot=changed(st, after), settled=self.calm(st, since)
        )

    def node(self, todo: Todo) -> Reading:
        """A symbolic link, device, fifo or socket."""
        directory, name = self.locate(todo)
        since = self._clock.now()
        st = os.stat(name, dir_fd=directory, follow_symlinks=False)
        kind = attributes.kind_of(st.st_mode)
        if kind is Kind.FILE or kind is Kind.DIRECTORY:
            raise FileNotFoundError(errno.ENOENT, "another kind of object by now")
        target = os.readlink(name, dir_fd=directory) if kind is Kind.SYMLINK else b""
        entry = Entry(
            path=path_of(todo.key),
            kind=kind,
            meta=attributes.read_named(directory, name, st),
            target=target,
            device=attributes.device_of(st, kind),
        )
        return Reading(entry, st, settled=self.calm(st, since))

    def directory(self, todo: Todo) -> Reading:
        """A directory's metadata."""
        directories, path = self._place(todo)
        try:
            fd = directories.open(path)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EXDEV}:
                raise FileNotFoundError(errno.ENOENT, "no longer a directory") from error
            raise
        since = self._clock.now()
        st = os.fstat(fd)
        meta = attributes.read_opened(fd, st)
        entry = Entry(path=path_of(todo.key), kind=Kind.DIRECTORY, meta=meta)
        return Reading(entry, st, settled=self.calm(st, since))

    def pinned(self, todo: Todo, was: Entry, ctime: int) -> Reading | None:
        """A file whose content was sent, again for its final flags; None when it changed since."""
        fd = self.open_file(todo)
        try:
            since = self._clock.now()
            st = os.fstat(fd)
            if st.st_ctime_ns != ctime or st.st_size != was.size:
                return None
            entry = replace(was, meta=attributes.read_opened(fd, st))
            return Reading(entry, st, settled=self.calm(st, since))
        finally:
            os.close(fd)

    def calm(self, st: os.stat_result, since: float) -> bool:
        """True when a change after ``since`` would get another ctime than the object has."""
        tick = _FINE_TICK if st.st_ctime_ns % 1_000_000_000 else _COARSE_TICK
        return st.st_ctime_ns + tick < int(since * 1e9)


def changed(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file was touched between two looks at it."""
    return (before.st_ctime_ns, before.st_mtime_ns, before.st_size) != (
        after.st_ctime_ns,
        after.st_mtime_ns,
        after.st_size,
    )


def _read_whole(fd: int, size: int) -> bytes:
    data = os.pread(fd, size, 0) if size else b""
    if len(data) < size:
        buffer = bytearray(size)
        content.read_range(fd, memoryview(buffer), 0)
        return bytes(buffer)
    return data


def _read_sparse(
    fd: int, st: os.stat_result
) -> tuple[bytearray, bytes | memoryview, content.Ranges, content.Ranges]:
    whole = bytearray(st.st_size)
    view = memoryview(whole)
    ranges = content.data_ranges(fd, 0, st.st_size)
    for offset, length in ranges:
        content.read_range(fd, view[offset : offset + length], offset)
    data = b"".join(view[o : o + n] for o, n in ranges)
    return whole, data, ranges, content.preallocated(fd, st, len(data))
