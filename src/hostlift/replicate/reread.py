# SPDX-License-Identifier: Apache-2.0
"""Describes what a target volume really holds, read from the disk and not from the cache.

Entries come depth first with the names of each directory sorted as bytes, which is the order of
`Manifest.entries`, and are normalised the same way: the first name of an inode carries the entry,
each other is a `manifest.link_entry`. Only `source.RESERVED` is left out; ``lost+found`` is an
ordinary directory (a pass removes the target's when the source has none). Memory follows the
largest directory and the number of inodes with several names.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
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


def reread(root: Path, *, drop_caches: bool = True) -> Iterator[Entry]:
    """Every object of the volume mounted at ``root``, the root itself as ``b"."``.

    Args:
        drop_caches: Make the kernel forget its clean caches first, so that names and metadata come
            from the disk as well; content does in any case.

    Raises:
        VerifyError: Something cannot be read back.
    """
    with opened_tree(root) as fd:
        syncfs(fd)
        tree = _Tree(fd, cold=drop_caches and _drop_caches())
        try:
            yield from tree.entries()
        except OSError as error:
            raise VerifyError(
                f"cannot be read back: {error.strerror}", subject=attributes.show(tree.at)
            ) from error
        finally:
            tree.close()


def _drop_caches() -> bool:
    """False where that is not allowed: each file's content is dropped by itself then."""
    try:
        _DROP.write_bytes(b"3\n")
    except OSError:
        return False
    return True


class _Tree:
    def __init__(self, root: int, *, cold: bool) -> None:
        self._cold = cold
        self._directories = Directories(root)
        self._firsts: dict[tuple[int, int], bytes] = {}
        self.at = b"."

    def close(self) -> None:
        self._directories.clear()

    def entries(self) -> Iterator[Entry]:
        """The root is sorted among its children, as its name ``.`` demands."""
        stack = [iter([*self._names(b".", extra=b".")])]
        where = [b""]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                where.pop()
                continue
            path = name if not where[-1] else where[-1] + b"/" + name
            self.at = path
            entry = self._entry(path)
            yield entry
            if entry.kind is Kind.DIRECTORY and path != b".":
                stack.append(iter(self._names(path)))
                where.append(path)

    def _names(self, path: bytes, extra: bytes = b"") -> list[bytes]:
        names = [os.fsencode(n) for n in os.listdir(self._directories.open(path))]
        if extra:
            names = [n for n in names if n != RESERVED]
            names.append(extra)
        names.sort()
        return names

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
        if kind is Kind.FILE:
            return self._file(path, directory, name)
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

    def _file(self, path: bytes, directory: int, name: bytes) -> Entry:
        fd = os.open(name, _READ, dir_fd=directory)
        try:
            if not self._cold:
                content.drop_cached(fd)
            st = os.fstat(fd)
            if not stat.S_ISREG(st.st_mode):
                raise VerifyError("changed while it was read back", subject=attributes.show(path))
            digest = _content(fd, st.st_size)
            meta = attributes.read_opened(fd, st)
        finally:
            os.close(fd)
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
