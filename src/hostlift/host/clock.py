# SPDX-License-Identifier: Apache-2.0
"""The real clock."""

from __future__ import annotations

import time


class SystemClock:
    """`hostlift.ports.clock.Clock` on this machine's time."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: TID251 - the one place that waits by the real clock
