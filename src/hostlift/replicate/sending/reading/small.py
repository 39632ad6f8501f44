# SPDX-License-Identifier: Apache-2.0
"""Small files, links and devices become batches, read just before they are sent."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from hostlift.model.entry import Kind
from hostlift.replicate import ops
from hostlift.replicate.sending.draft import Draft, settled, settled_small
from hostlift.replicate.sending.outcomes import Todo
from hostlift.replicate.sending.reader import Reader

_FILE = int(Kind.FILE)
_AHEAD = 64


class Listener(Protocol):
    """Who is told what was found on the way; `hostlift.replicate.sending.ledger.Ledger` is one."""

    def gone(self) -> None:
        """An object vanished before it was read."""
        ...

    def found(self, vol: int, key: bytes, reason: str) -> None:
        """Something could not be kept."""
        ...

    def is_hot(self, todo: Todo) -> None:
        """It changed while it was read."""
        ...


class SmallReading:
    """Objects of one volume being read, a batch at a time.

    Attributes:
        large: Files that have become large ones; they are left out.
    """

    def __init__(self, reader: Reader, listener: Listener, phase: int) -> None:
        self._reader = reader
        self._listener = listener
        self._phase = phase
        self.large: list[Todo] = []

    def drafts(self, vol: int, todos: Sequence[Todo]) -> Iterator[Draft]:
        """Batches that hold something; each says how many of ``todos`` are dealt with by it."""
        taken = 0
        with closing(_opened_ahead(todos, self._reader)) as opened:
            while taken < len(todos):
                draft = Draft(vol, self._phase)
                for todo, fd in opened:
                    taken += 1
                    self._add(draft, todo, fd)
                    if draft.full:
                        break
                draft.taken = taken
                if draft:
                    yield draft

    def _add(self, draft: Draft, todo: Todo, fd: int) -> None:
        try:
            if todo.kind != _FILE:
                outcome = settled(todo, self._reader.node(todo))
                draft.add(ops.PutNode(outcome.row.entry), outcome)
            else:
                self._add_file(draft, todo, fd)
        except FileNotFoundError:
            self._listener.gone()
        except OSError as error:
            self._listener.found(todo.vol, todo.key, f"cannot be read: {error.strerror}")

    def _add_file(self, draft: Draft, todo: Todo, fd: int) -> None:
        reading = self._reader.small(todo, fd)
        if reading is None:
            self.large.append(todo)
            return
        if reading.hot:
            self._listener.is_hot(todo)
        data = reading.data
        op = ops.PutFile(reading.entry, todo.known > 0, len(data), reading.ranges, reading.reserved)
        draft.add(op, settled_small(todo, reading), data)
        draft.planned += todo.size
        draft.read += len(data)


def _opened_ahead(todos: Iterable[Todo], reader: Reader) -> Generator[tuple[Todo, int], None, None]:
    """Files some time after the kernel was told to read them, each with its descriptor.

    From a cold disk one stream takes 5.8 instead of 8.2 s for 40,000 files, and less processor time
    as well: it sleeps less often.
    """
    waiting: deque[tuple[Todo, int]] = deque()
    try:
        for todo in todos:
            waiting.append((todo, reader.ahead(todo) if todo.kind == _FILE else -1))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for _, fd in waiting:
            if fd >= 0:
                os.close(fd)
