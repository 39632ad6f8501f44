# SPDX-License-Identifier: Apache-2.0
"""Slow work on threads of its own; never two threads on the same object.

A job is a name, not a closure: what there is to do is read from the account when it runs, so a
job may come twice, or again after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread

from hostlift.localcloud.clock import Clock


@dataclass(frozen=True, slots=True)
class Job:
    """Something to look after: a kind of object and its id."""

    kind: str
    id: str


class Jobs:
    """A queue by due time.

    Args:
        clock: Its monotonic time decides what is due.
        work: Does a job; returns the seconds after which to do it again, or None.
    """

    def __init__(self, clock: Clock, work: Callable[[Job], float | None]) -> None:
        self._clock = clock
        self._work = work
        self._due: dict[Job, float] = {}
        self._running: set[Job] = set()
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._stopping = False

    def add(self, job: Job, delay: float = 0.0) -> None:
        """Do ``job`` in ``delay`` seconds, or earlier if it waits already for an earlier time."""
        with self._changed:
            due = self._clock.monotonic() + delay
            self._due[job] = min(due, self._due.get(job, due))
            self._changed.notify_all()

    def run_due(self) -> int:
        """Do all that is due, in this thread; returns how many jobs ran."""
        done = 0
        while (job := self._take(wait=False)) is not None:
            self._run(job)
            done += 1
        return done

    def next_due(self) -> float | None:
        """When, of the clock's monotonic time, the next waiting job is due."""
        with self._changed:
            return min(self._due.values(), default=None)

    def start(self, workers: int) -> None:
        """Start the threads."""
        for number in range(workers):
            thread = Thread(target=self._serve, name=f"localcloud-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the jobs under way, start no other."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _serve(self) -> None:
        while (job := self._take(wait=True)) is not None:
            self._run(job)

    def _run(self, job: Job) -> None:
        again: float | None = None
        try:
            again = self._work(job)
        finally:
            with self._changed:
                self._running.discard(job)
                self._changed.notify_all()
            if again is not None:
                self.add(job, again)

    def _take(self, *, wait: bool) -> Job | None:
        with self._changed:
            while not self._stopping:
                ready = [j for j in self._due if j not in self._running]
                job = min(ready, key=self._due.__getitem__, default=None)
                pause = self._due[job] - self._clock.monotonic() if job is not None else None
                if job is not None and pause is not None and pause <= 0:
                    del self._due[job]
                    self._running.add(job)
                    return job
                if not wait:
                    return None
                self._changed.wait(pause)
            return None
