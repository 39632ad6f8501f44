# SPDX-License-Identifier: Apache-2.0
"""Reading the source's files, live or below a mount; links never lead out of its root.

Everything is optional here: what is missing or unreadable reads as nothing, because inspection
describes what it finds and leaves the judgement to the checks.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path

from hostlift.host.tree import RootTree


class Guest:
    """The source's tree, mounted at ``root``. Paths given are absolute within the source."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tree = RootTree(root)

    def exists(self, path: str) -> bool:
        """True when there is something, a dangling link included."""
        try:
            return self._tree.exists(path)
        except OSError:
            return False

    def is_folder(self, path: str) -> bool:
        """True for a directory, or a link to one."""
        try:
            return self._tree.stat(path).kind == "dir"
        except OSError:
            return False

    def data(self, path: str) -> bytes:
        """Content of a regular file; empty when there is none."""
        try:
            return self._tree.read(path)
        except OSError:
            return b""

    def text(self, path: str) -> str:
        """A file as text, undecodable bytes replaced."""
        return self.data(path).decode("utf-8", "replace")

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted; empty when there is none."""
        try:
            return self._tree.listdir(path)
        except OSError:
            return []

    def look(self, path: str) -> tuple[str, int]:
        """Kind (``file``, ``dir``, ``link``, ``other``; empty: nothing) and size; links not followed."""
        try:
            stat = self._tree.stat(path, follow=False)
        except OSError:
            return "", 0
        return stat.kind, stat.size

    def glob(self, pattern: str) -> list[str]:
        """Paths that match, sorted; ``*`` and ``?`` stay within one component."""
        found = [""]
        for part in pattern.strip("/").split("/"):
            if set(part) & set("*?["):
                found = [f"{f}/{n}" for f in found for n in self._matching(f or "/", part)]
            else:
                found = [f"{f}/{part}" for f in found if self.exists(f"{f}/{part}")]
        return sorted(found)

    def _matching(self, folder: str, part: str) -> list[str]:
        names = self.names(folder)
        return [n for n in fnmatch.filter(names, part) if not n.startswith(".")]
