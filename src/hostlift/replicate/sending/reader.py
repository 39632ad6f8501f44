# SPDX-License-Identifier: Apache-2.0
"""Reading source objects as entries, noticing when they change meanwhile. One per thread."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import msgpack

from hostlift.model.entry import Entry, Fields, Kind
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.rows import signed
from hostlift.replicate.sending.outcomes import Todo
from hostlift.replicate.source import SourceVolume, path_of

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE = int(Kind.FILE)
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


class Small(NamedTuple):
    """A small file as it was read; its entry is packed already, see `Reading` for the rest."""

    entry: bytes
    st: os.stat_result
    flags: int
    data: bytes | memoryview
    ranges: content.Ranges | None
    reserved: content.Ranges
    settled: bool
    hot: bool


class _Tree(NamedTuple):
    """A tree being read.

    Attributes:
        skipped: How much of a key leads to the tree's own root.
        synced: When its file system began to be synced, in nanoseconds since 1970.
    """

    root: int
    directories: Directories
    skipped: int
    synced: int


class Reader:
    """Opens and reads objects of the source volumes.

    Args:
        volumes: By their number in the manifest.
        synced: When the file system of a (volume, tree) began to be synced for this pass, in
            seconds since 1970.
        retries: How often a changing small file is read again.
    """

    def __init__(
        self,
        volumes: Mapping[int, SourceVolume],
        synced: Mapping[tuple[int, int], float],
        retries: int,
    ) -> None:
        self._volumes = volumes
        self._synced = synced
        self._retries = retries
        self._trees: dict[tuple[int, int], _Tree] = {}
        self._pack = msgpack.Packer(use_bin_type=True).pack

    def close(self) -> None:
        """Give up every descriptor."""
        while self._trees:
            tree = self._trees.popitem()[1]
            tree.directories.clear()
            os.close(tree.root)

    def locate(self, todo: Todo) -> tuple[int, bytes]:
        """Descriptor of an object's directory, and its name there.

        Raises:
            FileNotFoundError: The directory is gone, or something else by now.
        """
        tree = self._tree(todo)
        parent, _, name = todo.key[tree.skipped :].rpartition(b"\0")
        try:
            return tree.directories.open(path_of(parent)), name
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EXDEV}:
                raise FileNotFoundError(errno.ENOENT, "its directory is gone") from error
            raise

    def _tree(self, todo: Todo) -> _Tree:
        where = (todo.vol, todo.tree)
        found = self._trees.get(where)
        if found is None:
            # Set once and for all before the first object of the tree is known.
            tree = self._volumes[todo.vol].trees[todo.tree]
            skipped = 0 if tree.place == b"." else len(tree.place) + 1
            synced = int(self._synced[where] * 1e9)
            root = os.open(tree.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            found = self._trees[where] = _Tree(root, Directories(root), skipped, synced)
        return found

    def open_file(self, todo: Todo) -> int:
        """Descriptor of a regular file, opened without touching its atime.

        Raises:
            FileNotFoundError: It is gone, or something else by now.
        """
        fd = self._opened(todo)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(errno.ENOENT, "no longer a file")
        return fd

    def _opened(self, todo: Todo) -> int:
        directory, name = self.locate(todo)
        try:
            try:
                return os.open(name, _READ | os.O_NOATIME, dir_fd=directory)
            except PermissionError:
                return os.open(name, _READ, dir_fd=directory)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR}:
                raise FileNotFoundError(errno.ENOENT, "no longer a file") from error
            raise

    def ahead(self, todo: Todo) -> int:
        """Descriptor of a file that the kernel begins to read meanwhile; -1: it is left to `small`.

        Space that was never written is looked for first: what is in the cache looks like data.
        """
        try:
            fd = self._opened(todo)
        except OSError:
            return -1
        try:
            if todo.size < content.WORTH_A_LOOK or not content.is_uneven(os.fstat(fd), fd):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
                return fd
        except OSError:
            pass
        os.close(fd)
        return -1

    def small(self, todo: Todo, fd: int = -1) -> Small | None:
        """A small file, whole; None when it has become a large one.

        Args:
            fd: Of `ahead`; given up here.

        Raises:
            FileNotFoundError: It is gone, or something else by now.
        """
        if fd >= 0:
            try:
                found = self._as_seen(fd, todo)
            finally:
                os.close(fd)
            if found is not None:
                return found
        fd = self._opened(todo)
        try:
            for _ in range(self._retries):
                found = self._small(fd, todo)
                if found is None or not found.hot:
                    return found
            return self._small(fd, todo)
        finally:
            os.close(fd)

    def _as_seen(self, fd: int, todo: Todo) -> Small | None:
        """A file without holes that is, after it was read, still what the scan saw: one look less.

        Returns:
            None when it is anything else.
        """
        size = todo.size
        try:
            data = os.pread(fd, size, 0) if size else b""
        except OSError:
            return None
        extras = attributes.read_extras(fd)
        st = os.fstat(fd)
        if (
            st.st_ctime_ns != todo.ctime
            or signed(st.st_ino) != todo.ino
            or st.st_size != size
            or len(data) != size
            or not stat.S_ISREG(st.st_mode)
            or content.is_uneven(st)
        ):
            return None
        packed = self._packed(todo, st, extras, content.digest_of(data))
        return Small(packed, st, extras[1], data, None, (), self.calm(todo, st), hot=False)

    def _small(self, fd: int, todo: Todo) -> Small | None:
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode):
            raise FileNotFoundError(errno.ENOENT, "no longer a file")
        if st.st_size >= content.LARGE:
            return None
        ranges: content.Ranges | None = None
        reserved: content.Ranges = ()
        data: bytes | memoryview
        if content.is_uneven(st, fd):
            whole, data, ranges, reserved = _read_sparse(fd, st)
            digest = content.digest_of(whole)
        else:
            data = _read_whole(fd, st.st_size)
            digest = content.digest_of(data)
        extras = attributes.read_extras(fd)
        hot = changed(st, os.fstat(fd))
        packed = self._packed(todo, st, extras, digest)
        return Small(packed, st, extras[1], data, ranges, reserved, self.calm(todo, st), hot)

    def _packed(
        self, todo: Todo, st: os.stat_result, extras: attributes.Extras, digest: bytes
    ) -> bytes:
        xattrs, flags, project = extras
        fields: Fields = (
            path_of(todo.key),
            _FILE,
            st.st_mode & 0o7777,
            st.st_uid,
            st.st_gid,
            st.st_mtime_ns,
            xattrs,
            flags,
            project,
            st.st_size,
            digest,
            b"",
            (0, 0),
            b"",
        )
        packed: bytes = self._pack(fields)
        return packed

    def node(self, todo: Todo) -> Reading:
        """A symbolic link, device, fifo or socket."""
        directory, name = self.locate(todo)
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
        return Reading(entry, st, settled=self.calm(todo, st))

    def directory(self, todo: Todo) -> Reading:
        """A directory's metadata."""
        tree = self._tree(todo)
        try:
            fd = tree.directories.open(path_of(todo.key[tree.skipped :]))
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EXDEV}:
                raise FileNotFoundError(errno.ENOENT, "no longer a directory") from error
            raise
        st = os.fstat(fd)
        meta = attributes.read_opened(fd, st)
        entry = Entry(path=path_of(todo.key), kind=Kind.DIRECTORY, meta=meta)
        return Reading(entry, st, settled=self.calm(todo, st))

    def pinned(self, todo: Todo, was: Entry, ctime: int) -> Reading | None:
        """A file whose content was sent, again for its final flags; None when it changed since."""
        fd = self.open_file(todo)
        try:
            st = os.fstat(fd)
            if st.st_ctime_ns != ctime or st.st_size != was.size:
                return None
            entry = replace(was, meta=attributes.read_opened(fd, st))
            return Reading(entry, st, settled=self.calm(todo, st))
        finally:
            os.close(fd)

    def calm(self, todo: Todo, st: os.stat_result) -> bool:
        """True when any later change would get another ctime than the object has.

        That is so for what last changed before its file system was synced. Later, a page of the
        file may be mapped and dirty, and a second store to a dirty page leaves every time as it is.
        """
        tick = _FINE_TICK if st.st_ctime_ns % 1_000_000_000 else _COARSE_TICK
        return st.st_ctime_ns + tick < self._tree(todo).synced


def changed(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file was touched between two looks at it."""
    return (
        before.st_ctime_ns != after.st_ctime_ns
        or before.st_mtime_ns != after.st_mtime_ns
        or before.st_size != after.st_size
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
