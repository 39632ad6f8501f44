# SPDX-License-Identifier: Apache-2.0
"""Sold out when it is bought: the next offer is taken, in another zone with a subnet there."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from fakes.cloud import TYPES, ZONES
from fakes.stories import Crash, World

from hostlift.errors import OutOfStock
from hostlift.flow.steps.provision import INSTANCE_NAME
from hostlift.flow.steps.verify import TRIAL_NAME
from hostlift.ports.cloud import ResourceKind

pytestmark = pytest.mark.root

FIRST, SECOND = ZONES


def test_what_is_sold_out_in_one_zone_is_bought_in_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.cloud.sold_out = {(INSTANCE_NAME, FIRST, TYPES[0])}
    results = world.run()
    assert results.provision is not None
    assert results.provision.zone == SECOND
    world.assert_ended_well()
    assert world.cloud.count("create_vswitch") == 2
    assert any(f"trying {TYPES[0]} in {SECOND}" in text for text in world.notes())


def test_nothing_in_stock_is_said_and_a_rerun_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.cloud.sold_out = {(INSTANCE_NAME, *place) for place in product(ZONES, TYPES)}
    with pytest.raises(OutOfStock, match="sold out"):
        world.run()
    assert not world.cloud.alive(ResourceKind.INSTANCE)
    world.cloud.sold_out = {(INSTANCE_NAME, FIRST, TYPES[0])}
    world.run()
    world.assert_ended_well()


@pytest.mark.slow
def test_a_crash_at_any_record_on_the_way_to_another_zone_leaves_nothing(tmp_path: Path) -> None:
    """The subnet of the first zone is given up before the second one is made."""
    for point in range(1, 16):
        world = World(tmp_path / str(point))
        world.cloud.sold_out = {(INSTANCE_NAME, FIRST, TYPES[0])}
        with pytest.raises(Crash):
            world.run(before=point)
        world.run()
        world.assert_ended_well()


def test_a_zone_that_the_user_named_is_not_left(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"zone_id": FIRST})
    world.cloud.sold_out = {(INSTANCE_NAME, FIRST, kind) for kind in TYPES}
    with pytest.raises(OutOfStock):
        world.run()


def test_a_trial_instance_may_be_of_another_type(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.cloud.sold_out = {(TRIAL_NAME, FIRST, TYPES[0])}
    world.run()
    world.assert_ended_well()
