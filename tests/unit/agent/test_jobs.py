# SPDX-License-Identifier: Apache-2.0
"""Jobs: one at a time, content-addressed, ends kept, deaths forgotten."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hostlift.agent.jobs import JobStore, Tell, Work
from hostlift.errors import AdaptError, AgentRefused, HostliftError
from hostlift.model.adaptation import AdaptReport
from hostlift.remote.messages import (
    JobKind,
    JobOrder,
    JobResult,
    JobState,
    JobStatus,
    Prepared,
    Reread,
    Sealed,
    SealOrder,
)
from hostlift.remote.wire import job_id

DEADLINE = 10.0


def _order(nonce: str = "1") -> JobOrder:
    return JobOrder(kind=JobKind.SEAL, seal=SealOrder(nonce=nonce))


class Worker:
    """Does orders under the test's control."""

    def __init__(self, result: JobResult | Exception | None = None) -> None:
        self.result = result or Sealed(checks={})
        self.done = 0
        self.started = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def __call__(self, _job: str, _order: JobOrder, tell: Tell) -> JobResult:
        tell("sealing", 1, 4, "steps")
        self.started.set()
        assert self.go.wait(DEADLINE)
        self.done += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def _finished(store: JobStore, order: JobOrder, attempt: str = "a") -> JobStatus:
    return store.wait(store.submit(order, attempt).id, DEADLINE)


def test_a_job_runs_and_its_end_survives_the_agent(tmp_path: Path) -> None:
    """Another process finds the status of a finished job."""
    status = _finished(JobStore(tmp_path, Worker(Sealed(checks={"v": "clean"}))), _order())
    assert status.state is JobState.DONE
    assert status.sealed == Sealed(checks={"v": "clean"})
    assert status.id == job_id(_order())
    assert JobStore(tmp_path, Worker()).wait(status.id, 0) == status


def test_the_same_attempt_is_the_same_run(tmp_path: Path) -> None:
    """A POST repeated because its answer was lost starts nothing, before or after a crash."""
    worker = Worker()
    store = JobStore(tmp_path, worker)
    first = _finished(store, _order())
    assert store.submit(_order(), "a") == first
    assert JobStore(tmp_path, worker).submit(_order(), "a") == first
    assert worker.done == 1


def test_another_attempt_runs_it_anew(tmp_path: Path) -> None:
    """A client that asks again wants it made so again."""
    worker = Worker()
    store = JobStore(tmp_path, worker)
    _finished(store, _order())
    _finished(store, _order(), "b")
    assert worker.done == 2


def test_a_second_job_waits_its_turn(tmp_path: Path) -> None:
    """While one runs, another order is refused as busy, the same attempt is shown progress."""
    worker = Worker()
    worker.go.clear()
    store = JobStore(tmp_path, worker)
    running = store.submit(_order(), "a")
    assert worker.started.wait(DEADLINE)
    assert store.busy
    with pytest.raises(AgentRefused) as refused:
        store.submit(_order("2"), "b")
    assert refused.value.agent_code == "agent.busy"
    shown = store.submit(_order(), "a")
    assert (shown.state, shown.label, shown.done, shown.total) == (
        JobState.RUNNING,
        "sealing",
        1,
        4,
    )
    worker.go.set()
    assert store.wait(running.id, DEADLINE).state is JobState.DONE
    assert not store.busy


def test_a_job_that_was_running_when_the_agent_died_is_forgotten(tmp_path: Path) -> None:
    """Not even its earlier end is shown: it is not true any more."""
    worker = Worker()
    store = JobStore(tmp_path, worker)
    _finished(store, _order())
    worker.go.clear()
    key = store.submit(_order(), "b").id
    with pytest.raises(AgentRefused) as refused:
        JobStore(tmp_path, Worker()).wait(key, 0)
    assert refused.value.agent_code == "agent.forgot"
    worker.go.set()
    store.wait(key, DEADLINE)


def test_an_error_becomes_a_refusal(tmp_path: Path) -> None:
    """Code, message, subject and hint of the error reach the client."""
    error = AdaptError("no kernel found", subject="boot", hint="install one")
    status = _finished(JobStore(tmp_path, Worker(error)), _order())
    assert status.state is JobState.FAILED
    assert status.error is not None
    assert (status.error.code, status.error.message, status.error.subject, status.error.hint) == (
        "adapt",
        "no kernel found",
        "boot",
        "install one",
    )


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device", "/mnt/x"), "host", "No space"),
        (ZeroDivisionError("oops"), "internal", "ZeroDivisionError: oops"),
        (HostliftError("odd"), "internal", "odd"),
    ],
)
def test_no_end_is_silent(tmp_path: Path, error: Exception, code: str, words: str) -> None:
    """Even a defect ends the job; it never looks as if it ran for ever."""
    status = _finished(JobStore(tmp_path, Worker(error)), _order())
    assert status.error is not None
    assert status.error.code == code
    assert words in status.error.message


@pytest.mark.parametrize(
    ("result", "field"),
    [
        (Prepared(volumes=()), "prepared"),
        (Reread(entries={"v": 3}, bytes=9), "reread"),
        (AdaptReport(edits=()), "adapted"),
        (Sealed(checks={}), "sealed"),
    ],
)
def test_each_result_has_its_field(tmp_path: Path, result: JobResult, field: str) -> None:
    """The status carries the answer where `messages` says."""
    status = _finished(JobStore(tmp_path, Worker(result)), _order())
    assert getattr(status, field) == result


@pytest.mark.parametrize("key", ["", "..", "0" * 63, "../../etc/passwd", "0" * 64])
def test_an_unknown_id_is_forgotten_whatever_it_looks_like(tmp_path: Path, key: str) -> None:
    """No id leads out of the folder."""
    work: Work = Worker()
    with pytest.raises(AgentRefused):
        JobStore(tmp_path, work).wait(key, 0)
