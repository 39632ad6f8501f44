# SPDX-License-Identifier: Apache-2.0
"""The ledger: one resource per role whatever happens between call and answer, none left over."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import FakeClock
from fakes.cloud import MemoryCloud

from hostlift.errors import CloudError, DeadlinePassed, Interrupted, ResourceGone
from hostlift.events import discard
from hostlift.flow.journal import Record, open_journal
from hostlift.flow.ledger import Ledger
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import Resource, ResourceKind


class World:
    """A ledger over a memory cloud; `reopen` is what a restart of the process sees."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.cloud = MemoryCloud(self.clock)
        self.path = folder / "db"
        self.stop = threading.Event()
        self.opened = open_journal(self.path, self.clock)
        self.journal = self.opened.__enter__()
        self.journal.append(Record.MIGRATION, id="m-1")

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.journal, self.cloud, Waiter(self.clock, discard, self.stop))

    def reopen(self) -> None:
        self.opened.__exit__(None, None, None)
        self.opened = open_journal(self.path, self.clock)
        self.journal = self.opened.__enter__()

    def vpc(self, cidr: str = "10.0.0.0/8") -> str:
        def make(token: str, agreed: Mapping[str, Any]) -> str:
            return self.cloud.networks.create_vpc(
                cidr=agreed["cidr"], tags=self.ledger.tags, token=token
            )

        return self.ledger.ensure("vpc", ResourceKind.VPC, make, {"cidr": cidr})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.opened.__exit__(None, None, None)


def test_a_role_is_filled_once(world: World) -> None:
    """Asking again gives the same resource and makes no call that creates."""
    first = world.vpc()
    world.reopen()
    assert world.vpc() == first
    assert world.cloud.count("create_vpc") == 1


def test_a_reply_that_was_lost_leads_to_the_same_resource(world: World) -> None:
    """The call had its effect, we never heard: the same token finds it."""
    lost = CloudError("lost", api_code="Timeout", action="CreateVpc")
    world.cloud.fail_next("create_vpc", lost, after=True)
    with pytest.raises(CloudError):
        world.vpc()
    world.reopen()
    world.vpc()
    assert len(world.cloud.alive()) == 1


def test_a_repeated_request_is_the_same_request(world: World) -> None:
    """Parameters are those of the first time, so that the token is not refused as reused."""
    lost = CloudError("lost", api_code="Timeout", action="CreateVpc")
    world.cloud.fail_next("create_vpc", lost, after=True)
    with pytest.raises(CloudError):
        world.vpc("10.1.0.0/16")
    world.reopen()
    world.vpc("10.2.0.0/16")
    assert [s for m, s in world.cloud.calls if m == "create_vpc"] == ["10.1.0.0/16"] * 2


def test_an_old_unanswered_request_is_not_repeated(world: World) -> None:
    """After its time a new attempt is made; what the old one made goes by its tag."""
    lost = CloudError("lost", api_code="Timeout", action="CreateVpc")
    world.cloud.fail_next("create_vpc", lost, after=True)
    with pytest.raises(CloudError):
        world.vpc()
    world.clock.time += 3600
    world.vpc()
    assert len(world.cloud.alive()) == 2
    world.ledger.release()
    assert not world.cloud.alive()


def test_a_resource_that_somebody_deleted_is_made_again(world: World) -> None:
    """FAQ 14 without clearing anything by hand."""
    first = world.vpc()
    world.cloud.delete(Resource(ResourceKind.VPC, first))
    assert world.vpc() != first


def test_release_runs_backwards_and_leaves_nothing(world: World) -> None:
    """A group inside a network is deleted before the network; the ledger ends empty."""
    vpc = world.vpc()
    world.ledger.ready(Resource(ResourceKind.VPC, vpc), deadline=60, label="vpc")
    world.ledger.ensure(
        "group",
        ResourceKind.SECURITY_GROUP,
        lambda token, _: world.cloud.networks.create_security_group(
            vpc=vpc, rules=(), tags=world.ledger.tags, token=token
        ),
    )
    released = world.ledger.release()
    assert [r.kind for r in released] == [ResourceKind.SECURITY_GROUP, ResourceKind.VPC]
    assert not world.cloud.alive()
    assert not world.journal.state.live()


def test_release_keeps_what_it_is_told_to_keep(world: World) -> None:
    """The image and its snapshots survive the clean-up."""
    world.vpc()
    assert world.ledger.release(keep={ResourceKind.VPC}) == []
    assert len(world.cloud.alive()) == 1


def test_waiting_for_something_that_vanished_ends_at_once(world: World) -> None:
    """No deadline is sat out for a resource that does not exist."""
    with pytest.raises(ResourceGone):
        world.ledger.ready(Resource(ResourceKind.VPC, "vpc-none"), deadline=600, label="vpc")


def test_a_deadline_names_what_did_not_happen(world: World) -> None:
    """The message carries label and id."""
    vpc = world.vpc()
    world.cloud.delays[ResourceKind.VPC] = 1e9
    world.cloud.things[vpc].seconds = 1e9
    with pytest.raises(DeadlinePassed, match=f"private network {vpc}"):
        world.ledger.ready(Resource(ResourceKind.VPC, vpc), deadline=5, label="private network")


def test_a_wish_to_pause_ends_waiting(world: World) -> None:
    """Ctrl-C is heard between two looks."""
    vpc = world.vpc()
    world.stop.set()
    with pytest.raises(Interrupted):
        world.ledger.ready(Resource(ResourceKind.VPC, vpc), deadline=5, label="vpc")


def test_discarded_roles_are_deleted_and_filled_anew_by_others(world: World) -> None:
    """Under a new token: the cloud does not give back what was there before."""
    old = world.vpc()
    assert [r.id for r in world.ledger.discard(lambda role: role == "vpc")] == [old]
    assert world.cloud.alive() == []
    world.reopen()
    assert world.vpc() != old


def test_discarding_finds_what_an_unanswered_request_made(world: World) -> None:
    """Made, but the answer never came: its tag tells; what is in other roles stays."""
    kept = world.vpc()
    lost = CloudError("lost", api_code="Timeout", action="CreateVpc")
    world.cloud.fail_next("create_vpc", lost, after=True)

    def make(token: str, _agreed: Mapping[str, Any]) -> str:
        return world.cloud.networks.create_vpc(
            cidr="10.0.0.0/8", tags=world.ledger.tags, token=token
        )

    with pytest.raises(CloudError):
        world.ledger.ensure("second", ResourceKind.VPC, make)
    assert len(world.cloud.alive()) == 2
    world.ledger.discard(lambda role: role == "second")
    assert [r.id for r in world.cloud.alive()] == [kept]
    world.reopen()
    second = world.ledger.ensure("second", ResourceKind.VPC, make)
    assert {r.id for r in world.cloud.alive()} == {kept, second}


def test_a_pause_takes_its_time_and_ends_at_ctrl_c(world: World) -> None:
    """Between two rounds of passes."""
    waiter = Waiter(world.clock, discard, world.stop)
    before = world.clock.time
    waiter.pause(900)
    assert world.clock.time == pytest.approx(before + 900)
    waiter.pause(0)
    world.stop.set()
    with pytest.raises(Interrupted):
        waiter.pause(900)
