# SPDX-License-Identifier: Apache-2.0
"""The log file: every event as a line with its time. Nothing that is secret is ever an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hostlift.events import Event, EventSink, Found, Note, Progress, StepFinished, StepStarted
from hostlift.ports.clock import Clock


@contextmanager
def logged(folder: Path, clock: Clock, sink: EventSink) -> Iterator[EventSink]:
    """A sink that also appends to ``Logs/hostlift-YYYYMMDD.log``; progress is left out."""
    day = datetime.fromtimestamp(clock.now(), UTC)
    with (folder / f"hostlift-{day:%Y%m%d}.log").open(
        "a", encoding="utf-8", errors="replace"
    ) as out:

        def both(event: Event) -> None:
            text = describe(event)
            if text:
                at = datetime.fromtimestamp(clock.now(), UTC)
                out.write(f"{at:%Y-%m-%dT%H:%M:%SZ} {text}\n")
                out.flush()
            sink(event)

        yield both


def describe(event: Event) -> str:
    """One line for an event; empty for progress."""
    match event:
        case StepStarted(step, title):
            return f"[{step}] {title}"
        case StepFinished(step, seconds, skipped):
            return f"[{step}] already done" if skipped else f"[{step}] done in {seconds:.1f} s"
        case Note(text, level):
            return f"{level}: {text}" if level != "info" else text
        case Found(finding):
            tail = f": {finding.evidence}" if finding.evidence else ""
            return f"check {finding.check} {finding.severity.value}: {finding.title}{tail}"
        case Progress():
            return ""
