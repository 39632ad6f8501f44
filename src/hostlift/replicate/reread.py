# SPDX-License-Identifier: Apache-2.0
"""Describes what a target volume really holds, read from the disk and not from the cache.

Entries come depth first with the names of each directory sorted as bytes, which is the order of
`Manifest.entries`, and are normalised the same way: the first name of an inode carries the entry,
each other is a `manifest.link_entry`. Only `source.RESERVED` is left out; ``lost+found`` is an
ordinary directory (a pass removes the target's when the source has none). Memory follows the
largest directory and the number of inodes with several names.

One thread walks, a few others read files ahead of it, a short run of neighbours at a time, so that
a slow disk and every processor are kept busy; what was read comes out in order nevertheless.
"""

from __future__ import annotations

import os
import posixpath
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from blake3 import blake3

from hostlift.errors import VerifyError
from hostlift.model.entry import Entry, Kind
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.directories import Directories, opened_tree
from hostlift.replicate.fs.kernel import syncfs
from hostlift.replicate.manifest import link_entry
from hostlift.replicate.source import RESERVED

_DROP = Path("/proc/sys/vm/drop_caches")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOATIME | os.O_CLOEXEC
_READERS = 3
_RUN = 16
"""Files that a reader takes at once."""
_AHEAD = 48
"""Runs, and directories and such between them, that may be read before they are asked for."""


LeavesOut = Callable[[bytes, bool], bool]
"""Whether a path, which is a directory or not, is to be passed over with all below it."""


def reread(
    root: Path, *, drop_caches: bool = True, leaves_out: LeavesOut | None = None
) -> Iterator[Entry]:
    """Every object of the volume mounted at ``root``, the root itself as ``b"."``.

    Args:
        drop_caches: Make the kernel forget its clean caches first, so that names and metadata come
            from the disk as well; content does in any case.
        leaves_out: For a tree that is not a copy: what no copy of it would have.

    Raises:
        VerifyError: Something cannot be read back.
    """
    with opened_tree(root) as fd:
        syncfs(fd)
        files = _Files(cold=drop_caches and _drop_caches())
        with ThreadPoolExecutor(_READERS, "reread") as readers:
            tree = _Tree(fd, files, readers, leaves_out)
            try:
                yield from tree.entries()
            except OSError as error:
                raise _unreadable(tree.at, error) from error
            finally:
                files.unwanted.set()
                tree.close()


def outside(apart: frozenset[bytes]) -> LeavesOut | None:
    """Leaves out the content of some folders, not themselves; None when there are none."""
    if not apart:
        return None
    return lambda path, _directory: posixpath.dirname(path) in apart


def _drop_caches() -> bool:
    """False where that is not allowed: each file's content is dropped by itself then."""
    try:
        _DROP.write_bytes(b"3\n")
    except OSError:
        return False
    return True


def _unreadable(path: bytes, error: OSError) -> VerifyError:
    return VerifyError(f"cannot be read back: {error.strerror}", subject=attributes.show(path))


class _Tree:
    """Walks, and puts together in order what the readers read."""

    def __init__(
        self,
        root: int,
        files: _Files,
        readers: ThreadPoolExecutor,
        leaves_out: LeavesOut | None,
    ) -> None:
        self._files = files
        self._leaves_out = leaves_out
        self._readers = readers
        self._directories = Directories(root)
        self._firsts: dict[tuple[int, int], bytes] = {}
        self.at = b"."

    def close(self) -> None:
        self._directories.clear()

    def entries(self) -> Iterator[Entry]:
        ahead: deque[Entry | Future[list[_Found]]] = deque()
        for piece in self._pieces():
            ahead.append(piece)
            if len(ahead) > _AHEAD:
                yield from self._done(ahead.popleft())
        while ahead:
            yield from self._done(ahead.popleft())

    def _done(self, piece: Entry | Future[list[_Found]]) -> Iterator[Entry]:
        if isinstance(piece, Entry):
            yield piece
            return
        for found in piece.result():
            yield found if isinstance(found, Entry) else self._one_of_several(*found)

    def _one_of_several(self, path: bytes, inode: tuple[int, int]) -> Entry:
        """A file with further names: here, in order, it is certain which of them is the first."""
        first = self._firsts.setdefault(inode, path)
        if first != path:
            return link_entry(path, Kind.FILE, first)
        self.at = path
        return self._files.read(path, *self._directories.locate(path))

    def _pieces(self) -> Iterator[Entry | Future[list[_Found]]]:
        """The root is sorted among its children, as its name ``.`` demands."""
        stack = [iter(self._names(b".", extra=b"."))]
        where = [b""]
        while stack:
            names = next(stack[-1], None)
            if names is None:
                stack.pop()
                where.pop()
                continue
            prefix = where[-1] + b"/" if where[-1] else b""
            if isinstance(names, list):
                folder = os.dup(self._directories.open(where[-1]))
                yield self._readers.submit(self._files.run, folder, prefix, names)
                continue
            path = prefix + names
            self.at = path
            entry = self._entry(path)
            yield entry
            if entry.kind is Kind.DIRECTORY and path != b".":
                stack.append(iter(self._names(path)))
                where.append(path)

    def _names(self, path: bytes, extra: bytes = b"") -> list[bytes | list[bytes]]:
        """What is in a directory, sorted; regular files that follow each other in runs."""
        with os.scandir(self._directories.open(path)) as listing:
            kinds = {
                os.fsencode(e.name): e.is_file(follow_symlinks=False)
                for e in listing
                if self._leaves_out is None or self._is_wanted(path, e, self._leaves_out)
            }
        if extra:
            kinds.pop(RESERVED, None)
            kinds[extra] = False
        found: list[bytes | list[bytes]] = []
        run: list[bytes] = []
        for name in sorted(kinds):
            if not kinds[name]:
                found.append(name)
                run = []
            elif run and len(run) < _RUN:
                run.append(name)
            else:
                run = [name]
                found.append(run)
        return found

    @staticmethod
    def _is_wanted(
        path: bytes, entry: os.DirEntry[bytes] | os.DirEntry[str], leaves_out: LeavesOut
    ) -> bool:
        name = os.fsencode(entry.name)
        whole = name if path == b"." else path + b"/" + name
        return not leaves_out(whole, entry.is_dir(follow_symlinks=False))

    def _entry(self, path: bytes) -> Entry:
        if path == b".":
            return self._directory(path)
        directory, name = self._directories.locate(path)
        st = os.stat(name, dir_fd=directory, follow_symlinks=False)
        kind = attributes.kind_of(st.st_mode)
        if kind is Kind.DIRECTORY:
            return self._directory(path)
        if st.st_nlink > 1:
            first = self._firsts.setdefault((st.st_dev, st.st_ino), path)
            if first != path:
                return link_entry(path, kind, first)
        return Entry(
            path=path,
            kind=kind,
            meta=attributes.read_named(directory, name, st),
            target=os.readlink(name, dir_fd=directory) if kind is Kind.SYMLINK else b"",
            device=attributes.device_of(st, kind),
        )

    def _directory(self, path: bytes) -> Entry:
        fd = self._directories.open(path)
        meta = attributes.read_opened(fd, os.fstat(fd))
        return Entry(path=path, kind=Kind.DIRECTORY, meta=meta)


_Found = Entry | tuple[bytes, tuple[int, int]]
"""A file as it was read; path and inode when it has several names, which are told apart later."""


class _Files:
    """Reads regular files; any number of threads may.

    Args:
        cold: The caches are known to be empty.

    Attributes:
        unwanted: Set it when nobody waits for what is still to be read.
    """

    def __init__(self, *, cold: bool) -> None:
        self._cold = cold
        self.unwanted = threading.Event()

    def run(self, folder: int, prefix: bytes, names: list[bytes]) -> list[_Found]:
        """Files of one directory, whose descriptor is given up."""
        found: list[_Found] = []
        try:
            for name in names:
                if self.unwanted.is_set():
                    break
                found.append(self._look(prefix + name, folder, name))
        finally:
            os.close(folder)
        return found

    def _look(self, path: bytes, directory: int, name: bytes) -> _Found:
        try:
            fd = os.open(name, _READ, dir_fd=directory)
            try:
                st = os.fstat(fd)
                if st.st_nlink > 1:
                    return path, (st.st_dev, st.st_ino)
                return self._opened(path, fd, st)
            finally:
                os.close(fd)
        except OSError as error:
            raise _unreadable(path, error) from error

    def read(self, path: bytes, directory: int, name: bytes) -> Entry:
        """One file, whatever other names it has."""
        fd = os.open(name, _READ, dir_fd=directory)
        try:
            return self._opened(path, fd, os.fstat(fd))
        finally:
            os.close(fd)

    def _opened(self, path: bytes, fd: int, st: os.stat_result) -> Entry:
        if not self._cold:
            content.drop_cached(fd)
        if not stat.S_ISREG(st.st_mode):
            raise VerifyError("changed while it was read back", subject=attributes.show(path))
        digest = _content(fd, st.st_size)
        meta = attributes.read_opened(fd, st)
        return Entry(path=path, kind=Kind.FILE, meta=meta, size=st.st_size, content=digest)


def _content(fd: int, size: int) -> bytes:
    if size <= content.CHUNK:
        data = os.pread(fd, size, 0) if size else b""
        return content.digest_of(data if len(data) == size else _read(fd, 0, size))
    digest = content.ContentDigest(size)
    at = 0
    while at < size:
        data_at = content.next_data(fd, at, size)
        holes = (data_at - at) // content.CHUNK
        if holes:
            digest.add_zeros(holes)
            at += holes * content.CHUNK
            continue
        length = min(content.CHUNK, size - at)
        digest.add(blake3(_read(fd, at, length)).digest())
        at += length
    return digest.digest()


def _read(fd: int, at: int, length: int) -> bytearray:
    buffer = bytearray(length)
    content.read_range(fd, memoryview(buffer), at)
    return buffer
