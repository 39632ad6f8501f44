# SPDX-License-Identifier: Apache-2.0
"""What is known of the chunks of large files at the target.

A chunk has a mark (acknowledged), one that equals no other (in doubt: something was sent over it, or
its removal was asked for, and no acknowledgement came), or no row. No row means a hole, except in
a file that is still `fresh`: there it means unknown, because an earlier run may have sent anything.

A mark is the chunk's blake3 digest, a digest of where holes are in it, and one of each of its
64 KiB blocks, so that a few changed pages do not send a whole chunk. In doubt it is empty, or has
zeros for the digest and for those blocks that were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blake3 import blake3

from hostlift.replicate.fs.content import CHUNK, Ranges, chunks_in
from hostlift.replicate.manifest import Manifest

BLOCK = 64 << 10
_WHOLE = 32
_SHAPE = 8
_HEAD = _WHOLE + _SHAPE
_PER_BLOCK = 16
_DENSE = bytes(_SHAPE)


def mark_of(digest: bytes, ranges: Ranges | None) -> bytes:
    """What tells whether a chunk is as it was: the beginning of its mark.

    Args:
        digest: blake3 of all of it.
        ranges: Where data lie in it; None: everywhere.
    """
    if ranges is None:
        return digest + _DENSE
    shape = b"".join(number.to_bytes(4, "big") for part in ranges for number in part)
    return digest + blake3(shape).digest(length=_SHAPE)


def blocks_of(data: memoryview) -> bytes:
    """The rest of a chunk's mark."""
    parts = (data[at : at + BLOCK] for at in range(0, len(data), BLOCK))
    return b"".join(blake3(part).digest(length=_PER_BLOCK) for part in parts)


def digest_of_known(mark: bytes) -> bytes | None:
    """The blake3 digest of a chunk that the target is known to have; None when that is in doubt."""
    digest = mark[:_WHOLE]
    return digest if len(mark) >= _HEAD and any(digest) else None


def is_same(known: bytes | None, mark: bytes) -> bool:
    """Whether a chunk is what the target is known to have."""
    return known is not None and known[:_HEAD] == mark[:_HEAD]


def changed_blocks(known: bytes | None, mark: bytes, size: int) -> Ranges | None:
    """The parts of a chunk of ``size`` bytes to send; None: all of it."""
    if known is None or not known[_WHOLE:_HEAD] == mark[_WHOLE:_HEAD] == _DENSE:
        return None
    found: list[tuple[int, int]] = []
    for number, at in enumerate(range(0, size, BLOCK)):
        where = _HEAD + number * _PER_BLOCK
        if known[where : where + _PER_BLOCK] == mark[where : where + _PER_BLOCK]:
            continue
        length = min(BLOCK, size - at)
        if found and sum(found[-1]) == at:
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append((at, length))
    return tuple(found)


def doubtful(known: bytes, parts: Ranges) -> bytes:
    """The mark of a chunk of which ``parts``, whole blocks, are about to be overwritten."""
    blocks = bytearray(known[_HEAD:])
    for start, length in parts:
        low, high = (-(-at // BLOCK) * _PER_BLOCK for at in (start, start + length))
        blocks[low:high] = bytes(len(blocks[low:high]))
    return bytes(_WHOLE) + _DENSE + blocks


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
                "SELECT id, fresh, size FROM rep_large WHERE vol=? AND key=?", (vol, key)
            ).fetchone()
            if row is not None and not fresh:
                number, unfinished = int(row[0]), bool(row[1])
                # Of the chunk that the new end cuts nothing behind the end is left.
                kept = size // CHUNK if size < row[2] else chunks_in(size)
                db.execute(
                    "UPDATE rep_chunk SET digest=X'' WHERE file=? AND idx>=?", (number, kept)
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
        """Marks of the chunks from ``low`` up to ``high`` (exclusive) that have a row."""
        with self._manifest.lock:
            rows = self._manifest.db.execute(
                "SELECT idx, digest FROM rep_chunk WHERE file=? AND idx>=? AND idx<?",
                (file, low, high),
            ).fetchall()
        return {int(i): bytes(d) for i, d in rows}

    def doubt(self, rows: Sequence[tuple[int, int, bytes]]) -> None:
        """(file, chunk, mark) that are about to be overwritten; durable before it returns.

        The file may have been dropped meanwhile, by the acknowledgement of what was sent of it.
        """
        if rows:
            self.arrived(rows)

    def arrived(self, rows: Iterable[tuple[int, int, bytes]]) -> None:
        """(file, chunk, mark) that were acknowledged; of a dropped file nothing is kept."""
        with self._manifest.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO rep_chunk SELECT id, ?2, ?3 FROM rep_large WHERE id=?1",
                list(rows),
            )

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
