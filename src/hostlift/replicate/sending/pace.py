# SPDX-License-Identifier: Apache-2.0
"""The processor limit of a live source: how long to pause so that its services keep their share.

One `Pace` serves all streams of a pass; each asks between two batches and sleeps what it is told.
The measure is the processor time of the whole process, so whatever works for the pass counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hostlift.ports.clock import Clock

_BURST_SECONDS = 0.2
"""Processor time that may be used at once after a rest: a batch or two."""
_LONGEST_PAUSE = 1.0
"""So that a limit that is lifted, or Ctrl-C, is noticed soon."""
_SHORTEST_PAUSE = 0.001
_PERCENT = 100.0


class Pace:
    """See the module. Safe to ask from several threads.

    Args:
        limit: Percent of one processor at this moment; 0 is no limit. Asked again and again.
        clock: Measures the time between two calls.
        used: Processor seconds of the process so far.
    """

    def __init__(
        self,
        limit: Callable[[], int],
        clock: Clock,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._used = used
        self._lock = threading.Lock()
        self._credit = _BURST_SECONDS
        self._at = clock.monotonic()
        self._before = used()
        self._unlimited = False

    def pause(self) -> float:
        """Seconds to sleep now; 0 when the limit is kept or there is none."""
        share = self._limit() / _PERCENT
        if share <= 0:
            self._unlimited = True
            return 0.0
        with self._lock:
            now, used = self._clock.monotonic(), self._used()
            if self._unlimited:  # what was used meanwhile is not held against it
                self._unlimited = False
                self._at, self._before, self._credit = now, used, _BURST_SECONDS
            elapsed, spent = now - self._at, used - self._before
            self._at, self._before = now, used
            self._credit = min(_BURST_SECONDS, self._credit + elapsed * share - spent)
            wanted = -self._credit / share
            return min(wanted, _LONGEST_PAUSE) if wanted >= _SHORTEST_PAUSE else 0.0
