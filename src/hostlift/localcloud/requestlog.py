# SPDX-License-Identifier: Apache-2.0
"""What was asked and what went wrong, one JSON object per line; never a secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import StringIO
from pathlib import Path

from hostlift.localcloud.clock import Clock
from hostlift.localcloud.wire.answer import Answer
from hostlift.localcloud.wire.message import loggable
from hostlift.localcloud.wire.times import to_second

FILE = "requests.jsonl"
_POLL = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A call, as it is noted.

    Attributes:
        account: Name of the caller's account; with ``caller`` empty when the key is not known.
        faults: Kinds of the faults that struck it.
    """

    method: str
    product: str
    action: str
    parameters: Mapping[str, str]
    account: str
    caller: str
    answer: Answer
    request_id: str
    milliseconds: float
    faults: tuple[str, ...] = ()


class RequestLog:
    """Appends to ``requests.jsonl``; lines are whole even when threads write together.

    Args:
        folder: The cloud's; None keeps the lines in memory.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._file = (
            (folder / FILE).open("a", encoding="utf-8", buffering=1) if folder else StringIO()
        )
        self._clock = clock
        self._lock = threading.Lock()

    def request(self, entry: Entry) -> None:
        """Note a call."""
        answer = entry.answer
        self._write(
            {
                "account": entry.account,
                "caller": entry.caller,
                "method": entry.method,
                "product": entry.product,
                "action": entry.action,
                "parameters": loggable(entry.parameters),
                "status": answer.status,
                "code": answer.code,
                "request_id": entry.request_id,
                "ms": round(entry.milliseconds, 1),
                **({"lost": True} if answer.lost else {}),
                **({"faults": list(entry.faults)} if entry.faults else {}),
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of a log to read.

    Attributes:
        action: A pattern of action names; empty: any, and troubles too.
        failed: Only refused calls, lost answers and troubles.
    """

    action: str = ""
    failed: bool = False

    def fits(self, line: Mapping[str, object]) -> bool:
        """Whether a line is wanted."""
        if self.action and not fnmatchcase(str(line.get("action", "")), self.action):
            return False
        return not self.failed or bool(line.get("code") or line.get("lost") or "trouble" in line)


def read_log(folder: Path, wanted: Wanted, *, follow: bool = False) -> Iterator[dict[str, object]]:
    """Lines of a log, oldest first; with ``follow`` it waits for more, for ever.

    A line that was cut by a crash is passed over.
    """
    pause = threading.Event()
    rest = ""
    try:
        file = (folder / FILE).open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    with file:
        while True:
            chunk = file.read()
            *lines, rest = (rest + chunk).split("\n")
            yield from (found for line in lines if (found := _parsed(line)) and wanted.fits(found))
            if not chunk and not follow:
                return
            if not chunk:
                pause.wait(_POLL)


def _parsed(line: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
