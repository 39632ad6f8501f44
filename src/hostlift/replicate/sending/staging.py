# SPDX-License-Identifier: Apache-2.0
"""What one pass has to do, worked out in SQLite: memory stays small however many files there are.

The scan goes into a scratch database beside the manifest; SQL compares the two and puts every path
in doubt that the pass may touch. Everything is then read back in the order of the phases.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from hostlift.errors import StateError
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.sending.scan import SeenRow
from hostlift.replicate.source import parent_key

_FETCH = 1000


class Todo(NamedTuple):
    """An object to send, as the scan saw it."""

    vol: int
    key: bytes
    kind: int
    tree: int
    dev: int
    ino: int
    ctime: int
    size: int
    known: int
    anchor: bytes | None
    fresh: int


class Gone(NamedTuple):
    """A path to remove; ``kept``: something else takes its place."""

    vol: int
    key: bytes
    kept: int


class Workload(NamedTuple):
    """How much a pass has to do."""

    objects: int
    files: int
    bytes: int
    gone: int


_COLUMNS = "vol, key, kind, tree, dev, ino, ctime, size, known, anchor, fresh"


class Staging:
    """The scratch tables of one pass; made by `staging`."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._db = manifest.db
        self._cursors: list[sqlite3.Cursor] = []

    def close(self) -> None:
        """End every reading, so that the tables can go."""
        for cursor in self._cursors:
            cursor.close()

    def cover(self, vol: int) -> None:
        """This pass is about a volume: what is not seen of it is gone."""
        with self._manifest.lock:
            self._db.execute("INSERT INTO scan.volumes VALUES (?)", (vol,))

    def see(self, rows: Sequence[SeenRow]) -> None:
        """Objects that exist on the source."""
        with self._manifest.lock:
            self._db.execute("BEGIN")
            try:
                self._db.executemany(
                    "INSERT OR REPLACE INTO scan.seen VALUES (?,?,?,?,?,?,?,?,?)", rows
                )
            finally:
                self._db.execute("COMMIT")

    def plan(self, unreadable: Sequence[tuple[int, bytes]]) -> Workload:
        """Compare, decide, and put in doubt, durably.

        Args:
            unreadable: (vol, key) of directories that could not be listed: what the target has
                below them stays.
        """
        with self._manifest.transaction() as db:
            for statement in _statements("plan.sql"):
                db.execute(statement)
            for vol, key in unreadable:
                db.execute(
                    "DELETE FROM scan.gone WHERE vol=? AND key>? AND key<? AND kept=0",
                    (vol, key + b"\0", key + b"\1"),
                )
        counts = self._db.execute(
            "SELECT count(*), coalesce(sum(kind<>2),0), coalesce(sum(CASE WHEN kind=1 AND"
            " (anchor IS NULL OR anchor=key) THEN size END),0) FROM scan.todo"
        ).fetchone()
        gone = self._db.execute("SELECT count(*) FROM scan.gone").fetchone()[0]
        return Workload(counts[0], counts[1], counts[2], gone)

    def gone(self) -> Iterator[Gone]:
        """What to remove, children before their directories."""
        for row in self._read("SELECT vol, key, kept FROM scan.gone ORDER BY vol, key DESC"):
            yield Gone(*row)

    def directories(self) -> Iterator[Todo]:
        """Directories to make, parents first."""
        yield from self._todo("kind=2 AND known<2 ORDER BY vol, key")

    def files(self) -> Iterator[Todo]:
        """All but directories and further names, by inode."""
        yield from self._todo("kind<>2 AND (anchor IS NULL OR anchor=key) ORDER BY vol, tree, ino")

    def links(self) -> Iterator[Todo]:
        """Further names, after the files they are links to."""
        yield from self._todo("anchor IS NOT NULL AND anchor<>key ORDER BY vol, key")

    def finals(self) -> Iterator[Todo]:
        """Directories whose metadata are to be set, deepest first."""
        yield from self._todo("kind=2 ORDER BY vol, key DESC")

    def pin(self, vol: int, tree: int, key: bytes) -> None:
        """This file gets immutable or append at the end."""
        with self._manifest.lock:
            self._db.execute("INSERT INTO scan.pinned VALUES (?,?,?)", (vol, tree, key))

    def pinned(self) -> Iterator[Todo]:
        """Files noted by `pin`."""
        yield from self._todo("(vol, key) IN (SELECT vol, key FROM scan.pinned) ORDER BY vol, key")

    def outside_links(self, limit: int) -> list[tuple[int, bytes, int, int]]:
        """(vol, key, names seen, names there are) of inodes with names outside of the copy."""
        rows = self._db.execute(
            "SELECT vol, min(key), count(*), min(nlink) FROM scan.seen"
            " WHERE nlink>1 AND kind<>2 GROUP BY vol, dev, ino HAVING count(*)<min(nlink) LIMIT ?",
            (limit,),
        )
        return [(int(v), bytes(k), int(n), int(m)) for v, k, n, m in rows.fetchall()]

    def _todo(self, condition: str) -> Iterator[Todo]:
        for row in self._read(f"SELECT {_COLUMNS} FROM scan.todo WHERE {condition}"):  # noqa: S608 - our own words
            yield Todo(*row)

    def _read(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._manifest.lock:
            cursor = self._db.execute(query)
            self._cursors.append(cursor)
        while True:
            with self._manifest.lock:
                rows = cursor.fetchmany(_FETCH)
            if not rows:
                return
            yield from rows


@contextlib.contextmanager
def staging(manifest: Manifest) -> Iterator[Staging]:
    """Scratch tables beside the manifest, gone at the end.

    Raises:
        StateError: There is no room for them.
    """
    path = Path(manifest.name + ".scan")
    db = manifest.db
    try:
        path.unlink(missing_ok=True)
        _attach(db, path)
    except (sqlite3.Error, OSError) as error:
        raise StateError(f"scratch tables cannot be made: {error}", subject=str(path)) from error
    scratch = Staging(manifest)
    try:
        yield scratch
    except sqlite3.Error as error:
        raise StateError(f"cannot be used: {error}", subject=str(path)) from error
    finally:
        with manifest.lock:
            scratch.close()
            db.execute("DETACH scan")
        path.unlink(missing_ok=True)


def _attach(db: sqlite3.Connection, path: Path) -> None:
    db.create_function("parent_key", 1, parent_key, deterministic=True)
    db.execute("ATTACH ? AS scan", (str(path),))
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-64000"):
        db.execute(f"PRAGMA scan.{pragma}")
    for statement in _statements("staging.sql"):
        db.execute(statement)


def _statements(name: str) -> list[str]:
    text = (files("hostlift.replicate") / "sql" / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]
