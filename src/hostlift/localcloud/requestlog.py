# SPDX-License-Identifier: Apache-2.0
"""What was asked and what went wrong, one JSON object per line; never a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from hostlift.localcloud.clock import Clock
from hostlift.localcloud.wire.answer import Answer
from hostlift.localcloud.wire.message import loggable
from hostlift.localcloud.wire.times import to_second

FILE = "requests.jsonl"


class RequestLog:
    """Appends to ``requests.jsonl``; lines are whole even when threads write together."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = (folder / FILE).open("a", encoding="utf-8", buffering=1)
        self._clock = clock
        self._lock = Lock()

    def request(
        self,
        *,
        method: str,
        action: str,
        parameters: Mapping[str, str],
        answer: Answer,
        request_id: str,
        milliseconds: float,
    ) -> None:
        """Note a call."""
        self._write(
            {
                "method": method,
                "action": action,
                "parameters": loggable(parameters),
                "status": answer.status,
                "code": answer.code,
                "request_id": request_id,
                "ms": round(milliseconds, 1),
            }
        )

    def trouble(self, job: str, reason: str) -> None:
        """Note work in the background that failed."""
        self._write({"job": job, "trouble": reason})

    def close(self) -> None:
        """Close the file; what comes later is dropped."""
        with self._lock:
            self._file.close()

    def _write(self, entry: Mapping[str, object]) -> None:
        line = json.dumps({"at": to_second(self._clock.now()), **entry}, ensure_ascii=False)
        with self._lock:
            if not self._file.closed:
                self._file.write(f"{line}\n")
