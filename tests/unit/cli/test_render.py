# SPDX-License-Identifier: Apache-2.0
"""Events as lines, and numbers for people."""

from __future__ import annotations

import io

import pytest

from hostlift.cli.render import _Lines, amount, line_of
from hostlift.events import Found, Note, Progress, StepFinished, StepStarted
from hostlift.model.finding import Finding, Severity
from hostlift.model.quantity import duration, size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_bytes_are_shown_with_the_largest_unit_that_fits(count: int, text: str) -> None:
    """Binary units, one decimal."""
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (185, "3 min 5 s"), (7620, "2 h 7 min")]
)
def test_durations_are_shown_in_words(seconds: float, text: str) -> None:
    """From tenths of a second to hours."""
    assert duration(seconds) == text


def test_progress_tells_rate_and_time_left() -> None:
    """What a person waiting wants to know."""
    event = Progress("replicate", "copying", 50 << 20, 100 << 20)
    assert amount(event, 10 << 20) == "50.0 MiB of 100.0 MiB, 10.0 MiB/s, 5.0 s left"


def test_passed_checks_are_shown_only_when_asked_for() -> None:
    """A blocker always is."""
    passed = Found(Finding(check="a", severity=Severity.OK, title="fine"))
    blocked = Found(Finding(check="b", severity=Severity.BLOCKER, title="bad", evidence="seen"))
    assert line_of(passed, verbose=False) == ""
    assert "fine" in line_of(passed, verbose=True)
    assert line_of(blocked, verbose=False).endswith("[FAILED] bad: seen")


def test_plain_output_does_not_drown_a_log_in_progress() -> None:
    """Many progress events of one label within seconds make one line."""
    out = io.StringIO()
    lines = _Lines(out, verbose=False)
    lines(StepStarted("replicate", "Replicate"))
    for done in range(1000):
        lines(Progress("replicate", "copying", done, 1000))
    lines(StepFinished("replicate", 3.0))
    assert len(out.getvalue().splitlines()) == 3


def test_with_json_only_warnings_reach_the_terminal() -> None:
    """Standard output belongs to the result; standard error to trouble."""
    out = io.StringIO()
    lines = _Lines(out, verbose=False, warnings_only=True)
    lines(StepStarted("plan", "Plan"))
    lines(Note("all is well"))
    lines(Note("look here", "warning"))
    assert out.getvalue() == "    warning: look here\n"
