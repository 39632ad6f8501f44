# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

from fakes.clock import FakeClock

from hostlift.host.clock import SystemClock
from hostlift.localcloud.jobs import Job, Jobs


def test_a_job_runs_when_it_is_due_and_again_when_it_asks() -> None:
    """Order is by due time."""
    clock, ran = FakeClock(), []

    def work(job: Job) -> float | None:
        ran.append((job.id, clock.now()))
        return 5.0 if job.id == "b" and len(ran) < 3 else None

    jobs = Jobs(clock, work)
    jobs.add(Job("k", "a"), 2)
    jobs.add(Job("k", "b"), 1)
    assert jobs.run_due() == 0
    start = clock.now()
    for _ in range(8):
        clock.sleep(1)
        jobs.run_due()
    assert [(i, at - start) for i, at in ran] == [("b", 1), ("a", 2), ("b", 6)]


def test_a_job_added_twice_runs_once_at_the_earlier_time() -> None:
    """Names, not closures."""
    clock, ran = FakeClock(), []
    jobs = Jobs(clock, ran.append)
    jobs.add(Job("k", "a"), 10)
    jobs.add(Job("k", "a"), 0)
    jobs.run_due()
    clock.sleep(20)
    jobs.run_due()
    assert ran == [Job("k", "a")]


def test_the_same_job_never_runs_on_two_threads() -> None:
    """One that is added while it runs, runs again afterwards."""
    inside, most, count = 0, 0, 0
    begun, go_on, twice = threading.Event(), threading.Event(), threading.Event()

    def work(job: Job) -> None:
        nonlocal inside, most, count
        inside += 1
        count += 1
        most = max(most, inside)
        begun.set()
        assert go_on.wait(10)
        inside -= 1
        if count == 2:
            twice.set()

    jobs = Jobs(SystemClock(), work)
    jobs.start(3)
    jobs.add(Job("k", "a"))
    assert begun.wait(10)
    jobs.add(Job("k", "a"))
    go_on.set()
    assert twice.wait(10)
    jobs.stop()
    assert (most, count) == (1, 2)
