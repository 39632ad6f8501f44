# SPDX-License-Identifier: Apache-2.0
"""A clock that only moves when told, or when somebody sleeps."""

from __future__ import annotations


class FakeClock:
    """`hostlift.ports.clock.Clock` under the test's control."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class HastyClock(FakeClock):
    """A second passes whenever it is asked: nobody waits for company."""

    def monotonic(self) -> float:
        self.time += 1.0
        return self.time
