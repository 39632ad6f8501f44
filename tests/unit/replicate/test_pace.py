# SPDX-License-Identifier: Apache-2.0
"""The processor limit of a live source."""

from __future__ import annotations

import pytest
from fakes.clock import FakeClock

from hostlift.replicate.sending.pace import Pace


class Work:
    """Batches that cost processor time, on a clock that only they and the pauses move."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.clock = FakeClock()
        self.spent = 0.0
        self.pace = Pace(lambda: self.limit, self.clock, lambda: self.spent)

    def batches(self, count: int, cost: float) -> float:
        """Seconds that so many batches take, pauses included."""
        start = self.clock.time
        for _ in range(count):
            self.spent += cost
            self.clock.time += cost
            while pause := self.pace.pause():
                self.clock.time += pause
        return self.clock.time - start


@pytest.mark.parametrize(("limit", "seconds"), [(100, 10.0), (50, 20.0), (10, 100.0)])
def test_so_many_percent_of_one_processor_are_used(limit: int, seconds: float) -> None:
    """Ten seconds of work at half a processor take twenty."""
    assert Work(limit).batches(1000, 0.01) == pytest.approx(seconds, rel=0.03)


def test_several_processors_count_together() -> None:
    """Two seconds of processor in one of the clock: at 100 % the rest is made up by pauses."""
    work = Work(100)
    work.spent += 2.0
    work.clock.time += 1.0
    assert work.pace.pause() == pytest.approx(0.8, abs=0.01)


def test_zero_is_no_limit() -> None:
    """No pause, whatever is used."""
    assert Work(0).batches(100, 1.0) == 100.0


def test_a_limit_that_is_set_or_lifted_holds_from_then_on() -> None:
    """What was used without a limit is not held against it later."""
    work = Work(0)
    work.batches(100, 1.0)
    work.limit = 50
    assert work.batches(100, 0.01) == pytest.approx(2.0, rel=0.3)
    work.limit = 0
    assert work.batches(100, 0.01) == pytest.approx(1.0)


def test_a_rest_saves_up_no_more_than_a_batch_or_two() -> None:
    """An idle minute is no licence for a busy one."""
    work = Work(10)
    work.clock.time += 60
    assert work.batches(100, 0.01) > 7


def test_no_pause_is_longer_than_a_second() -> None:
    """Ctrl-C and a lifted limit are noticed soon."""
    work = Work(1)
    work.spent += 100
    assert work.pace.pause() == 1.0
