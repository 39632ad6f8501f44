# SPDX-License-Identifier: Apache-2.0
"""What a migration has cost by the times in its journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import a_plan
from fakes.clock import FakeClock

from hostlift.flow.before.estimate import with_cost
from hostlift.flow.journal import Journal, Record, open_journal
from hostlift.flow.spending import spent
from hostlift.model.cost import Cost, Tariff

HOUR = 3600.0
TARIFF = Tariff(currency="CNY", instance=1.0, disk_gib=0.01, snapshot_gib=0.12, source="a list")
PLAN = with_cost(a_plan(), TARIFF, trial=True)
GIB = sum(disk.size_gib for disk in PLAN.disks)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def journal(tmp_path: Path, clock: FakeClock) -> Iterator[Journal]:
    with open_journal(tmp_path / "client_data.db", clock) as opened:
        opened.append(Record.MIGRATION, id="m-1")
        yield opened


def _start(journal: Journal, role: str = "intermediate", kind: str = "instance") -> None:
    journal.append(Record.INTENT, role=role, attempt=1, kind=kind, params={})
    journal.append(Record.CREATED, role=role, attempt=1, kind=kind, id=f"i-{role}")


def _cost(journal: Journal, clock: FakeClock) -> Cost:
    cost = spent(journal.state, PLAN, clock.now())
    assert cost is not None
    return cost


def test_instances_and_their_disks_cost_from_the_order_to_the_release(
    journal: Journal, clock: FakeClock
) -> None:
    """The intermediate instance has a disk of its own besides those of the target."""
    _start(journal)
    clock.sleep(3 * HOUR)
    _start(journal, "trial")
    clock.sleep(HOUR / 2)
    journal.append(Record.GONE, role="trial", attempt=1)
    clock.sleep(HOUR / 2)
    cost = _cost(journal, clock)
    assert cost.use.instance_hours == pytest.approx(4.5)
    assert cost.use.disk_gib_hours == pytest.approx(4 * (20 + GIB) + 0.5 * GIB)
    assert cost.total == pytest.approx(4.5 + cost.use.disk_gib_hours * 0.01)


def test_a_request_that_was_refused_costs_nothing(journal: Journal, clock: FakeClock) -> None:
    journal.append(Record.INTENT, role="intermediate", attempt=1, kind="instance", params={})
    clock.sleep(HOUR)
    assert _cost(journal, clock).total == 0


@pytest.mark.parametrize(
    ("kept", "away", "hours"), [(0, 1, 2.0), (0, 50, 3.0), (24, 20, 21.0), (24, 50, 25.0)]
)
def test_between_two_runs_an_instance_costs_until_its_automatic_release(
    journal: Journal, clock: FakeClock, kept: int, away: int, hours: float
) -> None:
    """Two hours without a client, or what was promised after a sync."""
    _start(journal)
    clock.sleep(HOUR)
    if kept:
        journal.append(Record.KEPT, until=clock.now() + kept * HOUR)
    else:
        journal.append(Record.FAILED, step="replicate", code="x", message="y")
    clock.sleep(away * HOUR)
    journal.append(Record.OPENED)
    assert _cost(journal, clock).use.instance_hours == pytest.approx(hours)


def test_snapshots_are_billed_for_every_image_that_stays(
    journal: Journal, clock: FakeClock
) -> None:
    assert _cost(journal, clock).monthly == 0
    for role in ("rehearsal-1-image", "image"):
        _start(journal, role, "image")
    assert PLAN.forecast.cost is not None
    assert _cost(journal, clock).monthly == pytest.approx(2 * PLAN.forecast.cost.monthly)
    assert PLAN.forecast.cost.monthly > 0


def test_an_estimate_grows_with_the_data_and_the_trial() -> None:
    """Hours of copying and of snapshots at the rates of the tariff."""
    one, two = PLAN.forecast.cost, with_cost(a_plan(), TARIFF, trial=False).forecast.cost
    assert one is not None
    assert two is not None
    assert one.use.instance_hours == pytest.approx(two.use.instance_hours + 0.25)
    assert one.total > two.total > 0
    assert one.words[0].startswith(f"about {one.total:.2f} CNY: instances ")
    assert "estimate by a list" in one.words[0]


def test_without_a_tariff_nothing_is_claimed(journal: Journal, clock: FakeClock) -> None:
    assert spent(journal.state, a_plan(), clock.now()) is None
