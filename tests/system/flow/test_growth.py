# SPDX-License-Identifier: Apache-2.0
"""A source that grows while it is copied: the target's disks follow, or say why they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from fakes.agents import FolderAgent, FolderAgents
from fakes.stories import World
from fakes.stories import sync as warm

from hostlift.errors import CloudError, ConfigError, TargetFull
from hostlift.flow.context import Agent, Context
from hostlift.flow.results import Site
from hostlift.ports.cloud import ResourceKind
from hostlift.remote.messages import JobKind, JobOrder, JobStatus, PrepareOrder

pytestmark = pytest.mark.root
ROOT = "disk0p4"


@dataclass
class FullAgents(FolderAgents):
    """Agents whose volume is full as long as its disk is smaller than it must be.

    Attributes:
        least: GiB of the system disk that hold the source.
        orders: The disks that were asked for, in order.
    """

    folder: Path
    volume: str = ROOT
    least: int = 0
    orders: list[PrepareOrder] = field(default_factory=list)

    @contextmanager
    def __call__(self, ctx: Context, site: Site) -> Iterator[Agent]:
        with super().__call__(ctx, site) as agent:
            yield cast("Agent", FullAgent(cast("FolderAgent", agent), self))


@dataclass
class FullAgent:
    """One of them; all but preparing is the other agent's."""

    agent: FolderAgent
    door: FullAgents

    def run(self, order: JobOrder, *, label: str) -> JobStatus:
        if order.kind is JobKind.PREPARE and order.prepare is not None:
            self.door.orders.append(order.prepare)
            if order.prepare.disks[0].size_gib < self.door.least:
                raise TargetFull("the target file system is full", subject=self.door.volume)
        return self.agent.run(order, label=label)

    def __getattr__(self, name: str) -> object:
        return getattr(self.agent, name)


def a_world(folder: Path, **wishes: object) -> tuple[World, FullAgents]:
    world = World(folder)
    agents = FullAgents(folder / "agents", **wishes)  # type: ignore[arg-type] # the fields above
    world.agents = agents
    return world, agents


def test_a_full_volume_gets_a_larger_disk_and_the_copy_goes_on(tmp_path: Path) -> None:
    """In the cloud, on the agent, and in the image; told as a warning."""
    world, agents = a_world(tmp_path, least=40)
    world.run()
    world.assert_ended_well()
    sizes = [o.disks[0].size_gib for o in agents.orders]
    assert sizes == sorted(sizes)
    assert sizes[0] == 20
    last = sizes[-1]
    assert last >= 40
    parts = agents.orders[-1].disks[0].partitions
    assert max(p.start + p.size for p in parts) > 39 << 30
    assert list(world.cloud.sizes.values()) == [last]
    (image,) = world.cloud.alive(ResourceKind.IMAGE)
    made = world.cloud.things[image.id].image
    assert made is not None
    assert made.disks[0].size_gib == last
    assert any("grows to" in note for note in world.notes())


def test_a_warm_pass_grows_too_and_the_cutover_keeps_it(tmp_path: Path) -> None:
    """What grew is remembered by the journal."""
    world, agents = a_world(tmp_path, least=25)
    world.run(verb=warm)
    grown = agents.orders[-1].disks[0].size_gib
    count = len(agents.orders)
    world.run()
    world.assert_ended_well()
    assert [o.disks[0].size_gib for o in agents.orders[count:]] == [grown]


def test_growth_survives_a_refusal_of_the_cloud(tmp_path: Path) -> None:
    """It is asked for again with the next run, before the agent waits for it."""
    world, agents = a_world(tmp_path, least=25)
    error = CloudError("no", api_code="IncorrectDiskStatus", action="ResizeDisk")
    world.cloud.fail_next("grow_disk", error)
    with pytest.raises(CloudError):
        world.run()
    assert not world.cloud.sizes
    world.run()
    world.assert_ended_well()
    assert list(world.cloud.sizes.values()) == [agents.orders[-1].disks[0].size_gib]


def test_another_instance_begins_with_the_sizes_of_the_plan(tmp_path: Path) -> None:
    """Its disks are the plan's: they grow again only when they must."""
    world, agents = a_world(tmp_path, least=25)
    world.run(verb=warm)
    (instance,) = world.cloud.alive(ResourceKind.INSTANCE)
    world.cloud.lose(instance.id)
    count = len(agents.orders)
    agents.least = 0
    world.run()
    assert [o.disks[0].size_gib for o in agents.orders[count:]] == [20]


def test_a_volume_that_cannot_grow_says_what_the_faq_says(tmp_path: Path) -> None:
    """/boot lies before the root; nothing was made larger, and the run can be repeated."""
    world, _ = a_world(tmp_path, volume="disk0p2", least=25)
    with pytest.raises(ConfigError, match="not the last one") as caught:
        world.run()
    assert "data clear" in caught.value.hint
    assert not world.cloud.sizes
