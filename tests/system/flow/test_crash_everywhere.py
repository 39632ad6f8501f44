# SPDX-License-Identifier: Apache-2.0
"""Stop after and before every journal record, resume: the same end, and nothing left over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.stories import Crash, World

from hostlift.errors import CloudError, HostliftError
from hostlift.ports.cloud import ResourceKind
from hostlift.ports.instances import InstanceSpec

pytestmark = pytest.mark.root


def _crash_points(folder: Path, run: Callable[[World, int], object]) -> int:
    points = 0
    while True:
        world = World(folder / str(points))
        try:
            run(world, points + 1)
        except Crash:
            points += 1
            world.run()
            world.assert_ended_well()
            continue
        world.assert_ended_well()
        return points


def test_an_undisturbed_story_leaves_image_and_snapshots_only(tmp_path: Path) -> None:
    """The way things go when nothing goes wrong."""
    world = World(tmp_path)
    results = world.run()
    assert results.verify is not None
    assert results.verify.boot is not None
    world.assert_ended_well()


@pytest.mark.slow
def test_a_crash_after_any_record_ends_in_the_same_image(tmp_path: Path) -> None:
    """What was journaled is not done twice."""
    points = _crash_points(tmp_path, lambda world, n: world.run(after=n))
    assert points > 20


@pytest.mark.slow
def test_a_crash_before_any_record_ends_in_the_same_image(tmp_path: Path) -> None:
    """What was done but not journaled is found again."""
    points = _crash_points(tmp_path, lambda world, n: world.run(before=n))
    assert points > 20


def test_a_released_intermediate_instance_is_made_again(tmp_path: Path) -> None:
    """FAQ 14: nothing has to be cleared by hand."""
    world = World(tmp_path)
    broken = CloudError("no", api_code="InvalidParameter", action="StopInstance")
    world.cloud.fail_next("stop_instance", broken)
    with pytest.raises(CloudError):
        world.run()
    (first,) = [r for r in world.cloud.alive() if r.kind is ResourceKind.INSTANCE]
    world.cloud.lose(first.id)
    world.run()
    world.assert_ended_well()
    assert world.cloud.count("run_instance") == 3


def test_an_instance_that_vanishes_under_way_is_made_again_at_once(tmp_path: Path) -> None:
    """Its deletion was still going on when the run began: no second command is needed."""
    world = World(tmp_path)
    lost: list[str] = []

    def lose(instance: str, spec: InstanceSpec) -> None:
        world.boot(instance, spec)
        if not lost and spec.name != "hostlift-trial":
            lost.append(instance)
            thing = world.cloud.things[instance]
            thing.gone_at = world.clock.now() + 21

    world.cloud.on_run = lose
    world.run()
    world.assert_ended_well()
    assert lost
    assert world.cloud.count("run_instance") == 3


@pytest.mark.parametrize(
    "method",
    [
        "create_vpc",
        "create_vswitch",
        "create_security_group",
        "run_instance",
        "create_snapshot",
        "create_image",
        "delete",
        "stop_instance",
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_refused_or_unanswered_call_is_made_good_by_the_next_run(
    tmp_path: Path, method: str, *, after: bool
) -> None:
    """Whether the call had its effect or not, the rerun ends in one image."""
    world = World(tmp_path)
    error = CloudError("lost", api_code="InvalidParameter", action=method)
    world.cloud.fail_next(method, error, after=after)
    with pytest.raises(HostliftError):
        world.run()
    world.run()
    world.assert_ended_well()
