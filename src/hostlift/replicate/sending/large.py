# SPDX-License-Identifier: Apache-2.0
"""Sending a large file by the chunk: what changed, without reading the target.

The file is read once, a chunk at a time; holes are skipped without reading. What the target is known
to have is not sent, of a chunk that changed only the blocks that did. One stream handles one file, so
its operations stay in order. Memory: one chunk, and what waits to be sent together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from blake3 import blake3

from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate import ops
from hostlift.replicate.changes.written import Look
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.content import CHUNK
from hostlift.replicate.fs.extents import DataMap, within, written
from hostlift.replicate.sending.chunks import (
    Large,
    blocks_of,
    changed_blocks,
    digest_of_known,
    doubtful,
    is_same,
    mark_of,
)
from hostlift.replicate.sending.draft import Desk, Draft, settled
from hostlift.replicate.sending.outcomes import Begun, Chunked, Punched, Todo
from hostlift.replicate.sending.reader import Reading, changed
from hostlift.replicate.source import path_of

_TOGETHER = 16 << 20
"""Changed data for which one durable note that their chunks are in doubt is made."""
_LOOKUP = 256
_MOST_RESERVED = 20_000


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


@dataclass(frozen=True, slots=True)
class _News:
    """A chunk to send; ``doubt``: its mark until that is acknowledged, None: it needs none."""

    op: ops.Chunk
    data: bytes
    outcome: Chunked
    doubt: bytes | None


class _Sending:
    def __init__(self, job: LargeJob, desk: Desk, fd: int) -> None:
        self._todo = job.todo
        self._phase = job.phase
        self._desk = desk
        self._book = desk.ledger.chunks
        self._fd = fd
        self._path = path_of(job.todo.key)
        self._st = os.fstat(fd)
        self._size = self._st.st_size
        self._map = DataMap(fd, self._size)
        self._reserved = self._find_reserved()
        self._digest = content.ContentDigest(self._size)
        self._buffer = bytearray(CHUNK)
        self._known: dict[int, bytes] = {}
        self._known_to = 0
        self._news: list[_News] = []
        self._waiting = 0
        self._look: Look | None = None

    def drafts(self) -> Iterator[Draft]:
        todo = self._todo
        meta = attributes.read_opened(self._fd, self._st)
        large = self._book.start(todo.vol, todo.key, self._size, fresh=bool(todo.fresh))
        if self._desk.written is not None:
            self._look = self._desk.written.look(self._fd, self._st, large.id)
        begin = self._draft()
        whole = not large.fresh
        op = ops.Begin(self._path, self._size, large.create, whole, meta.flags, self._reserved)
        begin.add(op, Begun(todo))
        yield begin
        at = 0
        while at < self._size:
            data = self._map.next_data(at)
            first = data // CHUNK * CHUNK if data < self._size else data
            if first > at:
                yield from self._hole(large, at, first)
                at = first
                continue
            end = min(at + CHUNK, self._size)
            if not self._chunk(large, at, end):
                yield from self._hole(large, at, end)
            at = end
            if self._waiting >= _TOGETHER:
                yield from self._send(large)
        yield from self._send(large)
        yield self._finish(large, meta)

    def _find_reserved(self) -> content.Ranges:
        found = content.preallocated(self._fd, self._st, 0)
        if len(found) <= _MOST_RESERVED:
            return found
        why = f"space reserved in {len(found)} pieces is not reserved in the copy"
        self._desk.ledger.found(self._todo.vol, self._todo.key, why)
        return ()

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
            self._book.doubt([(large.id, index, b"") for index in known])
            draft = self._draft()
            outcome = Punched(self._todo, large.id, low, high)
            draft.add(ops.Punch(self._path, start, end - start), outcome)
            yield draft
        self._desk.ledger.advance(end - start, 0)

    def _chunk(self, large: Large, at: int, end: int) -> bool:
        """Read one chunk; keep for sending what the target does not have. False: it is a hole."""
        if self._is_as_it_was(large, at, end):
            return True
        view, ranges = self._read(at, end)
        if ranges == ():
            return False
        index = at // CHUNK
        digest = blake3(view).digest()
        self._digest.add(digest)
        self._desk.ledger.advance(len(view), len(view))
        mark = mark_of(digest, ranges)
        known = self._known_mark(large, index)
        if is_same(known, mark):
            return True
        mark += blocks_of(view)
        patch = changed_blocks(known, mark, len(view))
        parts = ranges if patch is None else patch
        data = bytes(view) if parts is None else b"".join(view[o : o + n] for o, n in parts)
        doubt = None if known is None and large.fresh else b""
        if known is not None and patch is not None:
            digest = blake3(data).digest()
            doubt = doubtful(known, patch)
        op = ops.Chunk(self._path, at, len(view), digest, len(data), parts, patch=patch is not None)
        outcome = Chunked(self._todo, large.id, index, mark)
        self._news.append(_News(op, data, outcome, doubt))
        self._waiting += len(data)
        return True

    def _is_as_it_was(self, large: Large, at: int, end: int) -> bool:
        """The target has the chunk, and nothing was written to it since: it need not be read."""
        index = at // CHUNK
        if self._look is None or index not in self._look:
            return False
        known = self._known_mark(large, index) or b""
        digest = digest_of_known(known)
        if digest is None or not is_same(known, mark_of(digest, self._ranges(at, end))):
            return False
        self._digest.add(digest)
        self._desk.ledger.advance(end - at, 0)
        return True

    def _ranges(self, at: int, end: int) -> content.Ranges | None:
        """Where data lie in a chunk; None: everywhere."""
        ranges = tuple((o - at, n) for o, n in self._map.ranges(at, end))
        return None if ranges == ((0, end - at),) else ranges

    def _read(self, at: int, end: int) -> tuple[memoryview, content.Ranges | None]:
        """A chunk (valid until the next one is read), and where in it data lie unless everywhere."""
        length = end - at
        ranges = tuple((o - at, n) for o, n in self._map.ranges(at, end))
        self._map.read_ahead(end)
        dense = ranges == ((0, length),)
        view = memoryview(self._buffer if dense else bytearray(length))[:length]
        for start, count in ranges:
            got = content.read_range(self._fd, view[start : start + count], at + start)
            if got < count:  # it is being truncated
                view[start + got : start + count] = bytes(count - got)
        ranges = written(ranges, within(self._reserved, at, end), view)
        return view, None if ranges == ((0, length),) else ranges

    def _known_mark(self, large: Large, index: int) -> bytes | None:
        if index >= self._known_to:
            self._known_to = index + _LOOKUP
            self._known = self._book.known(large.id, index, self._known_to)
        return self._known.get(index)

    def _send(self, large: Large) -> Iterator[Draft]:
        news, self._news, self._waiting = self._news, [], 0
        self._book.doubt(
            [(large.id, n.outcome.index, n.doubt) for n in news if n.doubt is not None]
        )
        draft = self._draft()
        for item in news:
            draft.add(item.op, item.outcome, item.data)
            if draft.full:
                yield draft
                draft = self._draft()
        if draft:
            yield draft

    def _finish(self, large: Large, meta: Meta) -> Draft:
        hot = changed(self._st, os.fstat(self._fd))
        if self._look is not None:
            self._look.complete(self._fd)
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
        calm = self._desk.reader.calm(self._todo, self._st)
        outcome = settled(
            self._todo, Reading(entry, self._st, settled=calm, hot=hot), file=large.id
        )
        draft = self._draft()
        draft.add(ops.Finish(outcome.row.entry, self._reserved), outcome)
        return draft
