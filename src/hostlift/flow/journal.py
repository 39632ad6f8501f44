# SPDX-License-Identifier: Apache-2.0
"""What was intended and what happened: the only state of a migration.

Append-only rows in ``client_data.db`` (SQLite, WAL, every append fully synced before it returns).
`State` is folded from the rows; nothing else is stored. Rows, as JSON:

    migration  {id}                              a new story begins; everything before is history
    started    {step, fingerprint}
    done       {step, fingerprint, result}
    failed     {step, code, message}
    intent     {role, attempt, kind, region, params}  before the call that creates a resource
    created    {role, attempt, kind, id}
    gone       {role, attempt}                   deleted by us, or found missing
    handed     {role, attempt}                   from now on the user's: neither released nor renewed
    copied     {instance, …, forecast}           a pass over the source ended; see `flow.passes.history`
    rehearsal  {number}                          what follows is a rehearsal, until `reopened`
    grown      {disk, size_gib}                  a target disk shall be larger than planned
    reopened   {}                                the target is a plain copy again; passes may go on
    kept       {until}                           the instance was promised to live until then
    opened     {}                                another run goes on with what is held
    stage      {number, machine}                 a stage of `flow.carried.stages` is done; the folder is carried
    finished   {}                                the story is told; only the image remains
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from hostlift.errors import StateError
from hostlift.ports.clock import Clock
from hostlift.ports.cloud import Resource, ResourceKind

LIFE_SECONDS = 2 * 3600.0
"""How long an instance outlives its client (`flow.keepalive`)."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT
"""


class Record(StrEnum):
    """Kinds of rows."""

    MIGRATION = "migration"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    INTENT = "intent"
    CREATED = "created"
    GONE = "gone"
    HANDED = "handed"
    COPIED = "copied"
    REHEARSAL = "rehearsal"
    GROWN = "grown"
    REOPENED = "reopened"
    KEPT = "kept"
    OPENED = "opened"
    STAGE = "stage"
    FINISHED = "finished"


class Holding(StrEnum):
    """Life of a resource in the journal."""

    INTENDED = "intended"
    HELD = "held"
    HANDED = "handed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A resource as the journal knows it; ``id`` is empty while only intended.

    Attributes:
        at: When it was intended, seconds since 1970.
        until: When it was known to be gone, seconds since 1970; 0: it is not.
        idle: Seconds between two runs in which its automatic release must have taken it.
    """

    role: str
    attempt: int
    kind: ResourceKind
    life: Holding
    id: str = ""
    at: float = 0.0
    params: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""
    until: float = 0.0
    idle: float = 0.0

    @property
    def resource(self) -> Resource:
        """Its name for the cloud."""
        return Resource(self.kind, self.id, self.region)


@dataclass(frozen=True, slots=True)
class Done:
    """A finished step: inputs' hash and its result as JSON text."""

    fingerprint: str
    result: str


INTERMEDIATE = "intermediate"
"""Role of the instance that holds the target disks."""
TRIAL = "trial"
"""Role of the instance that proves that the image boots."""
CARRIER = "carrier"
"""Role of the instance that lends its system disk (`flow.site.detour`)."""
SNAPSHOT = "snapshot-"
"""Roles of the snapshots of the target disks, before the disk's index."""
SYNC = "sync"
"""What runs while only warm passes are made; no step of the story, but journaled like one."""
PROVISIONING, COPYING, CAPTURING = 1, 2, 3
"""Stages of a migration that is carried by hand (`flow.carried.stages`)."""
_COPY_STEPS = ("replicate", "adapt", "capture", "verify", "deliver", "clean_up")


@dataclass(slots=True)
class State:
    """The fold of all rows since the last ``migration`` row.

    Attributes:
        begun: Steps that were started since the target was last a plain copy.
        passes: Bodies of the ``copied`` rows, oldest first.
        rehearsal: Number of the rehearsal that is under way; 0: none is.
        rehearsals: Number of the last one.
        grown: GiB of target disks that are larger than planned, by index.
        stages: Machine on which each stage was done (`flow.carried.stages`).
        kept_until: Seconds since 1970; 0: nothing was promised.
    """

    migration: str = ""
    done: dict[str, Done] = field(default_factory=dict)
    held: dict[tuple[str, int], Held] = field(default_factory=dict)
    running: str = ""
    failure: str = ""
    finished: bool = False
    updated: float = 0.0
    begun: set[str] = field(default_factory=set)
    passes: list[dict[str, Any]] = field(default_factory=list)
    rehearsal: int = 0
    rehearsals: int = 0
    kept_until: float = 0.0
    grown: dict[int, int] = field(default_factory=dict)
    stages: dict[int, str] = field(default_factory=dict)

    def latest(self, role: str) -> Held | None:
        """The newest attempt at a role."""
        attempts = [h for (name, _), h in self.held.items() if name == role]
        return max(attempts, key=lambda h: h.attempt, default=None)

    @property
    def stage(self) -> int:
        """Which stage is next, or under way."""
        return min(max(self.stages, default=0) + 1, CAPTURING)

    def live(self) -> list[Held]:
        """Everything of ours that may exist, oldest first."""
        return [h for h in self.held.values() if h.life in {Holding.INTENDED, Holding.HELD}]


class Journal:
    """The rows of one workspace. One process writes; it holds the workspace's lock."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Clock,
        path: Path,
        observer: Callable[[State], None],
    ) -> None:
        self._db = connection
        self._clock = clock
        self._path = path
        self._observer = observer
        self.state = State()
        for at, kind, body in self._rows():
            _fold(self.state, at, kind, body)

    def append(self, kind: Record, /, **body: Any) -> None:
        """Write a row; when this returns it survives a power loss.

        Raises:
            StateError: The folder is full, read-only or gone.
        """
        at = self._clock.now()
        try:
            with self._db:
                self._db.execute(
                    "INSERT INTO journal (at, kind, body) VALUES (?, ?, ?)",
                    (at, kind.value, json.dumps(body, sort_keys=True)),
                )
        except sqlite3.Error as error:
            raise StateError(f"cannot be written: {error}", subject=str(self._path)) from error
        _fold(self.state, at, kind, body)
        self._observer(self.state)

    def history(self) -> list[tuple[float, Record, dict[str, Any]]]:
        """All rows, oldest first."""
        return list(self._rows())

    def _rows(self) -> Iterator[tuple[float, Record, dict[str, Any]]]:
        try:
            for at, kind, body in self._db.execute(
                "SELECT at, kind, body FROM journal ORDER BY seq"
            ):
                yield at, Record(kind), json.loads(body)
        except (sqlite3.Error, ValueError) as error:
            raise StateError(
                f"is not a journal of this version: {error}",
                subject=str(self._path),
                hint="Restore the file from a backup, or release by tag with 'hostlift data clear'.",
            ) from error


@contextmanager
def open_journal(
    path: Path, clock: Clock, observer: Callable[[State], None] = lambda _state: None
) -> Iterator[Journal]:
    """Open or make the journal in ``client_data.db``; ``observer`` sees the state after each row.

    Raises:
        StateError: The file cannot be opened, is damaged, or is not ours.
    """
    try:
        db = sqlite3.connect(path, timeout=10)
    except sqlite3.Error as error:
        raise StateError(f"cannot be opened: {error}", subject=str(path)) from error
    try:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise StateError(
                f"is damaged or cannot be written: {error}",
                subject=str(path),
                hint="Free space or restore the file; 'hostlift data clear' releases by tag.",
            ) from error
        yield Journal(db, clock, path, observer)
    finally:
        db.close()


def _fold(state: State, at: float, kind: Record, body: dict[str, Any]) -> None:
    before, state.updated = state.updated, at
    match kind:
        case Record.OPENED:
            _fold_idle(state, at - max(before + LIFE_SECONDS, state.kept_until))
        case Record.MIGRATION:
            fresh = State(migration=body["id"], updated=at)
            for name in State.__slots__:
                setattr(state, name, getattr(fresh, name))
        case Record.STARTED:
            state.running, state.failure = body["step"], ""
            state.begun.add(body["step"])
        case Record.DONE:
            state.done[body["step"]] = Done(body["fingerprint"], body["result"])
            state.running = ""
        case Record.FAILED:
            state.failure = f"{body['step']}: {body['message']}"
        case Record.INTENT | Record.CREATED | Record.HANDED | Record.GONE:
            _fold_resource(state, at, kind, body)
        case _:
            _fold_copy(state, kind, body)


def _fold_idle(state: State, seconds: float) -> None:
    for key, held in state.held.items():
        if held.life is Holding.HELD and seconds > 0:
            state.held[key] = replace(held, idle=held.idle + seconds)


def _fold_copy(state: State, kind: Record, body: dict[str, Any]) -> None:
    match kind:
        case Record.FINISHED:
            state.finished = True
        case Record.COPIED:
            state.passes.append(body)
            state.running = "" if state.running == SYNC else state.running
        case Record.REHEARSAL:
            state.rehearsal = state.rehearsals = body["number"]
        case Record.GROWN:
            state.grown[body["disk"]] = body["size_gib"]
        case Record.STAGE:
            state.stages[body["number"]] = body["machine"]
        case Record.KEPT:
            state.kept_until = body["until"]
        case _:
            state.rehearsal = 0
            for step in _COPY_STEPS:
                state.begun.discard(step)
                state.done.pop(step, None)


def _fold_resource(state: State, at: float, kind: Record, body: dict[str, Any]) -> None:
    key = (body["role"], body["attempt"])
    match kind:
        case Record.INTENT:
            if key[0] == INTERMEDIATE:
                state.grown = {}  # another instance begins with the disks of the plan
            held = Held(
                role=key[0],
                attempt=key[1],
                kind=ResourceKind(body["kind"]),
                life=Holding.INTENDED,
                at=at,
                params=body["params"],
                region=body.get("region", ""),
            )
        case Record.CREATED:
            held = replace(state.held[key], life=Holding.HELD, id=body["id"])
        case Record.HANDED:
            held = replace(state.held[key], life=Holding.HANDED)
        case _:
            held = replace(state.held[key], life=Holding.GONE, until=at)
    state.held[key] = held
