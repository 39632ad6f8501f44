# SPDX-License-Identifier: Apache-2.0
"""The only hand that changes a copy; each change goes through the ledger first."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from hostlift.adapt.ledger import Ledger
from hostlift.adapt.snapshot import ABSENT, Snapshot, final_path, take
from hostlift.ports.tree import PROTECTED, Attributes, Tree

_FILE_MODE = 0o644
_FOLDER_MODE = 0o755
_LINK_MODE = 0o777


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
        facts = now.attributes if now.kind == "file" else Attributes(_FILE_MODE)
        wanted = replace(facts, mode=facts.mode if mode is None else mode)
        if (now.kind, now.data, now.attributes) != ("file", data, wanted):
            self.folder(posixpath.dirname(path), why)
            self._record(path, why, now, Snapshot("file", data, self._protected(path, wanted)))
            self._tree.write(path, data, mode=wanted.mode)
        self._mend(path)

    def write_text(self, path: str, text: str, why: str, *, mode: int | None = None) -> None:
        """The same for text whose undecodable bytes came as surrogates."""
        self.write(path, text.encode("utf-8", "surrogateescape"), why, mode=mode)

    def unprotect(self, path: str, why: str) -> None:
        """Take the immutable and append-only flags off a file, for good."""
        now = take(self._tree, path)
        free = replace(now.attributes, flags=now.attributes.flags & ~PROTECTED)
        if now.kind != "file" or free == now.attributes:
            return
        self._record(path, why, now, replace(now, attributes=free))
        self._tree.set_attributes(path, free)

    def label(self, path: str, name: str, value: bytes, why: str) -> None:
        """Set an extended attribute; one that the file system refuses is left out."""
        now = take(self._tree, path)
        xattrs = {**dict(now.attributes.xattrs), name: value}
        wanted = replace(now.attributes, xattrs=tuple(sorted(xattrs.items())))
        if now.kind in {"absent", "other"} or wanted == now.attributes:
            return
        self._record(path, why, now, replace(now, attributes=wanted))
        self._tree.set_attributes(path, wanted)

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
        self._record(path, why, now, Snapshot("link", data, Attributes(_LINK_MODE)))
        self._tree.symlink(path, target)

    def folder(self, path: str, why: str) -> None:
        """Make a directory and its missing parents; a dangling link leads to where it is made."""
        path = final_path(self._tree, path)
        if path in {"", "/"} or self._tree.exists(path):
            return
        self.folder(posixpath.dirname(path), why)
        self._record(path, why, ABSENT, Snapshot("dir", b"", Attributes(_FOLDER_MODE)))
        self._tree.mkdir(path, _FOLDER_MODE)

    def _record(self, path: str, why: str, before: Snapshot, after: Snapshot) -> None:
        if before.kind == "file" and self._tree.stat(path, follow=False).names > 1:
            self._ledger.note(
                f"{path} had more names (hard links): it was edited alone, the others keep what it"
                " was, and taking the edit back does not join them again"
            )
        self._ledger.record(self._adaptation, path, why, before=before, after=after)

    def _protected(self, path: str, wanted: Attributes) -> Attributes:
        """With the flags that an interrupted edit of this object did not come to set again."""
        return replace(wanted, flags=wanted.flags | self._ledger.protection(path))

    def _mend(self, path: str) -> None:
        missing = self._ledger.protection(path)
        now = self._tree.attributes(path)
        if missing & ~now.flags:
            self._tree.set_attributes(path, replace(now, flags=now.flags | missing))
