# SPDX-License-Identifier: Apache-2.0
"""A batch being filled: operations, their data, and what their acknowledgement will mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import zstandard

from hostlift.model.entry import Kind
from hostlift.replicate import ops
from hostlift.replicate.fs.attributes import PINNING
from hostlift.replicate.manifest import Row, State
from hostlift.replicate.protocol import Batch, encode
from hostlift.replicate.sending.ledger import Ledger, Outcome, Settled
from hostlift.replicate.sending.reader import Reader, Reading
from hostlift.replicate.sending.staging import Todo

FULL_BYTES = 4 << 20
FULL_OPS = 1024


class Draft:
    """Operations on one volume."""

    def __init__(self, vol: int, phase: int) -> None:
        self.vol = vol
        self.phase = phase
        self.outcomes: list[Outcome] = []
        self._ops: list[ops.Op] = []
        self._data: list[bytes | memoryview] = []
        self._size = 0

    def add(self, op: ops.Op, outcome: Outcome, data: bytes | memoryview = b"") -> None:
        """One more operation."""
        self._ops.append(op)
        self.outcomes.append(outcome)
        if len(data):
            self._data.append(data)
        self._size += len(data) + 200

    @property
    def full(self) -> bool:
        """True when it is time to send it."""
        return self._size >= FULL_BYTES or len(self._ops) >= FULL_OPS

    def __bool__(self) -> bool:
        return bool(self._ops)

    def frame(self, number: int, volume: str, compressor: zstandard.ZstdCompressor | None) -> bytes:
        """The batch as it goes over the wire."""
        payload = ops.pack(self._ops, self._data)
        codec, body = ops.compress(payload, compressor)
        return encode(Batch(number, volume, self.phase, codec, len(payload), body))


@dataclass(frozen=True, slots=True)
class Desk:
    """What a job works with, one per stream."""

    reader: Reader
    ledger: Ledger


class Job(Protocol):
    """A piece of work for one stream."""

    def drafts(self, desk: Desk) -> Iterator[Draft]:
        """Read the source and say what to send."""
        ...


def settled(todo: Todo, reading: Reading, *, file: int = 0, final: bool = False) -> Settled:
    """What the acknowledgement of an object means.

    Args:
        file: The large file it completes.
        final: Nothing of the object is left for later in the pass.
    """
    st = reading.st
    pinned = (
        not final and reading.entry.kind is Kind.FILE and bool(reading.entry.meta.flags & PINNING)
    )
    calm = reading.settled and not reading.hot and not pinned
    row = Row(
        todo.key,
        int(reading.entry.kind),
        st.st_dev,
        st.st_ino,
        st.st_ctime_ns,
        reading.entry.size,
        State.SETTLED if calm else State.DOUBT,
        todo.anchor,
        reading.entry.pack(),
    )
    return Settled(todo, row, file, pinned)
