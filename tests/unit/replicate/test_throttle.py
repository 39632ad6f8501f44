# SPDX-License-Identifier: Apache-2.0
"""The bandwidth limit."""

from __future__ import annotations

from fakes.clock import FakeClock

from hostlift.replicate.sending.throttle import Throttle


def through(throttle: Throttle, clock: FakeClock, count: int) -> float:
    """Seconds that ``count`` bytes take."""
    start = clock.monotonic()
    while count:
        granted, pause = throttle.allowance(min(count, 65_536))
        count -= granted
        clock.time += pause
    return clock.monotonic() - start


def test_the_rate_is_kept() -> None:
    """1 MiB at 100 KB/s takes ten seconds."""
    clock = FakeClock()
    assert 10.0 < through(Throttle(lambda: 100, clock), clock, 1 << 20) < 10.5


def test_zero_is_no_limit() -> None:
    """Everything at once."""
    assert Throttle(lambda: 0, FakeClock()).allowance(1 << 30) == (1 << 30, 0.0)


def test_the_limit_changes_while_running() -> None:
    """The next bytes go at the new rate."""
    clock, rate = FakeClock(), [10]
    throttle = Throttle(lambda: rate[0], clock)
    slow = through(throttle, clock, 102_400)
    rate[0] = 1000
    assert through(throttle, clock, 102_400) < slow / 50


def test_what_did_not_fit_is_not_lost() -> None:
    """Bytes given back can be taken again at once."""
    clock = FakeClock()
    throttle = Throttle(lambda: 100, clock)
    clock.time += 10
    granted, _ = throttle.allowance(1 << 20)
    throttle.give_back(granted)
    assert throttle.allowance(1 << 20)[0] == granted
