# SPDX-License-Identifier: Apache-2.0
"""What is known of the chunks of large files at the target.

A chunk has a digest (acknowledged), an empty digest (in doubt: it was sent over something else, or
its removal was asked for, and no acknowledgement came), or no row. No row means a hole, except in
a file that is still `fresh`: there it means unknown, because an earlier run may have sent anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hostlift.replicate.fs.content import chunks_in
from hostlift.replicate.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Large:
    """A large file being sent.

    Attributes:
        create: It must be made anew at the target.
        fresh: It was made anew and never completed since.
    """

    id: int
    create: bool
    fresh: bool


class ChunkBook:
    """Rows of ``rep_large`` and ``rep_chunk``."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def start(self, vol: int, key: bytes, size: int, *, fresh: bool) -> Large:
        """A file of ``size`` bytes is about to be sent; durable before it returns.

        Args:
            fresh: What is at the target may not be changed in place.
        """
        with self._manifest.transaction() as db:
            row = db.execute(
                "SELECT id, fresh FROM rep_large WHERE vol=? AND key=?", (vol, key)
            ).fetchone()
            if row is not None and not fresh:
                number, unfinished = int(row[0]), bool(row[1])
                db.execute(
                    "UPDATE rep_chunk SET digest=X'' WHERE file=? AND idx>=?",
                    (number, chunks_in(size)),
                )
                db.execute("UPDATE rep_large SET size=? WHERE id=?", (size, number))
                some = db.execute("SELECT 1 FROM rep_chunk WHERE file=? LIMIT 1", (number,))
                return Large(number, unfinished and some.fetchone() is None, unfinished)
            db.execute("DELETE FROM rep_large WHERE vol=? AND key=?", (vol, key))
            made = db.execute(
                "INSERT INTO rep_large(vol,key,size,fresh) VALUES (?,?,?,1)", (vol, key, size)
            )
            return Large(int(made.lastrowid or 0), create=True, fresh=True)

    def known(self, file: int, low: int, high: int) -> dict[int, bytes]:
        """Digests of the chunks from ``low`` up to ``high`` (exclusive) that have a row."""
        with self._manifest.lock:
            rows = self._manifest.db.execute(
                "SELECT idx, digest FROM rep_chunk WHERE file=? AND idx>=? AND idx<?",
                (file, low, high),
            ).fetchall()
        return {int(i): bytes(d) for i, d in rows}

    def doubt(self, file: int, chunks: Iterable[int]) -> None:
        """These are about to be overwritten; durable before it returns."""
        rows = [(file, i) for i in chunks]
        if rows:
            with self._manifest.transaction() as db:
                db.executemany("INSERT OR REPLACE INTO rep_chunk VALUES (?,?,X'')", rows)

    def arrived(self, rows: Iterable[tuple[int, int, bytes]]) -> None:
        """(file, chunk, digest) that were acknowledged."""
        with self._manifest.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO rep_chunk VALUES (?,?,?)", list(rows))

    def punched(self, file: int, low: int, high: int) -> None:
        """A hole was acknowledged."""
        with self._manifest.transaction() as db:
            db.execute("DELETE FROM rep_chunk WHERE file=? AND idx>=? AND idx<?", (file, low, high))

    def complete(self, file: int, size: int) -> None:
        """The whole file was acknowledged: what has no row is a hole from now on."""
        with self._manifest.transaction() as db:
            db.execute("DELETE FROM rep_chunk WHERE file=? AND idx>=?", (file, chunks_in(size)))
            db.execute("UPDATE rep_large SET fresh=0 WHERE id=?", (file,))

    def drop(self, vol: int, key: bytes) -> None:
        """Nothing is known of it any more."""
        with self._manifest.transaction() as db:
            db.execute("DELETE FROM rep_large WHERE vol=? AND key=?", (vol, key))
