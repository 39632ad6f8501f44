# SPDX-License-Identifier: Apache-2.0
"""What is durable at the target, as acknowledged: the memory that makes passes small.

A row says: this path holds this entry, made from a source object with this inode, change time and
size. Its state tells how far that can be trusted. A row is put in doubt, durably, *before* anything
is sent that may change the path at the target, and settled by the acknowledgement, so whatever
dies at whatever moment, the next pass knows every path that may differ. Tables are ``rep_*``;
others may live in the same file. One object serves all threads of a process.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from hostlift.errors import StateError
from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate.rows import Row
from hostlift.replicate.source import order_key, path_of

_BATCH = 2000
_NO_META = Meta(mode=0, uid=0, gid=0, mtime_ns=0)


@dataclass(frozen=True, slots=True)
class Totals:
    """Entries of a volume and bytes in its regular files; further names of a file count once."""

    entries: int
    bytes: int


class Manifest:
    """The acknowledged state of every volume of one migration; made by `Manifest.open`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.lock = threading.RLock()

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[Manifest]:
        """Open or create the tables in the database at ``path``.

        Raises:
            StateError: The file cannot be used.
        """
        try:
            db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=60)
        except sqlite3.Error as error:
            raise StateError(f"cannot be opened: {error}", subject=str(path)) from error
        try:
            try:
                _prepare(db)
            except sqlite3.Error as error:
                raise StateError(f"cannot be used: {error}", subject=str(path)) from error
            yield cls(db)
        finally:
            db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A durable group of changes; nothing of it is kept when the block raises."""
        with self.lock:
            try:
                self.db.execute("BEGIN IMMEDIATE")
                try:
                    yield self.db
                except BaseException:
                    self.db.execute("ROLLBACK")
                    raise
                self.db.execute("COMMIT")
            except sqlite3.Error as error:
                raise StateError(f"cannot be written: {error}", subject=self.name) from error

    @property
    def name(self) -> str:
        """The database file."""
        return str(self.db.execute("PRAGMA database_list").fetchone()[2])

    def bind(self, volume: str, generation: str) -> bool:
        """Say which making of the target volume is there now.

        Returns:
            True when it is the one the rows speak of; otherwise they are forgotten.
        """
        with self.transaction() as db:
            old = db.execute("SELECT vol, generation FROM rep_volume WHERE id=?", (volume,))
            found = old.fetchone()
            if found is not None and found[1] == generation:
                return True
            if found is not None:
                for table in ("rep_entry", "rep_large", "rep_mark", "rep_wave", "rep_shared"):
                    db.execute(f"DELETE FROM {table} WHERE vol=?", (found[0],))  # noqa: S608 - fixed names
            db.execute(
                "INSERT INTO rep_volume(id, generation) VALUES (?,?)"
                " ON CONFLICT(id) DO UPDATE SET generation=excluded.generation",
                (volume, generation),
            )
            return False

    def generation(self, volume: str) -> str:
        """The generation bound last, or empty."""
        row = self.db.execute("SELECT generation FROM rep_volume WHERE id=?", (volume,)).fetchone()
        return str(row[0]) if row else ""

    def number(self, volume: str) -> int:
        """The volume's number in the tables.

        Raises:
            StateError: The volume was never bound.
        """
        row = self.db.execute("SELECT vol FROM rep_volume WHERE id=?", (volume,)).fetchone()
        if row is None:
            raise StateError("volume is not bound to a target", subject=volume)
        return int(row[0])

    def entries(self, volume: str) -> Iterator[Entry]:
        """What the target should hold, ordered by `source.order_key` of the path.

        Of several names of one inode the first in this order carries the entry; each other is an
        entry of the same kind with ``link_of`` set and nothing else.
        """
        vol = self.number(volume)
        at = b""
        while True:
            with self.lock:
                part = self.db.execute(_query("entries.sql"), (vol, at, _BATCH)).fetchall()
            for key, kind, entry, first, anchor_entry in part:
                yield _entry(key, kind, entry, first, anchor_entry)
            if len(part) < _BATCH:
                return
            at = part[-1][0]

    def totals(self, volume: str) -> Totals:
        """Entries and bytes of a volume."""
        row = self.db.execute(
            "SELECT count(*), coalesce(sum(CASE WHEN kind=1 AND (anchor IS NULL OR anchor=key)"
            " THEN size END), 0) FROM rep_entry WHERE vol=? AND entry IS NOT NULL",
            (self.number(volume),),
        ).fetchone()
        return Totals(int(row[0]), int(row[1]))

    def unsettled(self, volume: str) -> int:
        """How many paths another pass would send again."""
        row = self.db.execute(
            "SELECT count(*) FROM rep_entry WHERE +vol=? AND state<>0", (self.number(volume),)
        ).fetchone()
        return int(row[0])

    def is_empty(self, vol: int) -> bool:
        """True when nothing was ever sent to the volume."""
        row = self.db.execute("SELECT 1 FROM rep_entry WHERE vol=? LIMIT 1", (vol,)).fetchone()
        return row is None

    def acknowledged(self, vol: int, key: bytes) -> tuple[int, bytes] | None:
        """Change time and packed entry of what was acknowledged for a path, if anything was."""
        with self.lock:
            row = self.db.execute(
                "SELECT ctime, entry FROM rep_entry WHERE vol=? AND key=?", (vol, key)
            ).fetchone()
        return (int(row[0]), bytes(row[1])) if row and row[1] else None

    def settle(self, vol: int, rows: Iterable[Row]) -> None:
        """Write acknowledged rows; a single or further name no longer has chunks of its own."""
        values = [(vol, *row) for row in rows]
        with self.transaction() as db:
            db.executemany(
                "INSERT INTO rep_entry(vol,key,kind,tree,ino,ctime,size,state,anchor,entry)"
                " VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT(vol,key) DO UPDATE SET"
                " kind=excluded.kind, tree=excluded.tree, ino=excluded.ino, ctime=excluded.ctime,"
                " size=excluded.size, state=excluded.state, anchor=excluded.anchor,"
                " entry=excluded.entry",
                values,
            )

    def doubt(self, volume: str, paths: Iterable[bytes]) -> None:
        """The next pass sends these whole, whatever was acknowledged."""
        vol = self.number(volume)
        with self.transaction() as db:
            pairs = [(vol, order_key(path)) for path in paths]
            db.executemany("UPDATE rep_entry SET state=1 WHERE vol=? AND key=?", pairs)
            db.executemany("DELETE FROM rep_large WHERE vol=? AND key=?", pairs)

    def suspect(self, volume: str, paths: Iterable[bytes]) -> None:
        """Somebody else changed or made these at the target: `doubt` those the manifest knows.

        Of the others the next pass removes what the source does not have either.
        """
        known = list(paths)
        self.doubt(volume, known)
        rows = [(self.number(volume), order_key(path), int(Kind.FILE)) for path in known]
        with self.transaction() as db:
            db.executemany(
                "INSERT INTO rep_entry(vol,key,kind,state) VALUES (?,?,?,1)"
                " ON CONFLICT(vol,key) DO NOTHING",
                rows,
            )

    def forget(self, vol: int, keys: Sequence[bytes]) -> None:
        """Removals were acknowledged."""
        with self.transaction() as db:
            pairs = [(vol, key) for key in keys]
            db.executemany("DELETE FROM rep_entry WHERE vol=? AND key=?", pairs)
            db.executemany("DELETE FROM rep_large WHERE vol=? AND key=?", pairs)


def _entry(
    key: bytes, kind: int, entry: bytes, first: bytes | None, anchor_entry: bytes | None
) -> Entry:
    path = path_of(key)
    if first is None or first == key:
        found = Entry.unpack(anchor_entry if first is not None and anchor_entry else entry)
        return found if found.path == path else replace(found, path=path)
    return link_entry(path, Kind(kind), path_of(first))


def link_entry(path: bytes, kind: Kind, first: bytes) -> Entry:
    """How a further name of an inode is described, here and by `reread`."""
    return Entry(path=path, kind=kind, meta=_NO_META, link_of=first)


def _query(name: str) -> str:
    return (files("hostlift.replicate") / "sql" / name).read_text(encoding="utf-8")


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA cache_size=-32000")
    db.executescript(_query("manifest.sql"))
