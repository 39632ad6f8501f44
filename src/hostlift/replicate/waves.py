# SPDX-License-Identifier: Apache-2.0
"""What a first copy is about to send, in doubt by the thousand instead of one by one.

Most files of a first copy are sent once, acknowledged once, and never in doubt for more than seconds;
a row for each of them before it is sent and another afterwards cost more than reading it. So a
*wave* holds the names of thousands in one row, durable before the first of them is sent. When all of
them are acknowledged it is dropped; otherwise, or when the pass broke off, those without a row of
their own are put in doubt as any other path is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgpack
import zstandard

from hostlift.replicate.manifest import Manifest


def note(db: sqlite3.Connection, vol: int, keys: Sequence[bytes], kinds: bytes) -> None:
    """These may be at the target from now on; durable with the transaction.

    Args:
        kinds: The kind of each.
    """
    if keys:
        raw = msgpack.packb((keys, kinds), use_bin_type=True)
        wave = zstandard.ZstdCompressor(level=1).compress(raw)
        db.execute("INSERT INTO rep_wave(vol, names) VALUES (?,?)", (vol, wave))


def drop(db: sqlite3.Connection) -> None:
    """Every name of every wave has a row of its own."""
    db.execute("DELETE FROM rep_wave")


def recall(manifest: Manifest) -> None:
    """Put in doubt what was noted and has no row; a few thousand at a time, each durably."""
    while True:
        with manifest.transaction() as db:
            found = db.execute("SELECT id, vol, names FROM rep_wave LIMIT 1").fetchone()
            if found is None:
                return
            wave, vol, names = found
            keys, kinds = msgpack.unpackb(zstandard.ZstdDecompressor().decompress(names))
            db.executemany(
                "INSERT INTO rep_entry(vol, key, kind, state) VALUES (?,?,?,1)"
                " ON CONFLICT(vol, key) DO NOTHING",
                [(vol, key, kind) for key, kind in zip(keys, kinds, strict=True)],
            )
            db.execute("DELETE FROM rep_wave WHERE id=?", (wave,))
