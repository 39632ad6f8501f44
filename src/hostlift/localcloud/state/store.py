# SPDX-License-Identifier: Apache-2.0
"""Records in SQLite (WAL), with all of them in memory: an account is small.

One change at a time: `Store.change` holds the lock, is durable when it ends and leaves nothing
behind when it raises. Reading inside or outside a change sees whole changes only. What records
were for the last minutes is kept in memory, for answers that lag behind.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from hostlift.errors import StateError
from hostlift.localcloud.state.records import (
    Bill,
    Disk,
    Eip,
    Image,
    Instance,
    Remembered,
    SecurityGroup,
    SessionKey,
    Shadow,
    Site,
    Snapshot,
    Tombstone,
    Vpc,
    VSwitch,
)

FILE = "cloud.db"
FORMAT = 2
MEMORY_OF_THE_PAST = 900.0
"""Seconds for which `Table.as_of` knows what records were."""


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Identified)
Watcher = Callable[[object, object], None]
"""Told inside a change what a record was and what it is now; None: it is not there."""


class Table(Generic[R]):
    """All records of one kind, oldest first."""

    def __init__(self, store: Store, kind: type[R]) -> None:
        self._store = store
        self._adapter = TypeAdapter(kind)
        self._name = kind.__name__
        self._records: dict[str, R] = {}
        self._past: deque[tuple[float, str, R | None]] = deque()
        for key, body in store.rows(self._name):
            self._records[key] = self._adapter.validate_json(body)

    def get(self, key: str) -> R | None:
        """The record, or None."""
        with self._store.lock:
            return self._records.get(key)

    def all(self) -> list[R]:
        """A snapshot of all records."""
        with self._store.lock:
            return list(self._records.values())

    def as_of(self, at: float) -> list[R]:
        """The records as they were at a time within `MEMORY_OF_THE_PAST`, oldest first."""
        with self._store.lock:
            then: dict[str, R | None] = dict(self._records)
            for when, key, before in reversed(self._past):
                if when <= at:
                    break
                then[key] = before
            return [r for r in then.values() if r is not None]

    def put(self, record: R) -> None:
        """Add or replace; only inside a change."""
        before = self._records.get(record.id)
        self._remember(record.id, before)
        self._records[record.id] = record
        self._store.write(self._name, record.id, self._adapter.dump_json(record).decode())
        self._store.on_undo(lambda: self._restore(record.id, before))
        self._store.tell(before, record)

    def drop(self, key: str) -> None:
        """Remove; gone already is fine; only inside a change."""
        order = list(self._records)
        before = self._records.pop(key, None)
        if before is not None:
            self._remember(key, before)
            self._store.write(self._name, key, None)
            self._store.on_undo(lambda: self._restore(key, before, order))
            self._store.tell(before, None)

    def _remember(self, key: str, before: R | None) -> None:
        now = self._store.now()
        self._past.append((now, key, before))
        while self._past[0][0] < now - MEMORY_OF_THE_PAST:
            self._past.popleft()
        self._store.on_undo(self._past.pop)

    def _restore(self, key: str, before: R | None, order: list[str] | None = None) -> None:
        if before is None:
            self._records.pop(key, None)
            return
        self._records[key] = before
        for name in order or ():
            if name in self._records:
                self._records[name] = self._records.pop(name)


class Store:
    """The tables of all accounts.

    Args:
        folder: The cloud's folder; None keeps nothing but in memory.
        read_only: Look on while another process writes; what it holds is as of now.
        now: Seconds since 1970, for `Table.as_of`.

    Raises:
        StateError: The file cannot be opened, or is of another version.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        read_only: bool = False,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.lock = RLock()
        self.now = now
        self._undo: list[Callable[[], object]] | None = None
        self._watcher: Watcher | None = None
        self._path = folder / FILE if folder else Path(":memory:")
        try:
            self._db = _look(self._path) if read_only else _open(self._path)
            self.vpcs = Table(self, Vpc)
            self.vswitches = Table(self, VSwitch)
            self.groups = Table(self, SecurityGroup)
            self.instances = Table(self, Instance)
            self.disks = Table(self, Disk)
            self.snapshots = Table(self, Snapshot)
            self.images = Table(self, Image)
            self.eips = Table(self, Eip)
            self.shadows = Table(self, Shadow)
            self.sites = Table(self, Site)
            self.bills = Table(self, Bill)
            self.remembered = Table(self, Remembered)
            self.tombstones = Table(self, Tombstone)
            self.sessions = Table(self, SessionKey)
        except (sqlite3.Error, ValidationError) as error:
            raise StateError(
                f"the embedded cloud's state cannot be read: {error}",
                subject=str(self._path),
                hint="Wipe it with 'hostlift cloud reset', or put back a copy.",
            ) from error

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction; a nested one joins the outer."""
        with self.lock:
            if self._undo is not None:
                yield
                return
            self._undo = []
            try:
                yield
                self._db.commit()
            except BaseException:
                self._db.rollback()
                for undo in reversed(self._undo):
                    undo()
                raise
            finally:
                self._undo = None

    def rows(self, kind: str) -> list[tuple[str, str]]:
        """Stored rows of a kind, oldest first."""
        query = "SELECT id, body FROM record WHERE kind = ? ORDER BY seq"
        return list(self._db.execute(query, (kind,)))

    def write(self, kind: str, key: str, body: str | None) -> None:
        """Write or delete one row inside the change under way."""
        if self._undo is None:
            raise RuntimeError("a record was written outside Store.change")
        if body is None:
            self._db.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, key))
            return
        self._db.execute(
            "INSERT INTO record (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, key, body),
        )

    def on_undo(self, undo: Callable[[], object]) -> None:
        """Run ``undo`` should the change under way fail."""
        if self._undo is not None:
            self._undo.append(undo)

    def watched_by(self, watcher: Watcher) -> None:
        """Tell somebody of every record that changes; what it writes belongs to the same change."""
        self._watcher = watcher

    def tell(self, before: object, after: object) -> None:
        """Tell the watcher, if there is one."""
        if self._watcher is not None:
            self._watcher(before, after)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._db.close()


def _look(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found not in {0, FORMAT}:
        raise sqlite3.DatabaseError(f"written by another version ({found})")
    db.execute(
        "CREATE TABLE IF NOT EXISTS record (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
        " kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))"
    )
    db.execute(f"PRAGMA user_version = {FORMAT}")
    db.commit()
    return db
