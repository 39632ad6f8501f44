# SPDX-License-Identifier: Apache-2.0
"""What one pass has to do, worked out in SQLite: memory stays small however many files there are.

The scan goes into a scratch database beside the manifest; SQL compares the two and puts every path
in doubt that the pass may touch. Everything is then read back in the order of the phases.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from hostlift.errors import StateError
from hostlift.model.entry import Kind
from hostlift.replicate import waves
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.sending.outcomes import Gone, Todo
from hostlift.replicate.sending.scan import SeenRow
from hostlift.replicate.source import parent_key
from hostlift.replicate.tracked import Mark, statements

_FETCH = 1000
_DIRECTORY = int(Kind.DIRECTORY)
_by_inode = attrgetter("ino")


class Workload(NamedTuple):
    """How much a pass has to do."""

    objects: int
    files: int
    bytes: int
    gone: int


class Piece(NamedTuple):
    """Blocks of a file that others have as well.

    Attributes:
        place: Where they lie on the source's file system.
        start: Where in the file, ``length`` bytes.
        whole: They are compressed: they can only be shared whole.
    """

    vol: int
    place: int
    key: bytes
    start: int
    length: int
    whole: bool


_COLUMNS = "vol, key, kind, tree, dev, ino, ctime, size, known, anchor, fresh"

_NOTHING_IN = (
    "NOT EXISTS (SELECT 1 FROM main.rep_entry e WHERE e.vol=todo.vol AND"
    " e.key>CAST(todo.key || X'00' AS BLOB) AND e.key<CAST(todo.key || X'01' AS BLOB))"
)


class Staging:
    """The scratch tables of one pass, beside ``manifest``; made by `staging`.

    Attributes:
        hastened: Objects that were sent before there was a plan.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.hastened = 0
        self._db = manifest.db
        self._cursors: list[sqlite3.Cursor] = []
        self._begun: set[int] = set()

    def close(self) -> None:
        """End every reading, so that the tables can go."""
        for cursor in self._cursors:
            cursor.close()

    def cover(self, vol: int, *, whole: bool) -> None:
        """This pass is about a volume.

        Args:
            whole: What is not seen of it is gone; otherwise only what is examined can be.
        """
        with self.manifest.lock:
            self._db.execute("INSERT INTO scan.volumes VALUES (?,?)", (vol, whole))

    def begin(self, vol: int) -> None:
        """The first pass of a volume: the file system made for it may hold a ``lost+found``."""
        self._begun.add(vol)
        with self.manifest.transaction() as db:
            place = (vol, b"lost+found")
            db.execute("INSERT INTO rep_entry(vol, key, kind, state) VALUES (?,?,2,1)", place)
        self.examine(vol, [b"lost+found"])

    def examine(self, vol: int, keys: Iterable[bytes]) -> None:
        """These paths were looked at: those that were not seen are gone."""
        with self.manifest.lock:
            self._db.executemany(
                "INSERT OR IGNORE INTO scan.examined VALUES (?,?)", [(vol, key) for key in keys]
            )

    def examine_below(self, vol: int, key: bytes) -> None:
        """All that the manifest has below a directory was looked at."""
        with self.manifest.lock:
            self._db.execute(
                "INSERT OR IGNORE INTO scan.examined"
                " SELECT vol, key FROM rep_entry WHERE vol=? AND key>? AND key<?",
                (vol, key + b"\0", key + b"\1"),
            )

    def see(self, rows: Sequence[SeenRow]) -> None:
        """Objects that exist on the source."""
        with self.manifest.lock:
            self._db.execute("BEGIN")
            try:
                self._db.executemany(
                    "INSERT OR REPLACE INTO scan.seen VALUES (?,?,?,?,?,?,?,?,?)", rows
                )
            finally:
                self._db.execute("COMMIT")

    def hasten(self, rows: Sequence[SeenRow]) -> list[Todo]:
        """Objects of a new volume; what can be sent at once is in doubt, durably, on return.

        That is all but directories and objects of several names, which wait for `plan`.

        Returns:
            What to send, by inode.
        """
        later = [row for row in rows if row[2] == _DIRECTORY or row[8] > 1]
        now = [Todo(*row[:8], 0, None, 0) for row in rows if row[2] != _DIRECTORY and row[8] <= 1]
        now.sort(key=_by_inode)
        with self.manifest.transaction() as db:
            db.executemany(
                "INSERT INTO rep_entry(vol, key, kind, state) VALUES (?,?,?,1)"
                " ON CONFLICT(vol, key) DO UPDATE SET state=1",
                [row[:3] for row in later],
            )
            if now:
                waves.note(db, now[0].vol, [t.key for t in now], bytes(t.kind for t in now))
        self.see(later)
        self.hastened += len(now)
        return now

    def plan(
        self,
        unreadable: Sequence[tuple[int, bytes]],
        marks: Sequence[tuple[int, Mark]] = (),
        *,
        acknowledged: int = 0,
    ) -> Workload:
        """Compare, decide, and put in doubt, durably.

        Args:
            acknowledged: How many objects have been, so far in this pass.
            unreadable: (vol, key) of directories that could not be listed: what the target has
                below them stays.
            marks: (vol, mark) of the trackers that have told all up to there.
        """
        if acknowledged < self.hastened:
            waves.recall(self.manifest)
        with self.manifest.transaction() as db:
            waves.drop(db)
            for statement in statements("plan.sql"):
                db.execute(statement)
            for vol, key in unreadable:
                below = (b"", b"\xff") if key == b"." else (key + b"\0", key + b"\1")
                db.execute(
                    "DELETE FROM scan.gone WHERE vol=? AND key>? AND key<? AND kept=0",
                    (vol, *below),
                )
            db.execute("DELETE FROM rep_mark WHERE vol IN (SELECT vol FROM scan.volumes)")
            db.executemany(
                "INSERT INTO rep_mark VALUES (?,?,?,?,?)", [(vol, *mark) for vol, mark in marks]
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
        """Directories to make, parents first; of new volumes those that nothing is in.

        All others come to be there with what is in them.
        """
        begun = ",".join(map(str, sorted(self._begun)))
        yield from self._todo(
            f"kind=2 AND known<2 AND (vol NOT IN ({begun}) OR {_NOTHING_IN}) ORDER BY vol, key"
        )

    def files(self) -> Iterator[Todo]:
        """All but directories and further names, by inode."""
        yield from self._todo("kind<>2 AND (anchor IS NULL OR anchor=key) ORDER BY vol, tree, ino")

    def links(self) -> Iterator[Todo]:
        """Further names, after the files they are links to."""
        yield from self._todo("anchor IS NOT NULL AND anchor<>key ORDER BY vol, key")

    def finals(self) -> Iterator[Todo]:
        """Directories whose metadata are to be set, deepest first, but for the roots."""
        yield from self._todo("kind=2 AND key<>X'2E' ORDER BY vol, key DESC")

    def roots(self) -> Iterator[Todo]:
        """The root of every volume that the pass changes."""
        yield from self._todo("kind=2 AND key=X'2E' ORDER BY vol")

    def pin(self, vol: int, tree: int, key: bytes) -> None:
        """This file gets immutable or append at the end."""
        with self.manifest.lock:
            self._db.execute("INSERT INTO scan.pinned VALUES (?,?,?)", (vol, tree, key))

    def pinned(self) -> Iterator[Todo]:
        """Files noted by `pin`."""
        for row in self._read(
            "SELECT p.vol, p.key, 1, p.tree, 0, 0, 0, 0, 2, t.anchor, 0 FROM scan.pinned p"
            " LEFT JOIN scan.todo t ON t.vol=p.vol AND t.key=p.key ORDER BY p.vol, p.key"
        ):
            yield Todo(*row)

    def asked_for_shared(self, vol: int) -> bool:
        """Every file of the volume was asked once which blocks it shares."""
        found = self._db.execute("SELECT 1 FROM rep_shared WHERE vol=?", (vol,)).fetchone()
        return found is not None

    def shared_is_asked(self, vol: int) -> None:
        """See `asked_for_shared`."""
        with self.manifest.transaction() as db:
            db.execute("INSERT OR IGNORE INTO rep_shared VALUES (?)", (vol,))

    def sent_files(self, vol: int, trees: Sequence[int], least: int) -> Iterator[Todo]:
        """Files of this pass, of at least so many bytes."""
        places = ",".join(map(str, trees))
        yield from self._todo(
            f"vol={vol} AND kind=1 AND tree IN ({places}) AND size>={least}"
            " AND (anchor IS NULL OR anchor=key)"
        )

    def settled_files(self, vol: int, trees: Sequence[int], least: int) -> Iterator[Todo]:
        """Files that the target has, of at least so many bytes."""
        places = ",".join(map(str, trees))
        for row in self._read(
            "SELECT vol, key, kind, tree, 0, ino, ctime, size, 2, anchor, 0 FROM rep_entry"  # noqa: S608 - numbers
            f" WHERE +vol={vol} AND kind=1 AND tree IN ({places}) AND size>={least}"
            " AND entry IS NOT NULL AND (anchor IS NULL OR anchor=key)"
        ):
            yield Todo(*row)

    def note_shared(self, pieces: Sequence[Piece]) -> None:
        """Remember these for `shared`."""
        if pieces:
            with self.manifest.lock:
                self._db.executemany(
                    "INSERT OR IGNORE INTO scan.shared VALUES (?,?,?,?,?,?)", pieces
                )

    def has_shared(self, vol: int) -> bool:
        """Some were noted."""
        with self.manifest.lock:
            rows = self._db.execute("SELECT 1 FROM scan.shared WHERE vol=? LIMIT 1", (vol,))
            return rows.fetchone() is not None

    def shared(self, vol: int) -> Iterator[Piece]:
        """What was noted, in order of the places."""
        for row in self._read(
            f"SELECT * FROM scan.shared WHERE vol={vol} ORDER BY place, key, start"  # noqa: S608 - a number
        ):
            yield Piece(*row)

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
        with self.manifest.lock:
            cursor = self._db.execute(query)
            self._cursors.append(cursor)
        while True:
            with self.manifest.lock:
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
    for statement in statements("staging.sql"):
        db.execute(statement)
