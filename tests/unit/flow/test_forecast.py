# SPDX-License-Identifier: Apache-2.0
"""The forecast of the freeze, from passes whose story is known."""

from __future__ import annotations

import pytest

from hostlift.flow.passes.forecast import FreezeForecast, forecast, lines
from hostlift.flow.results import Pass

MIB = 1 << 20


def a_pass(started: float, size: int, seconds: float, **changes: float) -> Pass:
    """A pass that read ``size`` bytes."""
    told = {"files": 0, "deleted": 0, "freeze_seconds": 0.0, **changes}
    return Pass(
        files=int(told["files"]),
        deleted=int(told["deleted"]),
        bytes_read=size,
        bytes_sent=size // 2,
        seconds=seconds,
        freeze_seconds=told["freeze_seconds"],
        started=started,
    )


def of(*passes: Pass, now: float = 0.0, limit: int = 0) -> FreezeForecast:
    """The forecast right after the last pass, unless told otherwise."""
    found = forecast(passes, now=now or passes[-1].started + passes[-1].seconds, limit=limit)
    assert found is not None
    return found


def test_one_pass_foretells_nothing() -> None:
    """What changes is known from the second on."""
    assert forecast([a_pass(0, 1000 * MIB, 10)], now=60) is None
    assert forecast([], now=60) is None


def test_rates_come_from_what_changed_between_two_beginnings() -> None:
    """60 MiB and 600 objects in a minute; the first pass carried 100 MiB/s."""
    found = of(a_pass(0, 1000 * MIB, 10), a_pass(60, 60 * MIB, 1.1, files=590, deleted=10))
    assert found.dirty_bytes == pytest.approx(MIB)
    assert found.dirty_files == pytest.approx(10)
    assert found.link == pytest.approx(100 * MIB)
    assert found.converges


def test_what_an_idle_source_costs_is_the_scan() -> None:
    """0.5 s a pass and 0.3 s to stop; nothing to carry."""
    passes = [a_pass(0, 1000 * MIB, 10), *(a_pass(60 * n, 0, 0.5) for n in (1, 2, 3))]
    found = of(*passes)
    assert found.overhead == pytest.approx(0.8)
    assert found.data == 0


def test_a_slow_link_and_a_busy_source_freeze_for_what_the_last_warm_pass_left() -> None:
    """10 MiB/s over 100 MiB/s: after a warm pass of 3 s, 30 MiB are left: 0.3 s."""
    found = of(
        a_pass(0, 10_000 * MIB, 100), a_pass(100, 1000 * MIB, 12), a_pass(200, 1000 * MIB, 12)
    )
    assert found.overhead == pytest.approx(2.3)
    assert 0.2 < found.data < 0.4


def test_time_that_passed_since_the_last_pass_is_made_up_by_warm_passes() -> None:
    """After an idle hour the forecast is hardly larger: the cutover copies warm first."""
    passes = (a_pass(0, 10_000 * MIB, 100), a_pass(100, 100 * MIB, 1.5))
    assert of(*passes, now=3700).data < of(*passes).data + 1.0


def test_a_source_that_changes_faster_than_the_link_does_not_converge() -> None:
    """It is said, with what helps."""
    found = of(
        a_pass(0, 1000 * MIB, 100), a_pass(100, 1200 * MIB, 120), a_pass(220, 1500 * MIB, 150)
    )
    assert not found.converges
    assert any("faster than it can be copied" in line for line in lines(found))


def test_a_limit_counts_as_the_link() -> None:
    """What may be sent, not what could."""
    passes = (a_pass(0, 1000 * MIB, 10), a_pass(60, 60 * MIB, 1))
    assert of(*passes, limit=1024).link == MIB
    assert of(*passes, limit=1024).data > of(*passes).data


def test_only_the_last_passes_tell_how_the_source_behaves() -> None:
    """A busy hour that is over is forgotten."""
    calm = [a_pass(1000 + 60 * n, 0, 0.5) for n in range(4)]
    assert of(a_pass(0, 1000 * MIB, 10), a_pass(60, 900 * MIB, 9), *calm).dirty_bytes == 0


def test_many_small_objects_weigh_by_their_number() -> None:
    """5,000 objects a second at best, 1,000 a second change: bytes say nothing."""
    found = of(a_pass(0, 10 * MIB, 10, files=50_000), a_pass(60, 2 * MIB, 12, files=60_000))
    assert found.data > 0.4
    assert found.dirty_files == pytest.approx(1000)


def test_a_clock_that_was_set_back_costs_an_interval_not_the_forecast() -> None:
    """No division by zero, no negative rate."""
    passes = [a_pass(1000, 1000 * MIB, 10), a_pass(500, MIB, 1), a_pass(560, MIB, 1)]
    assert of(*passes).dirty_bytes == pytest.approx(MIB / 60)


def test_a_freeze_that_was_seen_says_what_stopping_costs() -> None:
    """A rehearsal is a measurement."""
    passes = (
        a_pass(0, 1000 * MIB, 10),
        a_pass(60, 0, 0.5),
        a_pass(70, 0, 0.5, freeze_seconds=1.7),
    )
    assert of(*passes).overhead == pytest.approx(1.7)


def test_the_line_for_a_person_has_both_parts() -> None:
    """As the issue asks for it."""
    found = FreezeForecast(
        dirty_bytes=1.5 * MIB, dirty_files=3, link=40 * MIB, overhead=0.8, data=3.0, converges=True
    )
    (line,) = lines(found)
    assert line.startswith("freeze at cutover now: about 0.8 s + 3.0 s of data")
    assert line.endswith("(the source changes 1.5 MiB/s, the passes carry 40.0 MiB/s)")
