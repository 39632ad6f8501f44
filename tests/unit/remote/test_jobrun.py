# SPDX-License-Identifier: Apache-2.0
"""A job through everything that can happen on the way."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import IO

import pytest
from fakes.clock import FakeClock

from hostlift.errors import AgentRefused, AgentUnreachable, Interrupted
from hostlift.events import Event, Progress
from hostlift.remote.channel import Answer
from hostlift.remote.jobrun import JobRun, Pace, Report
from hostlift.remote.messages import (
    JobKind,
    JobOrder,
    JobState,
    JobStatus,
    Refusal,
    Sealed,
    SealOrder,
)
from hostlift.remote.wire import ATTEMPT_HEADER, to_json

ORDER = JobOrder(kind=JobKind.SEAL, seal=SealOrder(nonce="1"))
RUNNING = JobStatus(
    id="0", kind=JobKind.SEAL, state=JobState.RUNNING, done=3, total=9, unit="steps"
)
DONE = JobStatus(
    id="0", kind=JobKind.SEAL, state=JobState.DONE, sealed=Sealed(checks={"v": "clean"})
)
LOST = AgentUnreachable("reset", subject="1.2.3.4:8080")

Step = JobStatus | Refusal | AgentUnreachable


class ScriptedChannel:
    """Answers from a list; the last one for ever."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.calls: list[tuple[str, str]] = []

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 0,
    ) -> Answer:
        self.calls.append((method, (headers or {}).get(ATTEMPT_HEADER, "")))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, AgentUnreachable):
            raise step
        return Answer(500 if isinstance(step, Refusal) else 200, to_json(step))

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]


def _run(
    channel: ScriptedChannel,
    *,
    stop: threading.Event | None = None,
    supplies: bool = False,
    events: list[Event] | None = None,
) -> JobStatus:
    pace = Pace(FakeClock(), stop, 60.0)
    report = Report((events if events is not None else []).append, "adapt", "sealing")
    run = JobRun(channel, ORDER, pace, report, lambda: supplies)  # type: ignore[arg-type]
    return run.to_its_end()


def test_a_job_is_posted_once_and_watched_to_its_end() -> None:
    """One POST, then questions; the user sees how far it is."""
    channel = ScriptedChannel(RUNNING, RUNNING, DONE)
    events: list[Event] = []
    assert _run(channel, events=events) == DONE
    assert channel.methods == ["POST", "GET", "GET"]
    assert events[0] == Progress("adapt", "sealing", 3, 9, "steps")


def test_a_lost_connection_is_mended() -> None:
    """Before the answer to the POST the same attempt is posted again; afterwards it is asked."""
    channel = ScriptedChannel(LOST, LOST, RUNNING, LOST, DONE)
    assert _run(channel) == DONE
    assert channel.methods == ["POST", "POST", "POST", "GET", "GET"]
    assert len({attempt for method, attempt in channel.calls if method == "POST"}) == 1


def test_a_forgotten_job_is_posted_again() -> None:
    """The agent was killed while it ran: it is started again."""
    forgot = Refusal(code="agent.forgot", message="no such job")
    channel = ScriptedChannel(RUNNING, forgot, RUNNING, DONE)
    assert _run(channel) == DONE
    assert channel.methods == ["POST", "GET", "POST", "GET"]


def test_a_job_that_kills_the_agent_every_time_is_given_up() -> None:
    """It is not started for ever."""
    forgot = Refusal(code="agent.forgot", message="no such job")
    channel = ScriptedChannel(*([RUNNING, forgot] * 10))
    with pytest.raises(AgentRefused, match="no such job"):
        _run(channel)
    assert channel.methods.count("POST") == 6


def test_an_earlier_job_is_waited_for() -> None:
    """What a client that died had ordered ends first."""
    busy = Refusal(code="agent.busy", message="another job is still running")
    channel = ScriptedChannel(busy, busy, RUNNING, DONE)
    assert _run(channel) == DONE


def test_a_bootstrap_is_given_its_archive() -> None:
    """The agent lost its archive: it is supplied, then the job is posted."""
    stage = Refusal(code="agent.stage", message="archive awaited")
    assert _run(ScriptedChannel(stage, DONE), supplies=True) == DONE
    with pytest.raises(AgentRefused):
        _run(ScriptedChannel(stage, DONE), supplies=False)


def test_a_failed_job_raises_what_the_agent_said() -> None:
    """Code and hint of the error there."""
    why = Refusal(code="host.command", message="mkfs failed", subject="mkfs.ext4", hint="look")
    failed = JobStatus(id="0", kind=JobKind.SEAL, state=JobState.FAILED, error=why)
    with pytest.raises(AgentRefused, match="mkfs failed") as refused:
        _run(ScriptedChannel(RUNNING, failed))
    assert refused.value.agent_code == "host.command"
    assert refused.value.hint == "look"


def test_patience_ends() -> None:
    """An agent that never answers again is an error that says so."""
    with pytest.raises(AgentUnreachable, match="reset"):
        _run(ScriptedChannel(RUNNING, LOST))


def test_a_wish_to_stop_is_heeded() -> None:
    """Ctrl-C ends the wait between two questions."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        _run(ScriptedChannel(RUNNING), stop=stop)


def test_pauses_grow_and_stay_bounded() -> None:
    """Jitter never makes a pause longer than its bound."""
    clock = FakeClock()
    pace = Pace(clock, None, 1000.0)
    for _ in range(20):
        assert pace.pause()
    assert max(clock.slept) <= 3.0
    assert min(clock.slept[10:]) >= 1.5
