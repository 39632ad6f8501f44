# SPDX-License-Identifier: Apache-2.0
"""What a running migration says of itself. Front doors decide how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hostlift.model.finding import Finding


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step of the story begins."""

    step: str
    title: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended well; ``skipped`` when an earlier run had done it and it still holds."""

    step: str
    seconds: float
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is. ``total`` 0 means unknown; ``unit`` is ``bytes``, ``files`` or ``%``."""

    step: str
    label: str
    done: int
    total: int
    unit: str = "bytes"


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the user and the log."""

    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Found:
    """A check finished."""

    finding: Finding


Event = StepStarted | StepFinished | Progress | Note | Found
EventSink = Callable[[Event], None]


def discard(_event: Event) -> None:
    """A sink for callers that do not want to know."""
