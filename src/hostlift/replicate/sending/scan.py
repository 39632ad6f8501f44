# SPDX-License-Identifier: Apache-2.0
"""Walking a source tree by descriptor and reporting every object in it, once.

Directories are visited depth first; a listing is read whole, so memory follows the largest
directory, not the tree. Few descriptors are kept: a parent whose descriptor was given up is found
again through ``..`` and checked. What vanishes on the way is left to the next pass.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hostlift.errors import Interrupted
from hostlift.model.entry import Kind
from hostlift.replicate.excludes import Excludes
from hostlift.replicate.fs.attributes import kind_of
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.fs.kernel import mount_id
from hostlift.replicate.source import RESERVED, SourceVolume, TreeRoot, order_key

_KEPT_OPEN = 48
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
        self._stopped = stopped
        self._dev = 0
        self._mount = 0
        self.unreadable: list[tuple[bytes, str]] = []

    def rows(self) -> Iterator[list[SeenRow]]:
        """All objects, a directory's children at a time."""
        # The path may be a link into /proc/self/fd (a detached mount): it is ours, not the guest's.
        root = os.open(self._root.path, _DIRECTORY & ~os.O_NOFOLLOW)
        self._directories = Directories(root)
        stack: list[_Frame] = []
        try:
            st = os.fstat(root)
            self._dev, self._mount = st.st_dev, mount_id(root)
            place = self._root.place
            yield [self._row(place, st)]
            stack.append(_Frame(os.dup(root), (st.st_dev, st.st_ino), place))
            yield self._list(stack[-1])
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
        yield self._list(frame)

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
        if st.st_dev != self._dev and not self._root.cross and mount_id(fd) != self._mount:
            os.close(fd)
            return None
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

    def _list(self, frame: _Frame) -> list[SeenRow]:
        found: list[SeenRow] = []
        prefix = b"" if frame.path == b"." else frame.path + b"/"
        try:
            with os.scandir(frame.fd) as entries:
                for entry in entries:
                    try:
                        st = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    row = self._child(prefix, os.fsencode(entry.name), st, frame)
                    if row is not None:
                        found.append(row)
        except OSError as error:
            self.unreadable.append((frame.path, f"cannot be listed: {error.strerror}"))
        return found

    def _child(
        self, prefix: bytes, name: bytes, st: os.stat_result, frame: _Frame
    ) -> SeenRow | None:
        path = prefix + name
        directory = stat.S_ISDIR(st.st_mode)
        if path in self._skipped or (
            self._excludes and self._excludes.leaves_out(path, directory=directory)
        ):
            return None
        if directory:
            frame.below.append(name)
        return self._row(path, st)

    def _row(self, path: bytes, st: os.stat_result) -> SeenRow:
        ino = st.st_ino
        kind = kind_of(st.st_mode)
        return (
            self._vol,
            order_key(path),
            int(kind),
            self._tree,
            st.st_dev,
            ino - (1 << 64) if ino >= 1 << 63 else ino,
            st.st_ctime_ns,
            st.st_size if kind is Kind.FILE else 0,
            st.st_nlink,
        )


def inside(root: TreeRoot, path: bytes) -> bytes:
    """A volume's path as seen from a tree's own root."""
    if root.place == b".":
        return path
    return path[len(root.place) + 1 :] or b"."


def _join(parent: bytes, name: bytes) -> bytes:
    return name if parent == b"." else parent + b"/" + name
