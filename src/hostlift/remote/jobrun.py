# SPDX-License-Identifier: Apache-2.0
"""One job from the order to its end: posted, watched, posted again when the agent forgot it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hostlift.errors import AgentRefused, AgentUnreachable, Interrupted
from hostlift.events import EventSink, Note, Progress
from hostlift.remote.messages import JobOrder, JobState, JobStatus, Refusal
from hostlift.remote.wire import ATTEMPT_HEADER, accepted, from_json, job_id, refused, to_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from hostlift.ports.clock import Clock
    from hostlift.remote.channel import Channel

_POLL_SECONDS = 2
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0
_MOST_LOSSES = 5
_RANDOM = secrets.SystemRandom()


class Pace:
    """How long to keep trying, and how fast: growing pauses with jitter, ended by ``stop``."""

    def __init__(self, clock: Clock, stop: threading.Event | None, patience: float) -> None:
        self._clock = clock
        self._stop = stop
        self._patience = patience
        self.fresh()

    def fresh(self) -> None:
        """Something worked: patience starts anew."""
        self._pause = _FIRST_PAUSE
        self._end = self._clock.monotonic() + self._patience

    @property
    def left(self) -> float:
        """Seconds of patience left, at least 1."""
        return max(self._end - self._clock.monotonic(), 1.0)

    def heed(self) -> None:
        """Raise Interrupted when the user asked to stop."""
        if self._stop is not None and self._stop.is_set():
            raise Interrupted("paused on request")

    def pause(self) -> bool:
        """Wait a little; False, without waiting, when patience is at its end."""
        self.heed()
        if self._clock.monotonic() >= self._end:
            return False
        self._clock.sleep(self._pause * _RANDOM.uniform(0.5, 1.0))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return True


class Report:
    """What the user is told meanwhile."""

    def __init__(self, sink: EventSink, step: str, label: str) -> None:
        self._sink = sink
        self._step = step
        self._label = label

    def bytes(self, done: int, total: int) -> None:
        """So many bytes of so many."""
        self._sink(Progress(self._step, self._label, done, total))

    def job(self, status: JobStatus) -> None:
        """Where a job is."""
        label = status.label or self._label
        self._sink(Progress(self._step, label, status.done, status.total, status.unit))

    def note(self, text: str) -> None:
        """A line that matters."""
        self._sink(Note(text, "warning"))


class JobRun:
    """See the module.

    Args:
        supply: Gives an agent that lost its archive a new one; False when there is none to give.
    """

    def __init__(
        self,
        channel: Channel,
        order: JobOrder,
        pace: Pace,
        report: Report,
        supply: Callable[[], bool],
    ) -> None:
        self._channel = channel
        self._body = to_json(order)
        self._path = f"/v1/jobs/{job_id(order)}?wait={_POLL_SECONDS}"
        self._headers = {"Content-Type": "application/json", ATTEMPT_HEADER: secrets.token_hex(16)}
        self._pace = pace
        self._report = report
        self._supply = supply
        self._known = False
        self._losses = 0

    def to_its_end(self) -> JobStatus:
        """The status of the finished job; errors as `AgentClient.run` says."""
        while True:
            self._pace.heed()
            try:
                status = self._ask()
            except AgentUnreachable as error:
                if not self._pace.pause():
                    raise
                self._report.note(f"{error}; trying again")
                continue
            except AgentRefused as error:
                self._mend(error)
                continue
            self._known = True
            self._pace.fresh()
            if status.state is JobState.FAILED:
                raise refused(
                    status.error or Refusal(code="agent", message="failed, not saying why")
                )
            self._report.job(status)
            if status.state is JobState.DONE:
                return status

    def _ask(self) -> JobStatus:
        if self._known:
            answer = self._channel.call("GET", self._path)
        else:
            answer = self._channel.call("POST", "/v1/jobs", body=self._body, headers=self._headers)
        return from_json(JobStatus, accepted(answer))

    def _mend(self, error: AgentRefused) -> None:
        """Do what a refusal asks for, or raise it."""
        match error.agent_code:
            case "agent.busy":
                # An earlier job of a client that died is still running; it ends by itself.
                self._pace.fresh()
                self._pace.pause()
            case "agent.forgot" if self._losses < _MOST_LOSSES:
                self._losses += 1
                self._known = False
                self._report.note("the agent was restarted; starting the job again")
            case "agent.stage" if self._losses < _MOST_LOSSES and self._supply():
                self._losses += 1
                self._known = False
            case _:
                raise error
