# SPDX-License-Identifier: Apache-2.0
"""Sending a large file by the chunk: what changed, in place, without reading the target.

The file is read once, a window of chunks at a time; holes are skipped without reading. Chunks whose
digest is acknowledged are not sent. One stream handles one file, so its operations stay in order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from blake3 import blake3

from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate import ops
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.content import CHUNK
from hostlift.replicate.sending.chunks import Large
from hostlift.replicate.sending.draft import Desk, Draft, settled
from hostlift.replicate.sending.ledger import Begun, Chunked, Punched
from hostlift.replicate.sending.reader import Reading, changed
from hostlift.replicate.sending.staging import Todo
from hostlift.replicate.source import path_of

_WINDOW = 16
_PER_BATCH = 4


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk as it was read; ``ranges`` None: no hole in it."""

    index: int
    buffer: bytearray
    digest: bytes
    ranges: content.Ranges | None


@dataclass(frozen=True, slots=True)
class LargeJob:
    """One large file."""

    todo: Todo
    phase: int

    def drafts(self, desk: Desk) -> Iterator[Draft]:
        """See `hostlift.replicate.sending.draft.Job`."""
        try:
            fd = desk.reader.open_file(self.todo)
        except FileNotFoundError:
            desk.ledger.gone()
            return
        try:
            yield from _Sending(self, desk, fd).drafts()
        except OSError as error:
            if isinstance(error, ConnectionError) or error.errno is None:
                raise
            why = f"cannot be read: {error.strerror}"
            desk.ledger.found(self.todo.vol, self.todo.key, why)
        finally:
            os.close(fd)


class _Sending:
    def __init__(self, job: LargeJob, desk: Desk, fd: int) -> None:
        self._todo = job.todo
        self._phase = job.phase
        self._desk = desk
        self._book = desk.ledger.chunks
        self._fd = fd
        self._path = path_of(job.todo.key)
        self._since = desk.ledger.now()
        self._st = os.fstat(fd)
        self._size = self._st.st_size
        self._digest = content.ContentDigest(self._size)

    def drafts(self) -> Iterator[Draft]:
        todo = self._todo
        meta = attributes.read_opened(self._fd, self._st)
        reserved = content.preallocated(self._fd, self._st, 0)
        large = self._book.start(todo.vol, todo.key, self._size, fresh=bool(todo.fresh))
        begin = self._draft()
        begin.add(
            ops.Begin(self._path, self._size, large.create, meta.flags, reserved), Begun(todo)
        )
        yield begin
        at = 0
        while at < self._size:
            data = content.next_data(self._fd, at, self._size)
            first = data // CHUNK * CHUNK if data < self._size else data
            if first > at:
                yield from self._hole(large, at, first)
                at = first
                continue
            pieces = self._read(at)
            if not pieces:  # became a hole since it was looked for: the next round sees it as one
                end = min(at + CHUNK, self._size)
                yield from self._hole(large, at, end)
                at = end
                continue
            yield from self._send(large, pieces)
            at = min(at + len(pieces) * CHUNK, self._size)
        yield self._finish(large, meta)

    def _draft(self) -> Draft:
        return Draft(self._todo.vol, self._phase)

    def _hole(self, large: Large, start: int, end: int) -> Iterator[Draft]:
        low, high = start // CHUNK, content.chunks_in(end)
        whole = (end - start) // CHUNK
        self._digest.add_zeros(whole)
        if low + whole < high:
            self._digest.add(blake3(bytes(end - start - whole * CHUNK)).digest())
        known = self._book.known(large.id, low, high)
        if known or (large.fresh and not large.create):
            self._book.doubt(large.id, known)
            draft = self._draft()
            outcome = Punched(self._todo, large.id, low, high)
            draft.add(ops.Punch(self._path, start, end - start), outcome)
            yield draft
        self._desk.ledger.advance(end - start, 0)

    def _read(self, at: int) -> list[_Piece]:
        pieces: list[_Piece] = []
        for offset in range(at, min(at + _WINDOW * CHUNK, self._size), CHUNK):
            length = min(CHUNK, self._size - offset)
            ranges = content.data_ranges(self._fd, offset, offset + length)
            if not ranges:
                break
            buffer = bytearray(length)
            view = memoryview(buffer)
            for start, count in ranges:
                content.read_range(self._fd, view[start - offset : start - offset + count], start)
            inner = None if ranges == ((offset, length),) else _relative(ranges, offset)
            pieces.append(_Piece(offset // CHUNK, buffer, blake3(buffer).digest(), inner))
        return pieces

    def _send(self, large: Large, pieces: list[_Piece]) -> Iterator[Draft]:
        known = self._book.known(large.id, pieces[0].index, pieces[-1].index + 1)
        news = [p for p in pieces if known.get(p.index) != p.digest]
        self._book.doubt(large.id, [p.index for p in news if p.index in known or not large.fresh])
        for piece in pieces:
            self._digest.add(piece.digest)
        for i in range(0, len(news), _PER_BATCH):
            draft = self._draft()
            for piece in news[i : i + _PER_BATCH]:
                self._add(draft, large, piece)
            yield draft
        size = sum(len(p.buffer) for p in pieces)
        self._desk.ledger.advance(size, size)

    def _add(self, draft: Draft, large: Large, piece: _Piece) -> None:
        view = memoryview(piece.buffer)
        data = view if piece.ranges is None else b"".join(view[o : o + n] for o, n in piece.ranges)
        op = ops.Chunk(
            self._path, piece.index * CHUNK, len(view), piece.digest, len(data), piece.ranges
        )
        draft.add(op, Chunked(self._todo, large.id, piece.index, piece.digest), data)

    def _finish(self, large: Large, meta: Meta) -> Draft:
        hot = changed(self._st, os.fstat(self._fd))
        if hot:
            self._desk.ledger.is_hot(self._todo)
        else:
            self._desk.ledger.is_calm(self._todo)
        entry = Entry(
            path=self._path,
            kind=Kind.FILE,
            meta=meta,
            size=self._size,
            content=self._digest.digest(),
        )
        calm = self._desk.reader.calm(self._st, self._since)
        outcome = settled(
            self._todo, Reading(entry, self._st, settled=calm, hot=hot), file=large.id
        )
        draft = self._draft()
        draft.add(ops.Finish(outcome.row.entry), outcome)
        return draft


def _relative(ranges: content.Ranges, base: int) -> content.Ranges:
    return tuple((start - base, length) for start, length in ranges)
