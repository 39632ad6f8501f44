# SPDX-License-Identifier: Apache-2.0
"""Events on a terminal as bars, elsewhere as plain lines; nothing but results with --json."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)

from hostlift.events import Event, EventSink, Found, Note, Progress, StepFinished, StepStarted
from hostlift.model.finding import Severity
from hostlift.model.quantity import duration, size

_LINE_EVERY = 5.0
_MARKS = {
    Severity.OK: "[  OK  ]",
    Severity.NOTE: "[ NOTE ]",
    Severity.WARNING: "[ WARN ]",
    Severity.BLOCKER: "[FAILED]",
}


@contextmanager
def shown(*, verbose: bool = False, quiet: bool = False) -> Iterator[EventSink]:
    """A sink that shows events on standard error; results have standard output to themselves.

    Args:
        verbose: Also checks that passed.
        quiet: Warnings only.
    """
    if quiet:
        yield _Lines(sys.stderr, verbose=False, warnings_only=True)
    elif sys.stderr.isatty():
        with _Terminal(verbose=verbose) as terminal:
            yield terminal
    else:
        yield _Lines(sys.stderr, verbose=verbose)


def line_of(event: Event, *, verbose: bool) -> str:
    """An event as one line; empty when it is not worth one."""
    match event:
        case StepStarted(_, title):
            return f"==> {title}"
        case StepFinished(step, seconds, skipped):
            if skipped:
                return f"    {step}: done earlier"
            return f"    {step}: done in {duration(seconds)}"
        case Note(text, level):
            return f"    {text}" if level == "info" else f"    {level}: {text}"
        case Found(finding):
            if finding.severity is Severity.OK and not verbose:
                return ""
            tail = f": {finding.evidence}" if finding.evidence else ""
            return f"    {_MARKS[finding.severity]} {finding.title}{tail}"
        case Progress():
            return ""


class _Rate:
    """Units per second of one label, over its whole run."""

    def __init__(self) -> None:
        self._label = ""
        self._start = (0.0, 0)

    def of(self, event: Progress) -> float:
        now = time.monotonic()
        if event.label != self._label or event.done < self._start[1]:
            self._label, self._start = event.label, (now, event.done)
        elapsed = now - self._start[0]
        return (event.done - self._start[1]) / elapsed if elapsed > 0.5 else 0.0


def amount(event: Progress, rate: float) -> str:
    """Progress in words: ``120.0 MiB of 1.1 GiB, 31.0 MiB/s, 32 s left``."""
    if event.unit == "%":
        return f"{event.done} %"
    show = size if event.unit == "bytes" else lambda n: f"{n:.0f} {event.unit}"
    parts = [f"{show(event.done)} of {show(event.total)}" if event.total else show(event.done)]
    if rate > 0:
        parts.append(f"{show(rate)}/s")
        if event.total > event.done:
            parts.append(f"{duration((event.total - event.done) / rate)} left")
    return ", ".join(parts)


class _Lines:
    """Plain lines; progress at most every few seconds."""

    def __init__(self, out: TextIO, *, verbose: bool, warnings_only: bool = False) -> None:
        self._out = out
        self._verbose = verbose
        self._warnings_only = warnings_only
        self._rate = _Rate()
        self._last = (0.0, "")

    def __call__(self, event: Event) -> None:
        if self._warnings_only and not (isinstance(event, Note) and event.level != "info"):
            return
        text = (
            self._progress(event)
            if isinstance(event, Progress)
            else line_of(event, verbose=self._verbose)
        )
        if text:
            print(text, file=self._out, flush=True)

    def _progress(self, event: Progress) -> str:
        rate = self._rate.of(event)
        now = time.monotonic()
        if event.label == self._last[1] and now - self._last[0] < _LINE_EVERY:
            return ""
        self._last = (now, event.label)
        return f"    {event.label}: {amount(event, rate)}"


class _Terminal:
    """Bars that live as long as their label does."""

    def __init__(self, *, verbose: bool) -> None:
        console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            TextColumn("    {task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._console = console
        self._verbose = verbose
        self._rate = _Rate()
        self._task: tuple[str, TaskID] | None = None

    def __enter__(self) -> _Terminal:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._show(event)
            return
        if isinstance(event, (StepStarted, StepFinished)) and self._task:
            self._bars.remove_task(self._task[1])
            self._task = None
        text = line_of(event, verbose=self._verbose)
        if text:
            self._console.print(escape(text))

    def _show(self, event: Progress) -> None:
        if self._task is None or self._task[0] != event.label:
            if self._task:
                self._bars.remove_task(self._task[1])
            task = self._bars.add_task(escape(event.label), total=None, amount="")
            self._task = (event.label, task)
        self._bars.update(
            self._task[1],
            completed=event.done,
            total=event.total or None,
            amount=escape(amount(event, self._rate.of(event))),
        )
