# SPDX-License-Identifier: Apache-2.0
"""Walking a source tree by descriptor and reporting every object in it, once.

Directories are visited depth first; of a directory only the names of those below it are kept, so
memory does not follow the number of files, wherever they are. Few descriptors are kept: a parent
whose descriptor was given up is found again through ``..`` and checked. What vanishes on the way is
left to the next pass.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hostlift.errors import Interrupted
from hostlift.model.entry import Kind
from hostlift.replicate.excludes import Excludes
from hostlift.replicate.fs.attributes import kind_of
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.fs.kernel import mount_id
from hostlift.replicate.rows import signed
from hostlift.replicate.source import RESERVED, SourceVolume, TreeRoot, order_key

_KEPT_OPEN = 48
_IS_FILE = int(Kind.FILE)
_IS_DIRECTORY = int(Kind.DIRECTORY)
_PART = 2000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

SeenRow = tuple[int, bytes, int, int, int, int, int, int, int]
"""vol, key, kind, tree, dev, ino, ctime, size, nlink, as the staging table has them."""


@dataclass(slots=True)
class _Frame:
    """A directory being visited: its descriptor (-1: given up), identity and what is left."""

    fd: int
    identity: tuple[int, int]
    path: bytes
    below: list[bytes] = field(default_factory=list)


class Walk:
    """One tree of a volume.

    Args:
        vol: Number of the volume in the manifest.
        tree: Index of the tree in the volume.
        volume: For excludes and for the places of the other trees, which are left out of this one.
        stopped: Asked between directories.

    Attributes:
        unreadable: Directories that could not be listed, and why.
        several: File systems other than the tree's own were met.
    """

    def __init__(
        self, vol: int, tree: int, volume: SourceVolume, stopped: Callable[[], bool]
    ) -> None:
        self._vol = vol
        self._tree = tree
        self._root = volume.trees[tree]
        self._excludes = Excludes(volume.excludes)
        others = {t.place for t in volume.trees if t is not self._root}
        self._skipped = others | {RESERVED}
        # Directories in which names have to be compared with those.
        self._skipping = {path.rpartition(b"/")[0] or b"." for path in self._skipped}
        self._stopped = stopped
        self._dev = 0
        self._mount = 0
        self.unreadable: list[tuple[bytes, str]] = []
        self.several = False

    def rows(self, start: bytes = b"") -> Iterator[list[SeenRow]]:
        """All objects from ``start`` (empty: the tree's root) downwards, some at a time.

        A directory comes before what it holds.
        """
        # The path may be a link into /proc/self/fd (a detached mount): it is ours, not the guest's.
        root = os.open(self._root.path, _DIRECTORY & ~os.O_NOFOLLOW)
        self._directories = Directories(root)
        stack: list[_Frame] = []
        try:
            self._dev, self._mount = os.fstat(root).st_dev, mount_id(root)
            at = start or self._root.place
            top = os.dup(self._directories.open(self._below_root(at)))
            st = os.fstat(top)
            stack.append(_Frame(top, (st.st_dev, st.st_ino), at))
            yield [self.row(order_key(at), st)]
            yield from self._list(stack[-1])
            while stack:
                yield from self._step(stack)
        finally:
            for frame in stack:
                if frame.fd >= 0:
                    os.close(frame.fd)
            self._directories.clear()
            os.close(root)

    def _step(self, stack: list[_Frame]) -> Iterator[list[SeenRow]]:
        top = stack[-1]
        if not top.below:
            self._leave(stack)
            return
        if self._stopped():
            raise Interrupted("stopped while scanning")
        name = top.below.pop()
        frame = self._enter(top, name)
        if frame is None:
            return
        stack.append(frame)
        if len(stack) > _KEPT_OPEN and stack[-_KEPT_OPEN].fd >= 0:
            old = stack[-_KEPT_OPEN]
            os.close(old.fd)
            old.fd = -1
        yield from self._list(frame)

    def _enter(self, parent: _Frame, name: bytes) -> _Frame | None:
        path = _join(parent.path, name)
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=parent.fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.unreadable.append((path, f"cannot be read: {error.strerror}"))
            return None
        st = os.fstat(fd)
        if st.st_dev != self._dev:
            if not self._root.cross and mount_id(fd) != self._mount:
                os.close(fd)
                return None
            self.several = True
        return _Frame(fd, (st.st_dev, st.st_ino), path)

    def _leave(self, stack: list[_Frame]) -> None:
        done = stack.pop()
        if stack and stack[-1].fd < 0:
            parent = stack[-1]
            parent.fd = self._again(done, parent)
            if parent.fd < 0:  # moved or removed while we were below: the next pass sees to it
                parent.below.clear()
        if done.fd >= 0:
            os.close(done.fd)

    def _again(self, child: _Frame, parent: _Frame) -> int:
        with contextlib.suppress(OSError):
            if child.fd >= 0:
                fd = os.open(b"..", _DIRECTORY, dir_fd=child.fd)
            else:
                fd = os.dup(self._directories.open(self._below_root(parent.path)))
            st = os.fstat(fd)
            if (st.st_dev, st.st_ino) == parent.identity:
                return fd
            os.close(fd)
        return -1

    def _below_root(self, path: bytes) -> bytes:
        return inside(self._root, path)

    def _list(self, frame: _Frame) -> Iterator[list[SeenRow]]:
        found: list[SeenRow] = []
        everything = self._takes_all(frame.path)
        start = b"" if frame.path == b"." else order_key(frame.path) + b"\0"
        try:
            with os.scandir(frame.fd) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if not everything and self._leaves_out(frame.path, name, entry):
                        continue
                    try:
                        st = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    row = self.row(start + name, st)
                    if row[2] == _IS_DIRECTORY:
                        frame.below.append(name)
                    found.append(row)
                    if len(found) >= _PART:
                        yield found
                        found = []
        except OSError as error:
            self.unreadable.append((frame.path, f"cannot be listed: {error.strerror}"))
        yield found

    def path_in(self, directory: bytes, entry: os.DirEntry[str]) -> bytes | None:
        """Where an object of a directory is; None when it is left out."""
        name = os.fsencode(entry.name)
        if not self._takes_all(directory) and self._leaves_out(directory, name, entry):
            return None
        return _join(directory, name)

    def _takes_all(self, directory: bytes) -> bool:
        """Nothing in a directory can be left out: asked once for it instead of for every name."""
        return not self._excludes and directory not in self._skipping

    def _leaves_out(self, directory: bytes, name: bytes, entry: os.DirEntry[str]) -> bool:
        path = _join(directory, name)
        return path in self._skipped or self._excludes.leaves_out(
            path, directory=entry.is_dir(follow_symlinks=False)
        )

    def row(self, key: bytes, st: os.stat_result) -> SeenRow:
        """An object as the staging table has it."""
        kind = int(kind_of(st.st_mode))
        return (
            self._vol,
            key,
            kind,
            self._tree,
            st.st_dev,
            signed(st.st_ino),
            st.st_ctime_ns,
            st.st_size if kind == _IS_FILE else 0,
            st.st_nlink,
        )


def inside(root: TreeRoot, path: bytes) -> bytes:
    """A volume's path as seen from a tree's own root."""
    if root.place == b".":
        return path
    return path[len(root.place) + 1 :] or b"."


def _join(parent: bytes, name: bytes) -> bytes:
    return name if parent == b"." else parent + b"/" + name
