# SPDX-License-Identifier: Apache-2.0
"""Every edit of a copy, written down before it is made.

Promises: an edit is in ``ledger.json``, and what it replaces in a backup file, both durable, before
the copy changes. One record per path: the first state seen stays the one to go back to, unless
somebody else (another replication pass) replaced the file since. Replaying backwards restores it.
"""

from __future__ import annotations

import contextlib
import difflib
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hostlift.adapt.snapshot import (
    ABSENT,
    Snapshot,
    files_below,
    folders_below,
    put_back,
    real_path,
    take,
)
from hostlift.errors import AdaptError, StateError
from hostlift.formats.names import shown
from hostlift.host.files import atomic_write
from hostlift.model.adaptation import Edit, EditKind
from hostlift.ports.tree import PROTECTED, Attributes, Tree

_DIFF_LIMIT = 64 << 10
NAME = "ledger.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Was:
    """What was at a path, its content in a backup file."""

    kind: str = "absent"
    mode: int = 0
    mtime_ns: int = 0
    digest: str = ""
    backup: str = ""
    uid: int = 0
    gid: int = 0
    flags: int = 0
    xattrs: dict[str, str] = field(default_factory=dict)
    """Values in hex."""

    @property
    def attributes(self) -> Attributes:
        """Owner, mode, time, flags and xattrs."""
        xattrs = tuple(sorted((n, bytes.fromhex(v)) for n, v in self.xattrs.items()))
        return Attributes(self.mode, self.uid, self.gid, self.mtime_ns, self.flags, xattrs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An edit and what it takes to go back.

    Attributes:
        kept: Protecting flags that the object still has after the edit.
    """

    edit: Edit
    was: Was
    kept: int = 0


@dataclass(slots=True, kw_only=True)
class Watch:
    """A guest's tool is at work: what was in the folders it writes to."""

    adaptation: str
    why: str
    folders: tuple[str, ...]
    files: dict[str, Was] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Content:
    records: dict[str, Record] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    watch: Watch | None = None


_CONTENT = TypeAdapter(_Content)


class Ledger:
    """The edits of one migration, in a folder of ours (never inside the copy).

    Raises:
        StateError: The folder holds a damaged ledger.
    """

    @staticmethod
    def exists(folder: Path) -> bool:
        """True when a folder holds a ledger."""
        return (folder / NAME).is_file()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._content = _CONTENT.validate_json((folder / NAME).read_bytes())
        except FileNotFoundError:
            self._content = _Content()
        except ValidationError as error:
            raise StateError("damaged ledger of edits", subject=str(folder / NAME)) from error

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, in the order they were first made."""
        return tuple(r.edit for r in self._content.records.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the adaptation, also of an earlier, interrupted run."""
        return tuple(self._content.notes)

    @property
    def restored(self) -> tuple[str, ...]:
        """All paths that `undo` ever put back, or was about to; links on the way resolved."""
        return tuple(self._content.restored)

    @property
    def backups(self) -> dict[str, str]:
        """Digest of what was at a path -> the path, of everything that has a backup file."""
        return {r.was.digest: path for path, r in self._content.records.items() if r.was.backup}

    def protection(self, path: str) -> int:
        """Flags that an edited object must still have: a run may have ended before it set them."""
        record = self._content.records.get(path)
        return record.kept if record is not None else 0

    def note(self, text: str) -> None:
        """Keep a sentence for a person; durable with the next edit."""
        if shown(text) not in self._content.notes:
            self._content.notes.append(shown(text))

    def record(
        self,
        adaptation: str,
        path: str,
        why: str,
        *,
        before: Snapshot,
        after: Snapshot,
        kind: EditKind | None = None,
    ) -> None:
        """Write down that ``path`` is about to become ``after``; durable on return.

        Raises:
            AdaptError: Its name is not UTF-8: records, receipts and messages are JSON.
        """
        if not _is_text(path):
            raise AdaptError(
                "a file to be edited has a name that is not UTF-8",
                subject=shown(path),
                hint="Give it another name on the source, then migrate again.",
            )
        self._merge(adaptation, path, why, self._was(before), before, after, kind)
        self._save()

    @contextlib.contextmanager
    def watching(
        self, tree: Tree, folders: Sequence[str], *, adaptation: str, why: str
    ) -> Iterator[None]:
        """Record whatever a guest's tool changes below ``folders`` (or single files) in the block.

        What it writes anew with the same content gets its old times back: it is not a difference.
        """
        self.settle(tree)
        watch = Watch(adaptation=adaptation, why=why, folders=tuple(folders))
        for path in _watched(tree, watch.folders):
            watch.files[path] = self._was(take(tree, path))
        for folder in watch.folders:
            for path in (posixpath.dirname(folder), *folders_below(tree, folder)):
                if _is_text(path) and tree.exists(path):
                    watch.times[path] = tree.stat(path, follow=False).mtime_ns
        self._content.watch = watch
        self._save()
        try:
            yield
        finally:
            self.settle(tree)

    def settle(self, tree: Tree) -> None:
        """Turn what a tool did, perhaps one that was killed, into edits."""
        watch = self._content.watch
        if watch is None:
            return
        now = {f for top in watch.folders for f in folders_below(tree, top) if _is_text(f)}
        made = now - set(watch.times)
        for path in sorted({*watch.files, *made, *_watched(tree, watch.folders)}):
            self._settle_path(tree, watch, path)
        for path, mtime_ns in watch.times.items():
            if tree.exists(path):
                tree.touch(path, mtime_ns)
        self._content.watch = None
        self._save()

    def undo(self, tree: Tree) -> None:
        """Put everything back, last edit first, and forget it. Boot code outside files stays."""
        self.settle(tree)
        edited = {
            real_path(tree, path)
            for path, record in self._content.records.items()
            if record.edit.kind is not EditKind.BOOT_CODE
        }
        self._content.restored = sorted(edited.union(self._content.restored))
        self._save()
        for path, record in reversed(list(self._content.records.items())):
            self._put_back(tree, path, record)
            del self._content.records[path]
            self._save()
        self._content.notes.clear()
        self._save()

    def replay(self, tree: Tree) -> tuple[str, ...]:
        """Put everything back, last edit first, in one copy of several: the record stays.

        Doing it again after an interruption completes it. Returns the paths.
        """
        self.settle(tree)
        for path, record in reversed(list(self._content.records.items())):
            self._put_back(tree, path, record)
        return tuple(
            sorted(
                path
                for path, record in self._content.records.items()
                if record.edit.kind is not EditKind.BOOT_CODE
            )
        )

    def changed_since(self, tree: Tree) -> tuple[str, ...]:
        """Edited paths that hold neither what was there nor what the edit made: somebody else's."""
        return tuple(
            path
            for path, record in self._content.records.items()
            if record.edit.kind is not EditKind.BOOT_CODE
            and take(tree, path).digest not in {record.edit.before, record.edit.after}
        )

    def _put_back(self, tree: Tree, path: str, record: Record) -> None:
        if record.edit.kind is not EditKind.BOOT_CODE:
            put_back(tree, path, self._snapshot(record.was))

    def _settle_path(self, tree: Tree, watch: Watch, path: str) -> None:
        was = watch.files.get(path, Was())
        now = take(tree, path)
        facts = replace(now.attributes, mtime_ns=was.mtime_ns)
        if (was.kind, was.digest, was.attributes) != (now.kind, now.digest, facts):
            self._merge(watch.adaptation, path, watch.why, was, self._snapshot(was), now, None)
        elif now.attributes.mtime_ns != was.mtime_ns:
            tree.touch(path, was.mtime_ns)

    def _merge(
        self,
        adaptation: str,
        path: str,
        why: str,
        was: Was,
        before: Snapshot,
        after: Snapshot,
        kind: EditKind | None,
    ) -> None:
        old = self._content.records.get(path)
        if old is not None and was.digest in {old.edit.after, old.edit.before}:
            was, before = old.was, self._snapshot(old.was)
            adaptation = _joined(old.edit.adaptation, adaptation, ", ")
            why = _joined(old.edit.why, why, "; ")
        if before.same(after):
            self._content.records.pop(path, None)
            return
        edit = Edit(
            adaptation=adaptation,
            kind=kind or _kind(before, after),
            path=path,
            why=why,
            before=was.digest,
            after=after.digest,
            backup=was.backup,
            diff=_diff(path, before, after),
        )
        kept = after.attributes.flags & PROTECTED
        self._content.records[path] = Record(edit=edit, was=was, kept=kept)

    def _was(self, before: Snapshot) -> Was:
        backup = ""
        if before.kind in {"file", "link"}:
            backup = backup_name(before.digest)
            if not (self.folder / backup).exists():
                atomic_write(self.folder / backup, before.data)
        facts = before.attributes
        return Was(
            kind=before.kind,
            mode=facts.mode,
            mtime_ns=facts.mtime_ns,
            digest=before.digest,
            backup=backup,
            uid=facts.uid,
            gid=facts.gid,
            flags=facts.flags,
            xattrs={name: value.hex() for name, value in facts.xattrs},
        )

    def _snapshot(self, was: Was) -> Snapshot:
        if was.kind == "absent":
            return ABSENT
        data = (self.folder / was.backup).read_bytes() if was.backup else b""
        return Snapshot(was.kind, data, was.attributes)

    def _save(self) -> None:
        atomic_write(self.folder / NAME, _CONTENT.dump_json(self._content, indent=1))
        watch = self._content.watch
        used = {r.was.backup for r in self._content.records.values()}
        used |= {w.backup for w in watch.files.values()} if watch else set()
        for file in self.folder.glob("*.before"):
            if file.name not in used:
                file.unlink()


def backup_name(digest: str) -> str:
    """The file that holds what has this digest."""
    return f"{digest[:32]}.before"


def _watched(tree: Tree, folders: Sequence[str]) -> Iterator[str]:
    """Files that a tool may change; none of its own has a name that is not UTF-8."""
    for folder in folders:
        if tree.exists(folder) and tree.stat(folder, follow=False).kind != "dir":
            yield folder
        else:
            yield from filter(_is_text, files_below(tree, folder))


def _is_text(path: str) -> bool:
    return shown(path) == path


def _kind(before: Snapshot, after: Snapshot) -> EditKind:
    if after.kind == "absent":
        return EditKind.REMOVED
    if after.kind == "link":
        return EditKind.LINKED
    return EditKind.CREATED if before.kind == "absent" else EditKind.CHANGED


def _joined(old: str, new: str, mark: str) -> str:
    return old if f"{mark}{new}{mark}" in f"{mark}{old}{mark}" else f"{old}{mark}{new}"


def _diff(path: str, before: Snapshot, after: Snapshot) -> str:
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return ""
    names = (path if before.kind != "absent" else "/dev/null", path)
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), *names
    )
    return "".join(x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in lines)


def _text(snapshot: Snapshot) -> str | None:
    """Text of moderate size; a link is shown by its target."""
    if snapshot.kind == "dir" or len(snapshot.data) > _DIFF_LIMIT or b"\0" in snapshot.data:
        return None
    try:
        text = snapshot.data.decode()
    except UnicodeDecodeError:
        return None
    return f"-> {text}\n" if snapshot.kind == "link" else text
