# SPDX-License-Identifier: Apache-2.0
"""Directories of one tree by descriptor: no path string ever reaches outside of it.

Every object is named as (descriptor of its directory, last name). Descriptors are kept for the
most recently used directories; one instance serves one thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from hostlift.replicate.fs.kernel import clone_mount, open_beneath

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST = 4000
"""Below PATH_MAX; longer paths are opened in stretches."""


def split(path: bytes) -> tuple[bytes, bytes]:
    """Directory (empty: the root) and last name of a relative path."""
    parent, _, name = path.rpartition(b"/")
    return parent, name


class Directories:
    """Open directories below ``root``, least recently used first.

    Args:
        root: Descriptor of the tree's root; it stays the caller's.
        capacity: Most descriptors kept; the last two given out are always among them.
    """

    def __init__(self, root: int, capacity: int = 96) -> None:
        self._root = root
        self._capacity = max(capacity, 4)
        self._open: dict[bytes, int] = {}
        self._latest = b".", root

    def open(self, path: bytes) -> int:
        """Descriptor of a directory, valid until the cache is cleared or two more are opened."""
        latest, fd_of_latest = self._latest
        if path == latest:
            return fd_of_latest
        if path in {b"", b"."}:
            return self._root
        fd = self._open.pop(path, None)
        if fd is None:
            fd = self._reach(path)
            if len(self._open) >= self._capacity:
                oldest = next(iter(self._open))
                os.close(self._open.pop(oldest))
        self._open[path] = fd
        self._latest = path, fd
        return fd

    def make(self, path: bytes) -> int:
        """Like `open`; what is missing on the way is made, for its owner only."""
        missing: list[bytes] = []
        while True:
            try:
                fd = self.open(path)
                break
            except FileNotFoundError:
                missing.append(path)
                path = split(path)[0]
        while missing:
            path = missing.pop()
            with contextlib.suppress(FileExistsError):
                os.mkdir(split(path)[1], 0o700, dir_fd=fd)
            fd = self.open(path)
        return fd

    def _reach(self, path: bytes) -> int:
        if len(path) <= _LONGEST:
            return open_beneath(self._root, path, _DIRECTORY)
        cut = path.rfind(b"/", 0, _LONGEST)
        here = open_beneath(self._root, path[:cut], _DIRECTORY)
        while True:
            path = path[cut + 1 :]
            cut = path.rfind(b"/", 0, _LONGEST) if len(path) > _LONGEST else len(path)
            try:
                there = open_beneath(here, path[:cut], _DIRECTORY)
            finally:
                os.close(here)
            if cut == len(path):
                return there
            here = there

    def locate(self, path: bytes, *, make: bool = False) -> tuple[int, bytes]:
        """Where an object is: descriptor of its directory, and its name.

        Args:
            make: Directories that are missing on the way are made.
        """
        parent, name = split(path)
        return self.make(parent) if make else self.open(parent), name

    def clear(self) -> None:
        """Close everything but the root: names may stand for other directories from now on."""
        self._latest = b".", self._root
        while self._open:
            os.close(self._open.popitem()[1])


@contextlib.contextmanager
def opened_tree(path: Path | bytes) -> Iterator[int]:
    """Descriptor of a tree's root, seen without the mounts that may lie on it.

    Where detached mounts are not possible (an old kernel, no privilege) it is the plain directory.
    """
    try:
        handle = clone_mount(os.fsencode(path))
    except OSError:
        root = os.open(path, _DIRECTORY)
    else:
        try:
            root = os.open(b".", _DIRECTORY, dir_fd=handle)
        finally:
            os.close(handle)
    try:
        yield root
    finally:
        os.close(root)
