# SPDX-License-Identifier: Apache-2.0
"""Small files as a job of a stream: read by the stream itself, or by a process beside it.

Python runs one thread of a process at a time. While a process of its own reads and packs, a stream
encrypts, sends and writes down what was acknowledged. It costs 20 MiB and a third of a second of a processor, so a
pass begins without, and a limit on processor time, a frozen source or a single processor leave it so.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from hostlift.errors import HostError
from hostlift.host.command import end_group, spawn
from hostlift.replicate.sending.draft import Desk, Draft, Job
from hostlift.replicate.sending.large import LargeJob
from hostlift.replicate.sending.ledger import Ledger
from hostlift.replicate.sending.options import PassOptions
from hostlift.replicate.sending.outcomes import Settled, Todo
from hostlift.replicate.sending.reading.process import describe
from hostlift.replicate.sending.reading.small import SmallReading
from hostlift.replicate.sending.reading.wire import Asked, Parcel, Pipe, Told
from hostlift.replicate.source import SourceVolume

_PROCESS = "hostlift.replicate.sending.reading.process"
_BUFFER = 4 << 20
_SMALL = 24 << 10
"""Bytes. Of 40,000 files of 1 to 8 KiB a helper saves an eighth of the time, of a whole root system
with 36 KiB a file it costs more than it saves."""


@dataclass(frozen=True, slots=True)
class SmallJob:
    """Small files, links, devices: a batch, or a few when they have grown."""

    vol: int
    todos: tuple[Todo, ...]
    phase: int

    def drafts(self, desk: Desk) -> Iterator[Draft]:
        """See `Job`."""
        reading = SmallReading(desk.reader, desk.ledger, self.phase)
        drafts = reading.drafts(self.vol, self.todos)
        while draft := self._next(drafts, desk):
            yield draft
        for todo in reading.large:
            yield from LargeJob(todo, self.phase).drafts(desk)

    @staticmethod
    def _next(drafts: Iterator[Draft], desk: Desk) -> Draft | None:
        with desk.turn:
            draft = next(drafts, None)
        if draft is not None:
            desk.ledger.advance(draft.planned, draft.read)
        return draft

    @property
    def is_many(self) -> bool:
        """Its objects are work rather than their bytes, which would go through a pipe once more."""
        return sum(todo.size for todo in self.todos) < len(self.todos) * _SMALL

    def rest(self, taken: int) -> SmallJob:
        """All but the first ``taken`` objects."""
        return SmallJob(self.vol, self.todos[taken:], self.phase)


class Helper:
    """Reads for one stream in a process of its own, once the pass has proved to be a long one."""

    def __init__(
        self, volumes: Mapping[int, SourceVolume], desk: Desk, options: PassOptions
    ) -> None:
        self._volumes = dict(volumes)
        self._desk = desk
        self._options = options
        self._process: _Process | None = None
        self._failed = False

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def takes(self, job: Job) -> TypeGuard[SmallJob]:
        """Whether a job is one for a helper, and helpers are of use."""
        return isinstance(job, SmallJob) and job.is_many and self._is_wanted()

    def drafts(self, job: SmallJob) -> Iterator[Draft]:
        """The batches of a job as they are read; what a process that died did not read is read here."""
        todos = {todo.key: todo for todo in job.todos}
        taken = 0
        try:
            if self._process is None:
                self._process = _Process(self._volumes, job.phase, self._options.hot_retries)
            pipe = self._process.pipe
            pipe.ask(self._asked(job))
            while isinstance(answer := pipe.answered(), Parcel):
                draft = _draft(job, answer, todos)
                taken = draft.taken
                self._desk.ledger.advance(draft.planned, draft.read)
                yield draft
        except (EOFError, OSError, HostError):
            self._failed = True
            self.close()
            yield from job.rest(taken).drafts(self._desk)
            return
        _note(self._desk.ledger, job.vol, answer, todos)
        for key in answer.large:
            yield from LargeJob(todos[key], job.phase).drafts(self._desk)

    def _is_wanted(self) -> bool:
        options = self._options
        return (
            options.helpers
            and not options.final
            and not self._failed
            and not options.cpu_limit()
            and self._desk.ledger.objects >= options.helpers_after
        )

    def _asked(self, job: SmallJob) -> Asked:
        synced = self._desk.ledger.synced
        trees = {tree: at for (vol, tree), at in synced.items() if vol == job.vol}
        return Asked(job.vol, trees, list(job.todos))


class _Process:
    """A reading process and our end of its pipe."""

    def __init__(self, volumes: dict[int, SourceVolume], phase: int, retries: int) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs, contextlib.ExitStack() as roots:
                for sock in (ours, theirs):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
                opened = {
                    (vol, index): _open(roots, tree.path)
                    for vol, source in volumes.items()
                    for index, tree in enumerate(source.trees)
                }
                words = [str(theirs.fileno()), describe(volumes, opened), str(phase), str(retries)]
                self._process = spawn(
                    [sys.executable, "-m", _PROCESS, *words],
                    env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                    pass_fds=(theirs.fileno(), *opened.values()),
                )
        except BaseException:
            ours.close()
            raise
        self._sock = ours
        self.pipe = Pipe(ours)

    def close(self) -> None:
        """End it."""
        self._sock.close()
        end_group(self._process)


def _open(roots: contextlib.ExitStack, path: os.PathLike[str] | bytes) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    roots.callback(os.close, fd)
    return fd


def _draft(job: SmallJob, parcel: Parcel, todos: Mapping[bytes, Todo]) -> Draft:
    outcomes = (Settled(todos[row.key], row, 0, pinned) for row, pinned in parcel.rows)
    draft = Draft(job.vol, job.phase)
    draft.fill(outcomes, parcel.payload)
    draft.taken, draft.planned, draft.read = parcel.taken, parcel.planned, parcel.read
    return draft


def _note(ledger: Ledger, vol: int, told: Told, todos: Mapping[bytes, Todo]) -> None:
    for _ in range(told.gone):
        ledger.gone()
    for key, reason in told.found:
        ledger.found(vol, key, reason)
    for key in told.hot:
        ledger.is_hot(todos[key])
