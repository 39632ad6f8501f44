# SPDX-License-Identifier: Apache-2.0
"""Which chunks of a large file need not be read again, because nothing was written to their blocks.

A chunk that was read after turn t is as it was then if, up to now, no write to the places of its
extents was queued or completed, and these places are the same now, before that reading and after
it. A store to memory or an ordinary write after the reading must be written back before it is asked
(`syncfs`), which queues a write; a direct write under way at the turn completes after it. Changes
without a write to a place (collapse, reflink, exchange, truncate) give the chunk other places; a
place that can come back with other content (shared), or is not final, is never trusted.

Not seen: extents that are moved and moved back while the file is read; a direct write that dm had
to split, under way at a turn, that the reading after it overtakes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hostlift.ports.clock import Clock
from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.blockset import BlockSet
from hostlift.replicate.changes.blocktrace import BlockTrace, block_trace
from hostlift.replicate.changes.placement import Layout, Place, Run, layout_of, moved, place_of
from hostlift.replicate.fs.content import CHUNK, chunks_in

_SECTOR = 512
_DRAIN_SECONDS = 0.1
_CACHE_SECONDS = 0.05
"""A direct write completes a moment before the page cache forgets what it wrote over."""
_KEPT = 4
"""Spans told apart; a union of two is as good, only less exact."""
_MOST_NOTED = 2 * 100_000
_PER_NOTE = 8


@dataclass(frozen=True, slots=True)
class _Note:
    """A file, by device and inode, that was read completely, from the span ``base`` on."""

    file: tuple[int, int]
    base: int
    size: int
    layout: Layout

    @property
    def weight(self) -> int:
        return _PER_NOTE + len(self.layout.runs) + len(self.layout.unsure)

    def but(self, parts: Iterable[tuple[int, int]]) -> _Note:
        unsure = tuple(sorted({*self.layout.unsure, *parts}))
        return replace(self, layout=Layout(self.layout.runs, unsure))


class _History:
    """What was written to a disk, from turn to turn."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._spans = [(0, BlockSet(size))]

    @property
    def now(self) -> BlockSet:
        return self._spans[-1][1]

    def turn(self, number: int, noted: set[int]) -> None:
        """Begin a span; two others between which no note begins become one."""
        self._spans.append((number, BlockSet(self._size)))
        if len(self._spans) > _KEPT:
            numbers = [first for first, _ in self._spans[:-1]]
            gaps = enumerate(itertools.pairwise(numbers))
            at = next((i for i, (a, b) in gaps if noted.isdisjoint(range(a + 1, b + 1))), 0)
            # Numbered as the later of the two, so that too much is told rather than too little.
            self._spans[at + 1][1].update(self._spans.pop(at)[1])

    def since(self, number: int) -> list[BlockSet]:
        return [blocks for first, blocks in self._spans if first >= number]


class Look:
    """A file that is about to be read: an index is in it when that chunk need not be.

    Args:
        note: What to remember of it once it was read completely; None: nothing.
        clean: 1 for each chunk that is as it was.
    """

    def __init__(
        self,
        written: Written,
        copy: int,
        note: _Note | None = None,
        clean: bytes | bytearray = b"",
    ) -> None:
        self._written = written
        self._copy = copy
        self._note = note
        self._clean = clean

    def __contains__(self, index: int) -> bool:
        return index < len(self._clean) and bool(self._clean[index])

    def __len__(self) -> int:
        """How many chunks need not be read."""
        return self._clean.count(1)

    def complete(self, fd: int) -> None:
        """Every other chunk was read: the next look at this copy can build on it."""
        if self._note is None:
            return
        with contextlib.suppress(Untrackable, OSError):
            after = layout_of(fd, self._note.size)
            self._written.keep(self._copy, self._note.but(_unlike(self._note.layout, after)))


class Written:
    """The writes to the file systems of a source since tracing began. Any thread may ask.

    Attributes:
        refused: Why nothing is ever said of files on these devices.
    """

    def __init__(
        self,
        trace: BlockTrace | None,
        places: Mapping[int, Place],
        refused: Mapping[int, str],
        clock: Clock,
    ) -> None:
        self._trace = trace
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[int, Place | None] = dict(places)
        self._histories = {p.disk: _History(p.size) for p in places.values()}
        self._notes: dict[int, _Note] = {}
        self._weight = 0
        self._number = 0
        self.refused = dict(refused)

    def turn(self) -> None:
        """A pass begins, and the file systems were written back: from now on writes are news.

        Waits for a moment. A pass that none follows does without: writes are news for longer then.
        """
        with self._lock:
            self._take()
            self._number += 1
            noted = {note.base for note in self._notes.values()}
            for history in self._histories.values():
                history.turn(self._number, noted)
            for device, before in self._places.items():
                self._check(device, before)
        self._clock.sleep(_CACHE_SECONDS)

    def look(self, fd: int, st: os.stat_result, copy: int) -> Look:
        """What of an open file is as it was when it was last read completely for the same copy.

        As of now; the caller has written back its file system since the last change that must not
        be missed.

        Args:
            copy: Stands for what is known of earlier readings; two files may come under one number
                in turn, but what was read of one is nothing to build on for the other.
        """
        try:
            layout = layout_of(fd, st.st_size) if self._places.get(st.st_dev) else None
        except (Untrackable, OSError):
            layout = None
        with self._lock:
            self._take()  # which may find that nothing can be said any more
            place = self._places.get(st.st_dev)
            before = self._forget(copy)
            if place is None or layout is None:
                return Look(self, copy)
            note = _Note((st.st_dev, st.st_ino), self._number, st.st_size, layout)
            if before is None or before.file != note.file:
                return Look(self, copy, note)
            # Should this reading not be completed, and places that differ now be back by the next
            # look: something else was read of them.
            self._keep(copy, before.but(_unlike(before.layout, layout)))
            spans = self._histories[place.disk].since(before.base)
            return Look(self, copy, note, _clean(before, note, place.start, spans))

    def keep(self, copy: int, note: _Note) -> None:
        """Remember a file; those remembered longest go when it gets too much."""
        with self._lock:
            self._forget(copy)
            self._keep(copy, note)

    def drain(self) -> None:
        """Take what the kernel has told, before its buffers overflow."""
        with self._lock:
            self._take()

    def end(self, why: str) -> None:
        """Nothing is said of any file from now on."""
        with self._lock:
            self._end(why)

    def _end(self, why: str) -> None:
        self._trace = None
        self.refused.update(dict.fromkeys(self._places, why))
        self._places = dict.fromkeys(self._places)

    def _keep(self, copy: int, note: _Note) -> None:
        self._notes[copy] = note
        self._weight += note.weight
        while self._weight > _MOST_NOTED:
            self._forget(next(iter(self._notes)))

    def _forget(self, copy: int) -> _Note | None:
        note = self._notes.pop(copy, None)
        self._weight -= note.weight if note else 0
        return note

    def _take(self) -> None:
        if self._trace is None:
            return
        try:
            for page in self._trace.pages():
                for disk, sector, sectors in self._trace.writes(page):
                    self._histories[disk].now.add(sector * _SECTOR, (sector + sectors) * _SECTOR)
        except (OSError, struct.error, LookupError) as error:
            self._end(f"the trace cannot be read any more: {error}")
            return
        if self._trace.lost:
            self._trace.lost = False
            for history in self._histories.values():
                history.now.everything = True

    def _check(self, device: int, before: Place | None) -> None:
        """Notes are worth nothing when a file system was unmounted, or its disk was away."""
        try:
            now: Place | None = place_of(device)
        except Untrackable:
            now = None
        if now != before:
            self._places[device] = now if now is not None and now.disk in self._histories else None
            for copy in [c for c, note in self._notes.items() if note.file[0] == device]:
                self._forget(copy)


@contextlib.contextmanager
def written_blocks(
    devices: Iterable[int], clock: Clock, *, buffer_kib: int = 0
) -> Iterator[Written]:
    """Follow what is written to file systems for the length of the block; never fails.

    Args:
        devices: ``st_dev`` of each.
        clock: To wait by.
        buffer_kib: See `block_trace`.
    """
    places: dict[int, Place] = {}
    refused: dict[int, str] = {}
    for device in devices:
        try:
            places[device] = place_of(device)
        except Untrackable as error:
            refused[device] = str(error)
    with contextlib.ExitStack() as stack:
        trace = None
        try:
            if places:
                disks = {place.disk for place in places.values()}
                trace = stack.enter_context(block_trace(disks, buffer_kib=buffer_kib))
        except Untrackable as error:
            refused.update(dict.fromkeys(places, str(error)))
            places = {}
        found = Written(trace, places, refused, clock)
        if trace is not None:
            stack.enter_context(_draining(found))
        yield found


@contextlib.contextmanager
def _draining(found: Written) -> Iterator[None]:
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(_DRAIN_SECONDS):
            found.drain()

    thread = threading.Thread(target=read, name="written")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        found.end("the tracing has ended")


def _unlike(one: Layout, other: Layout) -> Iterator[tuple[int, int]]:
    """(start, end) of what may not be at the same place in both; a part may come twice."""
    yield from one.unsure
    yield from other.unsure
    if one.runs != other.runs:
        yield from moved(one.runs, other.runs)
        yield from moved(other.runs, one.runs)


def _clean(before: _Note, now: _Note, start: int, spans: list[BlockSet]) -> bytearray:
    """1 for each chunk that is as it was; ``start``: of the file system on its disk."""
    if any(span.everything for span in spans):
        return bytearray()
    clean = _as_long(before.size, now.size)
    for low, high in _unlike(before.layout, now.layout):
        _soil(clean, low, high)
    for run in now.layout.runs:
        _soil_written(clean, run, start + run.shift, spans)
    return clean


def _as_long(before: int, now: int) -> bytearray:
    """1 for each chunk of a file of ``now`` bytes that was as long when the file had ``before``."""
    same = chunks_in(now) if now == before else min(before, now) // CHUNK
    return bytearray(b"\1" * same + bytes(chunks_in(now) - same))


def _soil(clean: bytearray, start: int, end: int) -> None:
    low, high = start // CHUNK, min(chunks_in(end), len(clean))
    if low < high:
        clean[low:high] = bytes(high - low)


def _soil_written(clean: bytearray, run: Run, shift: int, spans: list[BlockSet]) -> None:
    parts = [(run.start, run.end)]
    while parts:
        start, end = parts.pop()
        if not any(span.touches(start + shift, end + shift) for span in spans):
            continue
        low, high = start // CHUNK, chunks_in(end)
        if high - low == 1:
            _soil(clean, start, end)
        else:
            middle = (low + high) // 2 * CHUNK
            parts += [(start, middle), (middle, end)]
