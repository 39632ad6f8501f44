# SPDX-License-Identifier: Apache-2.0
"""Change trackers: which inodes of a file system may have changed, without walking its tree.

A tracker says too much rather than too little; what it names is looked at again by its path and
compared with the manifest. New objects need not be named: the directory they are in is. The caller
has synced the file system before (`syncfs`), so that stores to mapped pages show as changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class KnownInode(NamedTuple):
    """What the manifest knows of an inode; ``size`` is 0 for anything but a regular file."""

    ino: int
    ctime_ns: int
    size: int


class Known(Protocol):
    """The inodes of one file system that the manifest knows, each once."""

    def between(self, first: int, last: int) -> Iterator[KnownInode]:
        """Those numbered ``first`` to ``last``, both included, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class Changed:
    """What may have changed since a mark.

    Attributes:
        inodes: Known inodes that are gone or have another change time or size, each once; more is
            allowed.
        mark: The state of the file system that this was found in, for the next time.
    """

    inodes: tuple[int, ...]
    mark: bytes


class Untrackable(Exception):
    """This file system, or this mark, is nothing the tracker can work with: walk the tree."""


class Tracker(Protocol):
    """Follows one mounted file system.

    Attributes:
        name: Stored with the marks, so that one tracker never sees another's.
    """

    name: str

    def mark(self) -> bytes:
        """The state of the file system now; every later change shows against it.

        Raises:
            Untrackable: This tracker is of no use here.
        """
        ...

    def changed(self, mark: bytes, known: Known) -> Changed:
        """What may have changed since ``mark`` was taken.

        Raises:
            Untrackable: The mark is not of this file system, or it cannot be read any more.
        """
        ...
