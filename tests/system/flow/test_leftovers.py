# SPDX-License-Identifier: Apache-2.0
"""Whole migrations that nobody went on with: when they are orphans, and that nothing of them stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.calls import Calls
from fakes.embedded import driven
from fakes.papercloud import REGION
from fakes.paperstories import PaperStage
from fakes.stories import MIGRATION, Countdown, Crash, migrate, rehearse

from hostlift.events import discard
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.ledger import TAG
from hostlift.flow.leftovers import estates, release
from hostlift.flow.results import Results
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import ResourceKind

pytestmark = pytest.mark.root
HOUR = 3600.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PaperStage]:
    made = PaperStage(tmp_path)
    yield made
    made.close()


def _release(stage: PaperStage, *, delete_image: bool = False) -> None:
    """As `hostlift cleanup --all-orphans` does."""
    waiter = Waiter(stage.clock, discard, stage.stop)
    for estate in estates(stage.cloud, now=stage.clock.now()):
        if not estate.alive:
            chosen = estate.belongings if delete_image else estate.rest
            release(stage.cloud, waiter, chosen)


@pytest.mark.parametrize("rows", [8, 12, 16, 20, 24, 28])
def test_a_killed_migration_is_left_alone_for_two_hours_and_then_all_of_it_goes(
    stage: PaperStage, rows: int
) -> None:
    """Wherever it was killed; the state folder is not asked."""
    with pytest.raises(Crash):
        stage.run_until(Countdown(rows), Countdown(0), migrate)
    before = stage.left()
    _release(stage, delete_image=True)
    assert stage.left() == before
    stage.clock.sleep(3 * HOUR)
    _release(stage, delete_image=True)
    assert stage.left() == {}


def test_an_image_of_a_dead_migration_stays_and_is_told_apart(stage: PaperStage) -> None:
    stage.run(verb=rehearse)
    (estate,) = estates(stage.cloud, now=stage.clock.now())
    assert "kept for" in estate.alive
    assert [b.resource.kind for b in estate.result] == [ResourceKind.SNAPSHOT, ResourceKind.IMAGE]
    stage.clock.sleep(48 * HOUR)
    _release(stage)
    assert stage.left() == {"snapshots": 1, "images": 1}
    _release(stage, delete_image=True)
    assert stage.left() == {}


def test_a_disk_that_lost_its_instance_is_found_too(stage: PaperStage) -> None:
    """One that goes with its instance is not a thing of its own."""
    calls = Calls(stage.paper)
    tag = {"Tag.1.Key": TAG, "Tag.1.Value": MIGRATION}
    calls.ecs("CreateDisk", ZoneId=f"{REGION}-h", Size=20, DiskCategory="cloud_essd", **tag)
    stage.clock.sleep(3 * HOUR)
    (estate,) = estates(driven(stage.paper), now=stage.clock.now())
    assert [(b.resource.kind, b.gib) for b in estate.belongings] == [(ResourceKind.DISK, 20)]
    _release(stage)
    assert stage.left() == {}


def test_clearing_a_finished_migration_keeps_its_image(stage: PaperStage) -> None:
    stage.run()
    assert _clear(stage, delete_image=False) == []
    assert stage.left() == {"snapshots": 1, "images": 1}


def test_clearing_with_its_image_leaves_nothing(stage: PaperStage) -> None:
    stage.run()
    assert _clear(stage, delete_image=True) == ["image", "snapshot"]
    assert stage.left() == {}


def _clear(stage: PaperStage, *, delete_image: bool) -> list[str]:
    """As `hostlift data clear` does; the kinds that were released."""
    released: list[str] = []

    def clear(ctx: Context) -> Results:
        released.extend(pipeline.give_up(ctx, delete_image=delete_image))
        return Results()

    stage.run(verb=clear)
    return [name.partition(" ")[0] for name in released]
