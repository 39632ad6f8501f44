# SPDX-License-Identifier: Apache-2.0
"""A guest's file tree. Paths are absolute within the guest and can never lead out of it.

Symbolic links met on the way are resolved *inside* the tree, as after a chroot; one that would
climb above the root stays at the root. Content is bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of stat(2) that adaptation needs."""

    mode: int
    uid: int
    gid: int
    size: int
    kind: str
    """``file``, ``dir``, ``link`` or ``other``."""
    mtime_ns: int = 0
    names: int = 1
    """Hard links: how many names the object has."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an object has besides its content.

    Attributes:
        flags: As ``lsattr`` shows them, as far as they can be set (`ports.tree.SETTABLE`); of
            regular files only.
        xattrs: Name and value, sorted; ACLs and SELinux labels are among them.
    """

    mode: int
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    flags: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


PROTECTED = 0x10 | 0x20
"""Flags that forbid editing: immutable, append-only."""
SETTABLE = PROTECTED | 0x8 | 0x40 | 0x80 | 0x4000 | 0x800000
"""With them: synchronous, no dump, no atime, journalled data, no copy on write."""


class Tree(Protocol):
    """Reading and editing a guest. Missing objects raise FileNotFoundError."""

    def read(self, path: str) -> bytes:
        """Content of a regular file; links are followed within the tree."""
        ...

    def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        """Replace or create a file atomically; owner, mode, xattrs and flags of an old one stay.

        Parents must exist. A link at ``path`` is followed within the tree. Other names (hard links)
        of an old one keep what it was: who made them may have meant a backup.
        """
        ...

    def exists(self, path: str) -> bool:
        """True for anything there, dangling links included."""
        ...

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """Metadata of an object."""
        ...

    def listdir(self, path: str) -> list[str]:
        """Names in a directory, sorted; bytes that are not UTF-8 as surrogate escapes."""
        ...

    def readlink(self, path: str) -> str:
        """Target of a symbolic link, as stored."""
        ...

    def symlink(self, path: str, target: str) -> None:
        """Make ``path`` a link to ``target``, replacing a file or link that is there."""
        ...

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and its missing parents; an existing one is fine."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, link or empty directory; a missing one is fine."""
        ...

    def touch(self, path: str, mtime_ns: int) -> None:
        """Set the modification time of an object; a link's own, not its target's."""
        ...

    def attributes(self, path: str) -> Attributes:
        """Everything but the content of an object; links are not followed."""
        ...

    def set_attributes(self, path: str, wanted: Attributes) -> None:
        """Make owner, mode, xattrs, flags and time of an object these; links are not followed.

        What the file system cannot hold is left out; protection is lifted for it and set last.
        """
        ...
