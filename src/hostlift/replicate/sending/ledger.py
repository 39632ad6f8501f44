# SPDX-License-Identifier: Apache-2.0
"""Writes down what was acknowledged, and counts what a pass does. Shared by all streams."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hostlift.errors import DigestMismatch
from hostlift.events import EventSink, Progress
from hostlift.ports.clock import Clock
from hostlift.replicate.fs.attributes import show
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.protocol import Problem, Trouble
from hostlift.replicate.rows import Row, State
from hostlift.replicate.sending.chunks import ChunkBook
from hostlift.replicate.sending.options import Loss, PassReport
from hostlift.replicate.sending.outcomes import (
    Begun,
    Chunked,
    Outcome,
    Punched,
    Removed,
    Settled,
    Todo,
)
from hostlift.replicate.sending.staging import Staging
from hostlift.replicate.source import path_of

_MOST_FINDINGS = 5000
_MOST_HOT = 10_000
_MOST_TRIES = 5
_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class _Good:
    """What one acknowledgement adds to the books."""

    rows: list[Row] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)
    chunks: list[tuple[int, int, bytes]] = field(default_factory=list)


class Ledger:
    """The books of one pass.

    Attributes:
        synced: When the sync of a (volume, tree) began, in seconds since 1970.
    """

    def __init__(
        self,
        manifest: Manifest,
        staging: Staging,
        names: Mapping[int, str],
        *,
        sink: EventSink,
        clock: Clock,
        step: str,
    ) -> None:
        self.manifest = manifest
        self.staging = staging
        self.chunks = ChunkBook(manifest)
        self.names = names
        self.synced: dict[tuple[int, int], float] = {}
        self.total = 0
        self.done = 0
        self.bytes_read = 0
        self.bytes_sent = 0
        self.objects = 0
        self.deleted = 0
        self.vanished = 0
        self.hot: set[tuple[int, bytes]] = set()
        self.findings: list[Loss] = []
        self._again: list[Todo] = []
        self._tries: dict[tuple[int, bytes], int] = {}
        self._broken: set[tuple[int, bytes]] = set()
        self._sink = sink
        self._clock = clock
        self._step = step
        self._shown = clock.monotonic()
        self._lock = threading.Lock()

    def report(self, *, looked_at: int, seconds: float, unsettled: int) -> PassReport:
        """What the pass did."""
        return PassReport(
            looked_at=looked_at,
            files=self.objects,
            bytes_read=self.bytes_read,
            bytes_sent=self.bytes_sent,
            deleted=self.deleted,
            hot=tuple(sorted(f"{self.names[v]}:".encode() + path_of(k) for v, k in self.hot)),
            seconds=seconds,
            vanished=self.vanished,
            findings=tuple(self.findings),
            unsettled=unsettled,
        )

    def advance(self, done: int, read: int) -> None:
        """Content of the source was dealt with: ``done`` bytes of it, ``read`` of them read."""
        with self._lock:
            self.done += done
            self.bytes_read += read
            now = self._clock.monotonic()
            if now - self._shown < _EVERY_SECONDS:
                return
            self._shown = now
        self._sink(Progress(self._step, "files", self.done, max(self.total, self.done)))

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock.now()

    def sent(self, count: int) -> None:
        """Bytes went out."""
        with self._lock:
            self.bytes_sent += count

    def gone(self) -> None:
        """An object vanished before it was read."""
        with self._lock:
            self.vanished += 1

    def found(self, vol: int, key: bytes, reason: str) -> None:
        """Something could not be kept."""
        with self._lock:
            if len(self.findings) < _MOST_FINDINGS:
                loss = Loss(volume=self.names[vol], path=path_of(key), reason=reason)
                self.findings.append(loss)

    def is_hot(self, todo: Todo) -> None:
        """It changed while it was read."""
        with self._lock:
            if len(self.hot) < _MOST_HOT:
                self.hot.add((todo.vol, todo.key))

    def is_calm(self, todo: Todo) -> None:
        """It was read again, undisturbed."""
        with self._lock:
            self.hot.discard((todo.vol, todo.key))

    def again(self, todo: Todo) -> None:
        """Send it once more in this pass.

        Raises:
            DigestMismatch: It did not arrive intact time after time.
        """
        where = (todo.vol, todo.key)
        with self._lock:
            self._tries[where] = tries = self._tries.get(where, 0) + 1
            if tries <= _MOST_TRIES:
                self._again.append(todo)
                return
        raise DigestMismatch(
            f"arrived damaged {tries} times",
            subject=f"{self.names[todo.vol]}:{show(path_of(todo.key))}",
        )

    @property
    def has_again(self) -> bool:
        """True when something is to be sent once more."""
        return bool(self._again)

    def take_again(self) -> list[Todo]:
        """What is to be sent once more, each once."""
        with self._lock:
            found, self._again = self._again, []
            self._broken.clear()
        return list({(t.vol, t.key): t for t in found}.values())

    def acknowledged(
        self, vol: int, outcomes: Sequence[Outcome], problems: Sequence[Problem]
    ) -> None:
        """A batch is durable at the target; write that down, durably."""
        troubles = {p.index: p for p in problems}
        good = _Good()
        for index, outcome in enumerate(outcomes):
            if index not in troubles or self._weather(vol, outcome, troubles[index], good):
                self._note(vol, outcome, good)
        if good.chunks:
            self.chunks.arrived(good.chunks)
        if good.rows:
            self.manifest.settle(vol, good.rows)
        if good.removed:
            self.manifest.forget(vol, good.removed)
        with self._lock:
            self.objects += len(good.rows)
            self.deleted += len(good.removed)

    def _note(self, vol: int, outcome: Outcome, good: _Good) -> None:
        match outcome:
            case Settled():
                good.rows.append(self._settle(vol, outcome))
            case Removed():
                if not outcome.kept:
                    good.removed.append(outcome.key)
            case Chunked():
                good.chunks.append((outcome.file, outcome.index, outcome.digest))
            case Punched():
                self.chunks.punched(outcome.file, outcome.low, outcome.high)
            case Begun() | None:
                pass

    def _settle(self, vol: int, outcome: Settled) -> Row:
        if outcome.pinned:
            self.staging.pin(vol, outcome.todo.tree, outcome.row.key)
        broken = (vol, outcome.row.key) in self._broken
        if outcome.file and not broken:
            self.chunks.complete(outcome.file, outcome.row.size)
        return outcome.row._replace(state=State.DOUBT) if broken else outcome.row

    def _weather(self, vol: int, outcome: Outcome, problem: Problem, good: _Good) -> bool:
        """Deal with trouble; True when the outcome stands nevertheless."""
        key = _key_of(outcome)
        if problem.trouble is Trouble.PARTIAL:
            self.found(vol, key, problem.reason)
            return True
        todo = outcome.todo if isinstance(outcome, Settled | Chunked | Punched | Begun) else None
        if todo is not None and problem.trouble in {Trouble.MISMATCH, Trouble.MISSING}:
            is_link = todo.anchor is not None and todo.anchor != todo.key
            if not is_link:
                self._retry(vol, todo, problem)
                return False
        self.found(vol, key, problem.reason)
        if isinstance(outcome, Settled):
            good.rows.append(outcome.row._replace(state=State.DOUBT))
        return False

    def _retry(self, vol: int, todo: Todo, problem: Problem) -> None:
        with self._lock:
            first = (vol, todo.key) not in self._broken
            self._broken.add((vol, todo.key))
        if problem.trouble is Trouble.MISSING:
            self.chunks.drop(vol, todo.key)
        if first:
            self.again(todo)


def _key_of(outcome: Outcome) -> bytes:
    match outcome:
        case None:
            return b"."
        case Removed():
            return outcome.key
        case _:
            return outcome.todo.key
