# SPDX-License-Identifier: Apache-2.0
"""The only hand that changes a copy; each change goes through the ledger first."""

from __future__ import annotations

import posixpath

from hostlift.adapt.ledger import Ledger
from hostlift.adapt.snapshot import ABSENT, Snapshot, final_path, take
from hostlift.ports.tree import Tree

_FILE_MODE = 0o644
_FOLDER_MODE = 0o755


class Editor:
    """Edits in the name of one adaptation. What is already as wanted is not an edit.

    Args:
        tree: The copy.
        ledger: Where edits are recorded.
        adaptation: In whose name.
    """

    def __init__(self, tree: Tree, ledger: Ledger, adaptation: str) -> None:
        self._tree = tree
        self._ledger = ledger
        self._adaptation = adaptation

    def write(self, path: str, data: bytes, why: str, *, mode: int | None = None) -> None:
        """Make ``path`` (behind its links) a file with this content; missing folders are made."""
        path = final_path(self._tree, path)
        now = take(self._tree, path)
        if now.kind == "file" and now.data == data and mode in {None, now.mode}:
            return
        self.folder(posixpath.dirname(path), why)
        wanted = mode if mode is not None else now.mode if now.kind == "file" else _FILE_MODE
        self._record(path, why, now, Snapshot("file", wanted, 0, data))
        self._tree.write(path, data, mode=wanted)

    def remove(self, path: str, why: str) -> None:
        """Remove a file or link; a missing one is fine."""
        now = take(self._tree, path)
        if now.kind == "absent":
            return
        self._record(path, why, now, ABSENT)
        self._tree.remove(path)

    def link(self, path: str, target: str, why: str) -> None:
        """Make ``path`` a symbolic link; missing folders are made."""
        now = take(self._tree, path)
        data = target.encode("utf-8", "surrogateescape")
        if now.kind == "link" and now.data == data:
            return
        self.folder(posixpath.dirname(path), why)
        self._record(path, why, now, Snapshot("link", 0o777, 0, data))
        self._tree.symlink(path, target)

    def folder(self, path: str, why: str) -> None:
        """Make a directory and its missing parents."""
        if path in {"", "/"} or self._tree.exists(path):
            return
        self.folder(posixpath.dirname(path), why)
        self._record(path, why, ABSENT, Snapshot("dir", _FOLDER_MODE, 0))
        self._tree.mkdir(path, _FOLDER_MODE)

    def _record(self, path: str, why: str, before: Snapshot, after: Snapshot) -> None:
        self._ledger.record(self._adaptation, path, why, before=before, after=after)
