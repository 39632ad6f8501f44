# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions: with a deadline, told to the user, ended at once by Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hostlift.errors import DeadlinePassed, Interrupted
from hostlift.events import EventSink, Progress
from hostlift.ports.clock import Clock

T = TypeVar("T")
_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class PausableClock:
    """A clock whose sleep ends, with Interrupted, when the user asks to stop."""

    clock: Clock
    stop: threading.Event

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self.clock.now()

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Interrupted."""
        if self.stop.wait(seconds):
            raise Interrupted("paused on request")


@dataclass(frozen=True, slots=True)
class Waiter:
    """How a step waits."""

    clock: Clock
    sink: EventSink
    stop: threading.Event

    def until(self, probe: Callable[[], T | None], *, deadline: float, what: str) -> T:
        """Call ``probe`` until it gives something.

        Args:
            deadline: Seconds from now.

        Raises:
            Interrupted: The user asked to stop.
            DeadlinePassed: It took too long.
        """
        end = self.clock.monotonic() + deadline
        while True:
            self.check()
            found = probe()
            if found is not None:
                return found
            if self.clock.monotonic() >= end:
                raise DeadlinePassed(f"did not happen within {deadline:.0f} s", subject=what)
            self.clock.sleep(_EVERY)

    def pause(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Interrupted: The user asked to stop.
        """
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.check()
            self.clock.sleep(min(left, _EVERY))

    def check(self) -> None:
        """Raise Interrupted when the user asked to stop."""
        if self.stop.is_set():
            raise Interrupted("paused on request")

    def percent(self, label: str, done: int) -> None:
        """Tell the user how far something is."""
        self.sink(Progress("", label, done, 100, "%"))
