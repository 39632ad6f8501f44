# SPDX-License-Identifier: Apache-2.0
"""What a running process does right now, for others to look at: ``client_data.progress``.

Rewritten at most once a second and never read back for state: losing it loses nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hostlift.events import Event, EventSink, Note, Progress, StepFinished, StepStarted
from hostlift.ports.clock import Clock

_EVERY = 1.0
_SOONEST_RATE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The last that was heard.

    Attributes:
        at: Seconds since 1970.
        rate: ``unit`` a second since the label began; 0 while that is not known.
        left: Seconds that the label will take at that rate; 0 when that is not known.
        note: The last line for the user.
    """

    at: float = 0.0
    step: str = ""
    label: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    rate: float = 0.0
    left: float = 0.0
    note: str = ""


@contextlib.contextmanager
def shown_to_others(file: Path, clock: Clock, sink: EventSink) -> Iterator[EventSink]:
    """A sink that also keeps ``file`` current while the block runs; it is removed afterwards."""
    board = _Board(file, clock)

    def both(event: Event) -> None:
        board.hear(event)
        sink(event)

    try:
        yield both
    finally:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def read(file: Path) -> Activity | None:
    """What was written last; None when nothing is, or another version wrote it."""
    try:
        return Activity(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class _Board:
    """Events, folded to one activity."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._now = Activity()
        self._began = (0.0, 0)
        self._written = float("-inf")

    def hear(self, event: Event) -> None:
        with self._lock:
            before = self._now
            self._now = replace(self._folded(event), at=self._clock.now())
            urgent = self._now.step != before.step or self._now.note != before.note
            if urgent or self._clock.monotonic() - self._written >= _EVERY:
                self._written = self._clock.monotonic()
                self._write()

    def _folded(self, event: Event) -> Activity:
        match event:
            case StepStarted(step):
                return Activity(step=step, note=self._now.note)
            case StepFinished():
                return Activity(note=self._now.note)
            case Note(text):
                return replace(self._now, note=text)
            case Progress():
                return self._progressed(event)
            case _:
                return self._now

    def _progressed(self, event: Progress) -> Activity:
        now = self._clock.monotonic()
        if event.label != self._now.label or event.done < self._now.done:
            self._began = (now, event.done)
        elapsed = now - self._began[0]
        gained = event.done - self._began[1]
        rate = gained / elapsed if elapsed >= _SOONEST_RATE else 0.0
        rest = max(0, event.total - event.done)
        return replace(
            self._now,
            label=event.label,
            done=event.done,
            total=event.total,
            unit=event.unit,
            rate=rate,
            left=rest / rate if rate > 0 else 0.0,
        )

    def _write(self) -> None:
        new = self._file.with_name(f".{self._file.name}.new")
        # A full disk must not end a migration for a line that tells how it goes.
        with contextlib.suppress(OSError):
            new.write_text(json.dumps(asdict(self._now)), encoding="utf-8")
            os.replace(new, self._file)
