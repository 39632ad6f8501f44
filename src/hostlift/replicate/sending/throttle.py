# SPDX-License-Identifier: Apache-2.0
"""The bandwidth limit: a token bucket that all streams share and that may change while running.

`Brakes` is this and the processor limit together: what a pass takes from a live source.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from hostlift.ports.clock import Clock
from hostlift.replicate.sending.options import PassOptions
from hostlift.replicate.sending.pace import Pace

_BURST_SECONDS = 0.1
_LONGEST_WAIT = 0.25


class Throttle:
    """Lets bytes through at a rate.

    Args:
        limit: KB/s at this moment; 0 is no limit. Asked again and again.
        clock: Measures the time between two calls.
    """

    def __init__(self, limit: Callable[[], int], clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._credit = 0.0
        self._at = clock.monotonic()

    def allowance(self, wanted: int) -> tuple[int, float]:
        """How many of ``wanted`` bytes may go now; when none may, seconds until some can."""
        rate = self._limit() * 1024.0
        if rate <= 0:
            return wanted, 0.0
        with self._lock:
            now = self._clock.monotonic()
            burst = max(rate * _BURST_SECONDS, 1024.0)
            self._credit = min(burst, self._credit + (now - self._at) * rate)
            self._at = now
            granted = min(wanted, int(self._credit))
            if granted <= 0:
                return 0, min(_LONGEST_WAIT, max((min(burst, 1024.0) - self._credit) / rate, 0.001))
            self._credit -= granted
            return granted, 0.0

    def give_back(self, unused: int) -> None:
        """Bytes that were allowed but did not fit into the connection."""
        if unused:
            with self._lock:
                self._credit += unused


@dataclass(frozen=True, slots=True)
class Brakes:
    """What all streams of a pass share."""

    throttle: Throttle
    pace: Pace

    @staticmethod
    def of(options: PassOptions, clock: Clock) -> Brakes:
        """The limits that a pass is to keep."""
        return Brakes(Throttle(options.bandwidth, clock), Pace(options.cpu_limit, clock))
