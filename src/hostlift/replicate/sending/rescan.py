# SPDX-License-Identifier: Apache-2.0
"""From the inodes that may have changed to the paths that a pass has to look at.

    changed inode -> its names, as the manifest knows them -> looked at again
    changed directory -> names and inode numbers in it, against the manifest's:
        new, or another object -> looked at; a directory: all below it
        missing -> gone, with all below it
    names of one inode -> looked at together

What the last pass left in doubt is looked at too. Whatever happens after the trackers' marks were
taken shows in the next pass, so an object that is not where it should be is left to that.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from zlib import crc32

from hostlift.errors import Interrupted
from hostlift.model.entry import Kind
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.rows import signed
from hostlift.replicate.sending.scan import SeenRow, Walk, inside
from hostlift.replicate.sending.staging import Staging
from hostlift.replicate.source import SourceVolume, order_key, parent_key, path_of
from hostlift.replicate.tracked import Name, children, doubtful, linked_elsewhere, names_of

_ROWS = 4000
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is done in one go.

    Attributes:
        names: Most names to look at one by one; a walk is quicker than more.
        directory: Bytes; a larger directory is listed in several turns, each for a part of it.
    """

    names: int = 300_000
    directory: int = 8 << 20


class TooMuch(Exception):
    """So much has changed that walking the tree is quicker."""


class Rescan:
    """One volume, of which every tree is tracked. A context manager: it holds descriptors.

    Attributes:
        unreadable: Directories that could not be listed, and why.
        looked_at: How many objects were.
    """

    def __init__(
        self,
        vol: int,
        volume: SourceVolume,
        scratch: Staging,
        stopped: Callable[[], bool],
        bounds: Bounds = Bounds(),
    ) -> None:
        self._vol = vol
        self._bounds = bounds
        self._volume = volume
        self._manifest = scratch.manifest
        self._scratch = scratch
        self._stopped = stopped
        self._walks = [Walk(vol, i, volume, stopped) for i in range(len(volume.trees))]
        self._roots: list[Directories] = []
        self._descriptors = ExitStack()
        self._covered: set[bytes] = set()
        self._directories: set[bytes] = set()
        self._tried: set[bytes] = set()
        self._rows: list[SeenRow] = []
        self._inodes: dict[int, set[int]] = {}
        self.looked_at = 0

    def __enter__(self) -> Rescan:
        for tree in self._volume.trees:
            fd = os.open(tree.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._descriptors.callback(os.close, fd)
            self._roots.append(Directories(fd))
            self._descriptors.callback(self._roots[-1].clear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._descriptors.close()

    @property
    def unreadable(self) -> list[tuple[bytes, str]]:
        """See the class."""
        return [item for walk in self._walks for item in walk.unreadable]

    def run(self, changed: Sequence[Sequence[int]]) -> None:
        """Look at all of it.

        Args:
            changed: Inode numbers, for each tree of the volume.

        Raises:
            TooMuch: Nothing is to be used of what was seen so far.
            Interrupted: Told to stop.
        """
        names = doubtful(self._manifest, self._vol, self._bounds.names + 1)
        if len(names) + sum(map(len, changed)) > self._bounds.names:
            raise TooMuch
        for tree, inodes in enumerate(changed):
            names += names_of(self._manifest, self._vol, tree, inodes)
        for root in self._volume.trees:
            self._see_directory(order_key(root.place))
        self._flush()
        while names:
            self._look(names)
            self._flush()
            more = linked_elsewhere(self._manifest, self._vol)
            for tree, wanted in self._inodes.items():
                more += names_of(self._manifest, self._vol, tree, sorted(wanted))
            self._inodes.clear()
            names = [name for name in more if name.key not in self._tried]

    def _look(self, names: Iterable[Name]) -> None:
        unique = {name.key: name for name in names}
        for key in sorted(unique):
            if self._stopped():
                raise Interrupted("stopped while scanning")
            self._tried.add(key)
            if self._is_covered(key):
                continue
            if unique[key].kind == Kind.DIRECTORY:
                self._relist(key)
            else:
                self._relook(key)

    def _is_covered(self, key: bytes) -> bool:
        """In a directory all of which was looked at, or such a directory itself."""
        if not self._covered:
            return False
        at = key
        while at not in self._covered:
            at = at.rpartition(b"\0")[0]
            if not at:
                return False
        return True

    @property
    def several(self) -> bool:
        """Another file system than a tree's own was met, which no mark vouches for."""
        return any(walk.several for walk in self._walks)

    def _relook(self, key: bytes) -> None:
        """An object that may be anything by now, or gone."""
        path = path_of(key)
        tree = self._tree_of(path)
        try:
            self._see_directory(parent_key(key))
            directory, name = self._roots[tree].locate(self._below(tree, path))
            st = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            self._absent(tree, path, error)
            return
        self._examine(key)
        self._take(tree, path, st)

    def _take(self, tree: int, path: bytes, st: os.stat_result) -> None:
        """An object that is there and may be anything."""
        if stat.S_ISDIR(st.st_mode):
            self._take_all(tree, path)
            return
        self._see(self._walks[tree].row(order_key(path), st))
        if st.st_nlink > 1:
            self._inodes.setdefault(tree, set()).add(st.st_ino)

    def _take_all(self, tree: int, path: bytes) -> None:
        """A directory whose content is new under this name."""
        key = order_key(path)
        self._covered.add(key)
        self._scratch.examine_below(self._vol, key)
        try:
            for rows in self._walks[tree].rows(path):
                for row in rows:
                    self._see(row)
                    if row[8] > 1 and row[2] != Kind.DIRECTORY:
                        self._inodes.setdefault(tree, set()).add(row[5])
        except OSError as error:
            self._absent(tree, path, error)

    def _relist(self, key: bytes) -> None:
        """A directory, as far as is known."""
        path = path_of(key)
        tree = self._tree_of(path)
        try:
            fd = self._roots[tree].open(self._below(tree, path))
            parts = 1 + os.fstat(fd).st_size // self._bounds.directory
            self._see_directory(parent_key(key))
            self._see_directory(key)
            for part in range(parts):
                fd = self._roots[tree].open(self._below(tree, path))
                self._compare(tree, path, fd, (part, parts))
        except OSError as error:
            if error.errno in _GONE:
                self._relook(key)
            else:
                self._absent(tree, path, error)

    def _compare(self, tree: int, path: bytes, fd: int, turn: tuple[int, int]) -> None:
        """What is in a directory against what the manifest has there; a part of it at a ``turn``."""
        part, parts = turn
        there: dict[bytes, int] = {}
        with os.scandir(fd) as entries:
            for entry in entries:
                found = self._walks[tree].path_in(path, entry)
                if found is not None and crc32(found) % parts == part:
                    there[found] = entry.inode()
        for name in children(self._manifest, self._vol, order_key(path)):
            known = path_of(name.key)
            if crc32(known) % parts != part or self._tree_of(known) != tree:
                continue
            inode = there.get(known)
            if inode is None:
                self._examine(name.key)
            elif signed(inode) == name.ino:
                del there[known]
        for found in sorted(there):
            self._relook(order_key(found))

    def _absent(self, tree: int, path: bytes, error: OSError) -> None:
        """It vanished, or its directory did; anything else is trouble, and it stays at the target."""
        if error.errno in _GONE:
            self._examine(order_key(path))
        else:
            self._walks[tree].unreadable.append((path, f"cannot be read: {error.strerror}"))

    def _see_directory(self, key: bytes) -> None:
        """The row of a directory, needed also when only something in it is looked at.

        Raises:
            OSError: It cannot be opened.
        """
        if key in self._directories or self._is_covered(key):
            return
        path = path_of(key)
        tree = self._tree_of(path)
        st = os.fstat(self._roots[tree].open(self._below(tree, path)))
        self._directories.add(key)
        self._see(self._walks[tree].row(key, st))

    def _examine(self, key: bytes) -> None:
        self._scratch.examine(self._vol, [key])

    def _see(self, row: SeenRow) -> None:
        self._rows.append(row)
        self.looked_at += 1
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        self._scratch.see(self._rows)
        self._rows.clear()

    def _tree_of(self, path: bytes) -> int:
        """The tree with the longest place that holds a path."""
        best, length = 0, -1
        for index, tree in enumerate(self._volume.trees):
            place = b"" if tree.place == b"." else tree.place
            if len(place) > length and (
                not place or path == place or path.startswith(place + b"/")
            ):
                best, length = index, len(place)
        return best

    def _below(self, tree: int, path: bytes) -> bytes:
        return inside(self._volume.trees[tree], path)
