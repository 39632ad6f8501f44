# SPDX-License-Identifier: Apache-2.0
"""The ceiling on cost: refused before, paused while it runs, gone on with after it was raised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.paperstories import PaperStage
from fakes.stories import sync

from hostlift.errors import ConfigError, CostCeiling
from hostlift.flow.context import Context
from hostlift.flow.journal import open_journal
from hostlift.flow.results import Results, need
from hostlift.flow.spending import capped, spent
from hostlift.localcloud.faults.kinds import Fault, FaultKind

pytestmark = pytest.mark.root
HOUR = 3600.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PaperStage]:
    made = PaperStage(tmp_path)
    yield made
    made.close()


def _may_cost(stage: PaperStage, ceiling: float) -> None:
    stage.settings = stage.settings.model_copy(update={"max_cost": ceiling})


def test_an_estimate_above_the_ceiling_is_refused_before_anything_is_made(
    stage: PaperStage,
) -> None:
    _may_cost(stage, 0.01)
    with pytest.raises(ConfigError, match=r"0\.01 is less than the migration will cost, about"):
        stage.run()
    assert stage.left() == {}


def test_the_price_is_the_cloud_s_own_and_else_a_list(tmp_path: Path) -> None:
    """Who may not ask for prices still gets an estimate, which says by what."""
    denied = Fault(kind=FaultKind.ERROR, action="DescribePrice", code="Forbidden.RAM", times=9)
    sources = []
    for name, faults in (("a", ()), ("b", (denied,))):
        stage = PaperStage(tmp_path / name, wishes={"faults": faults})
        try:
            cost = need(stage.run().plan).plan.forecast.cost
        finally:
            stage.close()
        assert cost is not None
        assert cost.total > 0
        sources.append(cost.tariff.source)
    assert sources[0].startswith("DescribePrice for ecs.")
    assert sources[1] == "hostlift's own list of 2026-11"


def test_a_migration_that_reached_its_ceiling_pauses_and_goes_on_when_it_is_raised(
    stage: PaperStage,
) -> None:
    """It keeps what it has; no longer life is bought for it, and clearing is always allowed."""
    stage.run(verb=sync)
    stage.clock.sleep(20 * HOUR)
    _may_cost(stage, 0.5)
    with pytest.raises(CostCeiling, match=r"max_cost: 0\.5 is reached: about .* CNY") as told:
        stage.run()
    assert told.value.exit_status == 130
    assert "--max-cost" in told.value.hint
    assert stage.left()["instances"] == 1
    _may_cost(stage, 1000.0)
    stage.run()
    assert stage.left() == {"images": 1, "snapshots": 1}


def test_the_ceiling_is_watched_while_the_migration_runs(stage: PaperStage) -> None:
    """What takes long is interrupted as Ctrl-C would, and the reason is told."""
    stage.run(verb=sync)
    _may_cost(stage, 2.0)

    def long_pass(ctx: Context) -> Results:
        with capped(ctx, every=0.01):
            stage.clock.sleep(40 * HOUR)
            assert ctx.waiter.stop.wait(30)
            ctx.waiter.check()
        return Results()

    with pytest.raises(CostCeiling, match="2 is reached"):
        stage.run(verb=long_pass)


def test_what_is_counted_is_what_the_cloud_bills(stage: PaperStage) -> None:
    """Instance and disks of a long sync, at the prices that were told; to a tenth."""
    plan = need(stage.run(verb=sync).plan).plan
    stage.clock.sleep(20 * HOUR)
    with open_journal(stage.workspace.database, stage.clock) as journal:
        cost = spent(journal.state, plan, stage.clock.now())
    assert cost is not None
    billed = stage.paper.cloud.meter.spent(stage.paper.key().id)
    assert cost.total == pytest.approx(billed, rel=0.1)


def test_what_was_used_is_told_by_the_times_of_the_ledger(stage: PaperStage) -> None:
    plan = need(stage.run().plan).plan
    with open_journal(stage.workspace.database, stage.clock) as journal:
        cost = spent(journal.state, plan, stage.clock.now())
    assert cost is not None
    assert 0 < cost.use.instance_hours < 1
    assert cost.monthly > 0
    assert plan.forecast.cost is not None
    assert cost.tariff == plan.forecast.cost.tariff
