# SPDX-License-Identifier: Apache-2.0
"""The phases of a pass as streams of jobs.

Each phase is complete, acknowledged and durable before the next begins: removals, directories,
files, further names, final metadata, shared blocks. Jobs of one phase may run in any order on any stream, except
in the phases for which one stream is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from hostlift.model.entry import Entry, Kind
from hostlift.replicate import ops
from hostlift.replicate.fs.content import LARGE
from hostlift.replicate.sending.draft import (
    FULL_BYTES,
    FULL_OPS,
    Desk,
    Draft,
    Job,
    settled,
)
from hostlift.replicate.sending.large import LargeJob
from hostlift.replicate.sending.outcomes import Gone, Removed, Settled, Todo, link_row
from hostlift.replicate.sending.reading.job import SmallJob
from hostlift.replicate.source import path_of


class Phase(IntEnum):
    """In the order they run."""

    REMOVE = 1
    DIRECTORIES = 2
    FILES = 3
    LINKS = 4
    FINAL = 5
    SHARE = 6


@dataclass(frozen=True, slots=True)
class DraftsJob:
    """Operations that need nothing read."""

    made: tuple[Draft, ...]

    def drafts(self, desk: Desk) -> Iterator[Draft]:  # noqa: ARG002 - the protocol's
        """See `Job`."""
        yield from self.made


@dataclass(frozen=True, slots=True)
class FinalJob:
    """Final metadata of directories and of files that nobody may change."""

    vol: int
    todos: tuple[Todo, ...]

    def drafts(self, desk: Desk) -> Iterator[Draft]:
        """See `Job`."""
        draft = Draft(self.vol, Phase.FINAL)
        for todo in self.todos:
            outcome = self._outcome(desk, todo)
            if outcome is not None:
                draft.add(ops.SetMeta(outcome.row.entry), outcome)
            if draft.full:
                yield draft
                draft = Draft(self.vol, Phase.FINAL)
        if draft:
            yield draft

    def _outcome(self, desk: Desk, todo: Todo) -> Settled | None:
        try:
            if todo.kind == Kind.DIRECTORY:
                return settled(todo, desk.reader.directory(todo), final=True)
            return _pinned(desk, todo)
        except FileNotFoundError:
            desk.ledger.gone()
        except OSError as error:
            desk.ledger.found(todo.vol, todo.key, f"cannot be read: {error.strerror}")
        return None


@dataclass(frozen=True, slots=True)
class ClosingJob:
    """The end of a volume: no half-made files, and the root's metadata."""

    root: Todo

    def drafts(self, desk: Desk) -> Iterator[Draft]:
        """See `Job`."""
        draft = Draft(self.root.vol, Phase.FINAL)
        draft.add(ops.Clean(), None)
        yield draft
        yield from FinalJob(self.root.vol, (self.root,)).drafts(desk)


def _pinned(desk: Desk, todo: Todo) -> Settled | None:
    found = desk.ledger.manifest.acknowledged(todo.vol, todo.key)
    if found is None:
        return None
    ctime, entry = found
    reading = desk.reader.pinned(todo, Entry.unpack(entry), ctime)
    if reading is None:
        desk.ledger.is_hot(todo)
        return None
    return settled(todo, reading, final=True)


def removals(gone: Iterable[Gone]) -> Iterator[Job]:
    """Phase `Phase.REMOVE`; in order, on one stream."""
    draft: Draft | None = None
    for item in gone:
        if draft is None or draft.full or draft.vol != item.vol:
            if draft is not None:
                yield DraftsJob((draft,))
            draft = Draft(item.vol, Phase.REMOVE)
        draft.add(ops.Remove(path_of(item.key)), Removed(item.key, kept=bool(item.kept)))
    if draft is not None:
        yield DraftsJob((draft,))


def directories(todos: Iterable[Todo]) -> Iterator[Job]:
    """Phase `Phase.DIRECTORIES`; in order, on one stream."""
    for group in _groups(todos):
        draft = Draft(group[0].vol, Phase.DIRECTORIES)
        for todo in group:
            draft.add(ops.MakeDirectory(path_of(todo.key)), None)
        yield DraftsJob((draft,))


def files(todos: Iterable[Todo]) -> Iterator[Job]:
    """Phase `Phase.FILES`; any stream."""
    small: list[Todo] = []
    size = 0
    for todo in todos:
        if todo.kind == Kind.FILE and todo.size >= LARGE:
            yield LargeJob(todo, Phase.FILES)
            continue
        if small and (
            todo.vol != small[0].vol or size + todo.size > FULL_BYTES or len(small) >= FULL_OPS
        ):
            yield SmallJob(small[0].vol, tuple(small), Phase.FILES)
            small, size = [], 0
        small.append(todo)
        size += todo.size
    if small:
        yield SmallJob(small[0].vol, tuple(small), Phase.FILES)


def links(todos: Iterable[Todo]) -> Iterator[Job]:
    """Phase `Phase.LINKS`; any stream."""
    for group in _groups(todos):
        draft = Draft(group[0].vol, Phase.LINKS)
        for todo in group:
            op = ops.Link(path_of(todo.anchor or b""), path_of(todo.key))
            draft.add(op, Settled(todo, link_row(todo)))
        yield DraftsJob((draft,))


def finals(todos: Iterable[Todo], roots: Iterable[Todo]) -> Iterator[Job]:
    """Phase `Phase.FINAL`; any stream. A root comes last: what was in the way of it is removed."""
    for group in _groups(todos):
        yield FinalJob(group[0].vol, tuple(group))
    for root in roots:
        yield ClosingJob(root)


def _groups(todos: Iterable[Todo]) -> Iterator[list[Todo]]:
    group: list[Todo] = []
    for todo in todos:
        if group and (len(group) >= FULL_OPS or group[0].vol != todo.vol):
            yield group
            group = []
        group.append(todo)
    if group:
        yield group
