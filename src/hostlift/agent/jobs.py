# SPDX-License-Identifier: Apache-2.0
"""What the agent was told to do: one job at a time, its end kept on disk.

A job belongs to an *attempt*, the word a client made up for one call: posting again within the
attempt shows the job, posting under another attempt runs it anew (every job may be run twice).
A job that was running when the agent died is forgotten, and its earlier end with it.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hostlift.errors import AgentRefused, HostliftError
from hostlift.host.files import atomic_write, fsync_folder
from hostlift.model.adaptation import AdaptReport
from hostlift.remote.messages import (
    Cloned,
    JobOrder,
    JobResult,
    JobState,
    JobStatus,
    Prepared,
    Refusal,
    Reread,
    Restored,
    Sealed,
)
from hostlift.remote.wire import from_json, job_id, to_json

if TYPE_CHECKING:
    from pathlib import Path

Tell = Callable[[str, int, int, str], None]
"""Progress of a job: label, done, total, unit."""
Work = Callable[[str, JobOrder, Tell], JobResult]
"""Does an order; the first argument is the job's id."""
_ID = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A job as it is kept."""

    attempt: str
    status: JobStatus


class JobStore:
    """The jobs of this agent.

    Args:
        folder: Where finished jobs are kept.
        work: Does an order.
    """

    def __init__(self, folder: Path, work: Work) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._work = work
        self._changed = threading.Condition()
        self._running: Record | None = None

    @property
    def busy(self) -> bool:
        """True while a job runs."""
        with self._changed:
            return self._running is not None

    def submit(self, order: JobOrder, attempt: str) -> JobStatus:
        """Start a job, or show it when this attempt started it before.

        Raises:
            AgentRefused: Another job is running (``agent.busy``).
        """
        key = job_id(order)
        with self._changed:
            known = self._find(key)
            if known is not None and known.attempt == attempt:
                return known.status
            if self._running is not None:
                raise AgentRefused(
                    "another job is still running",
                    subject=self._running.status.kind,
                    hint="Wait for its end.",
                    agent_code="agent.busy",
                )
            self._forget(key)
            status = JobStatus(id=key, kind=order.kind, state=JobState.RUNNING)
            self._running = Record(attempt=attempt, status=status)
        threading.Thread(target=self._run, args=(key, order), name=order.kind, daemon=True).start()
        return status

    def wait(self, key: str, seconds: float) -> JobStatus:
        """Where a job is; waits up to ``seconds`` for its end.

        Raises:
            AgentRefused: There is no such job (``agent.forgot``).
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_running(key), timeout=seconds)
            record = self._find(key)
        if record is None:
            raise AgentRefused(
                "no such job, or it was running when the agent was restarted",
                subject=key,
                hint="Order it again.",
                agent_code="agent.forgot",
            )
        return record.status

    def _run(self, key: str, order: JobOrder) -> None:
        _log.info("%s %s: started", order.kind, key[:8])
        try:
            result = self._work(key, order, self._tell)
        except HostliftError as error:
            self._fail(refusal(error))
        except OSError as error:
            self._fail(
                Refusal(
                    code="host",
                    message=error.strerror or str(error),
                    subject=os.fsdecode(error.filename or ""),
                )
            )
        except Exception as error:  # noqa: BLE001 - see below
            # The agent loop, one of the three places that catch everything: without it a defect
            # would look like a job that runs for ever.
            _log.exception("%s %s: defect", order.kind, key[:8])
            self._fail(Refusal(code="internal", message=f"{type(error).__name__}: {error}"))
        else:
            self._end(lambda status: _done(status, result))

    def _fail(self, why: Refusal) -> None:
        self._end(lambda status: replace(status, state=JobState.FAILED, error=why))

    def _end(self, final: Callable[[JobStatus], JobStatus]) -> None:
        with self._changed:
            if self._running is None:
                raise RuntimeError("a job ended that was not running")
            record = replace(self._running, status=final(self._running.status))
            status = record.status
            atomic_write(self._path(status.id), to_json(record))
            self._running = None
            self._changed.notify_all()
        why = f": {status.error.subject}: {status.error.message}" if status.error else ""
        _log.info("%s %s: %s%s", status.kind, status.id[:8], status.state, why)

    def _tell(self, label: str, done: int, total: int, unit: str) -> None:
        with self._changed:
            if self._running is not None:
                status = replace(
                    self._running.status, label=label, done=done, total=total, unit=unit
                )
                self._running = replace(self._running, status=status)

    def _is_running(self, key: str) -> bool:
        return self._running is not None and self._running.status.id == key

    def _find(self, key: str) -> Record | None:
        if self._running is not None and self._running.status.id == key:
            return self._running
        if not _ID.fullmatch(key):
            return None
        try:
            return from_json(Record, self._path(key).read_bytes())
        except FileNotFoundError:
            return None

    def _forget(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)
        fsync_folder(self._folder)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def refusal(error: HostliftError) -> Refusal:
    """An error as it is told to the client."""
    code = error.agent_code if isinstance(error, AgentRefused) else ""
    return Refusal(
        code=code or error.code, message=error.message, subject=error.subject, hint=error.hint
    )


def _done(status: JobStatus, result: JobResult) -> JobStatus:
    done = replace(status, state=JobState.DONE, label="", done=100, total=100, unit="%")
    match result:
        case Prepared():
            return replace(done, prepared=result)
        case Reread():
            return replace(done, reread=result)
        case AdaptReport():
            return replace(done, adapted=result)
        case Restored():
            return replace(done, restored=result)
        case Sealed():
            return replace(done, sealed=result)
        case Cloned():
            return replace(done, cloned=result)
