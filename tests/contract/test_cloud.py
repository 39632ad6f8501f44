# SPDX-License-Identifier: Apache-2.0
"""The promises of `hostlift.ports.cloud.Cloud`, kept by every implementation.

``memory`` is the fake of the flow's tests; ``alibaba`` is the driver over the vendor's SDK,
talking to the embedded cloud on paper, in a thread of this process.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from fakes.clock import FakeClock
from fakes.cloud import MemoryCloud
from fakes.embedded import alibaba_on_paper

from hostlift.errors import CloudError, Retry
from hostlift.host.clock import SystemClock
from hostlift.ports.cloud import Cloud, Phase, Resource, ResourceKind, ResourceState
from hostlift.ports.images import ImageDisk, ImageSpec
from hostlift.ports.instances import InstanceSpec
from hostlift.ports.networks import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hostlift.ports.clock import Clock


TAGS = {"hostlift": "m-1"}
RULES = (Rule(port=8080, source="198.51.100.7/32"), Rule(port=8703, source="198.51.100.7/32"))
PATIENCE = 120.0


@dataclass
class Arena:
    """A cloud, and time to wait in."""

    cloud: Cloud
    clock: Clock
    pause: float

    def until(self, done: Callable[[], bool]) -> None:
        """Wait for something that comes by itself."""
        limit = self.clock.monotonic() + PATIENCE
        while not done():
            assert self.clock.monotonic() < limit, "it never came"
            self.clock.sleep(self.pause)

    def ready(self, kind: ResourceKind, name: str) -> ResourceState:
        """Wait until something is READY."""
        self.until(lambda: self.phase(kind, name) is Phase.READY)
        state = self.cloud.state(Resource(kind, name))
        assert state is not None
        return state

    def phase(self, kind: ResourceKind, name: str) -> Phase | None:
        state = self.cloud.state(Resource(kind, name))
        return state.phase if state else None

    def delete(self, kind: ResourceKind, name: str) -> None:
        """Delete as the flow does: again and again while dependants still go."""

        def gone() -> bool:
            try:
                self.cloud.delete(Resource(kind, name))
            except CloudError as error:
                if error.retry is not Retry.RETRY:
                    raise
            return self.cloud.state(Resource(kind, name)) is None

        self.until(gone)

    def network(self) -> tuple[str, str, str]:
        """A VPC with a vSwitch and a group, ready."""
        zone = next(self.cloud.instances.placements()).zone
        vpc = self.cloud.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="vpc")
        self.ready(ResourceKind.VPC, vpc)
        vswitch = self.cloud.networks.create_vswitch(
            vpc=vpc, zone=zone, cidr="172.16.1.0/24", tags=TAGS, token="vswitch"
        )
        self.ready(ResourceKind.VSWITCH, vswitch)
        group = self.cloud.networks.create_security_group(
            vpc=vpc, rules=RULES, tags=TAGS, token="group"
        )
        return vpc, vswitch, group

    def instance(self, *disks: int, token: str = "instance") -> str:
        """A running instance in a network of its own."""
        _, vswitch, group = self.network()
        return self.run(self.spec(vswitch, group, *disks), token)

    def spec(self, vswitch: str, group: str, *disks: int) -> InstanceSpec:
        place = next(self.cloud.instances.placements())
        return InstanceSpec(
            name="INSTANCE_FOR_GO_TOALIYUN",
            image=place.image,
            placement=place,
            vswitch=vswitch,
            security_group=group,
            system_gib=20,
            data_disks=disks,
            user_data=b"#!/bin/sh\ntrue\n",
            release_at=self.clock.now() + 7200,
            tags=TAGS,
        )

    def run(self, spec: InstanceSpec, token: str) -> str:
        name = self.cloud.instances.run(spec, token=token)
        self.ready(ResourceKind.INSTANCE, name)
        return name

    def stop(self, instance: str) -> None:
        self.cloud.instances.stop(instance, force=True)
        self.until(lambda: self.phase(ResourceKind.INSTANCE, instance) is Phase.STOPPED)

    def snapshot(self, disk: str, token: str = "snapshot") -> str:
        """A finished snapshot, tried again while the cloud says it may come."""
        found: list[str] = []

        def made() -> bool:
            try:
                name = self.cloud.images.snapshot(disk, name="disk0", tags=TAGS, token=token)
            except CloudError as error:
                if error.retry is not Retry.RETRY:
                    raise
                return False
            found.append(name)
            return True

        self.until(made)
        self.ready(ResourceKind.SNAPSHOT, found[0])
        return found[0]


def an_image(snapshot: str, name: str = "web1") -> ImageSpec:
    return ImageSpec(
        name=name,
        description="from web1",
        platform="Debian",
        architecture="x86_64",
        firmware="bios",
        disks=(ImageDisk(snapshot=snapshot, size_gib=40, system=True),),
        tags=TAGS,
    )


@pytest.fixture(params=["memory", "alibaba"])
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Arena]:
    with ExitStack() as stack:
        if request.param == "memory":
            clock = FakeClock()
            yield Arena(MemoryCloud(clock), clock, pause=1.0)
        else:
            cloud = stack.enter_context(alibaba_on_paper(tmp_path))
            yield Arena(cloud, SystemClock(), pause=0.02)


def test_it_knows_who_we_are(arena: Arena) -> None:
    """An account number, an ARN, a kind."""
    who = arena.cloud.identity()
    assert who.account.isdecimal()
    assert who.arn.startswith("acs:ram::")
    assert who.kind


def test_the_clocks_agree(arena: Arena) -> None:
    """Same machine, same time."""
    assert abs(arena.cloud.clock_skew()) < 3


def test_a_placement_names_everything(arena: Arena) -> None:
    """Zone, type, disks and image; the zone that is asked for is the zone that is given."""
    place = next(arena.cloud.instances.placements())
    assert all((place.zone, place.instance_type, place.system_disk, place.data_disk, place.image))
    assert next(arena.cloud.instances.placements(zone=place.zone)).zone == place.zone


def test_a_network_comes_up_and_goes(arena: Arena) -> None:
    """In order, and backwards."""
    vpc, vswitch, group = arena.network()
    assert arena.phase(ResourceKind.SECURITY_GROUP, group) is Phase.READY
    arena.delete(ResourceKind.SECURITY_GROUP, group)
    arena.delete(ResourceKind.VSWITCH, vswitch)
    arena.delete(ResourceKind.VPC, vpc)
    assert arena.cloud.find("hostlift", "m-1") == []


def test_the_same_token_is_the_same_resource(arena: Arena) -> None:
    """Network, instance, snapshot and image, each asked for twice."""
    first = arena.network()
    assert arena.network() == first
    _, vswitch, group = first
    spec = arena.spec(vswitch, group, 40)
    instance = arena.run(spec, "i")
    assert arena.cloud.instances.run(spec, token="i") == instance
    state = arena.ready(ResourceKind.INSTANCE, instance)
    arena.stop(instance)
    snapshot = arena.snapshot(state.disks[0][0], "s")
    assert arena.snapshot(state.disks[0][0], "s") == snapshot
    image = arena.cloud.images.create(an_image(snapshot), token="m")
    assert arena.cloud.images.create(an_image(snapshot), token="m") == image
    assert len(arena.cloud.find("hostlift", "m-1")) == 6


def test_a_rerun_with_a_later_release_time_is_still_the_same_instance(arena: Arena) -> None:
    """The journal's token decides, not the parameters that change with the time of day."""
    _, vswitch, group = arena.network()
    spec = arena.spec(vswitch, group)
    first = arena.cloud.instances.run(spec, token="i")
    later = replace(spec, release_at=spec.release_at + 3600)
    assert arena.cloud.instances.run(later, token="i") == first


def test_another_token_is_another_resource(arena: Arena) -> None:
    """Tokens do not melt into each other."""
    first = arena.cloud.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="a")
    second = arena.cloud.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="b")
    assert first != second


def test_an_instance_has_addresses_and_its_disks_in_order(arena: Arena) -> None:
    """Each disk with the serial that the guest will see."""
    name = arena.instance(40, 60, 20)
    state = arena.ready(ResourceKind.INSTANCE, name)
    assert state.public_ip
    assert state.private_ip
    assert len(state.disks) == 3
    assert len({disk for disk, _ in state.disks}) == 3
    assert len({serial for _, serial in state.disks if serial}) == 3


def test_power_can_be_asked_for_twice(arena: Arena) -> None:
    """Stopping a stopped instance and starting a running one are fine; disks stay."""
    name = arena.instance(40)
    disks = arena.ready(ResourceKind.INSTANCE, name).disks
    arena.cloud.instances.start(name)
    arena.stop(name)
    arena.cloud.instances.stop(name, force=True)
    arena.cloud.instances.start(name)
    assert arena.ready(ResourceKind.INSTANCE, name).disks == disks


def test_a_disk_grows_under_a_running_instance(arena: Arena) -> None:
    """Asked twice it is as large; a disk that is not there is told."""
    name = arena.instance(40)
    disk = arena.ready(ResourceKind.INSTANCE, name).disks[0][0]
    for _ in range(2):
        arena.cloud.disks.grow(disk, 50, token="g")
    assert arena.ready(ResourceKind.INSTANCE, name).disks[0][0] == disk
    with pytest.raises(CloudError):
        arena.cloud.disks.grow("d-nobody", 50, token="h")


def test_an_automatic_release_can_be_moved(arena: Arena) -> None:
    """As long as the instance lives."""
    name = arena.instance()
    arena.cloud.instances.renew(name, arena.clock.now() + 4 * 3600)
    assert arena.phase(ResourceKind.INSTANCE, name) is Phase.READY


def test_the_console_of_a_running_instance_is_text(arena: Arena) -> None:
    """Even when it has printed nothing yet."""
    assert isinstance(arena.cloud.instances.console(arena.instance()), str)


def test_an_image_is_made_from_a_snapshot_of_a_data_disk(arena: Arena) -> None:
    """The whole capture: stop, snapshot, image; the name is then taken."""
    name = arena.instance(40)
    disk = arena.ready(ResourceKind.INSTANCE, name).disks[0][0]
    arena.stop(name)
    snapshot = arena.snapshot(disk)
    assert arena.cloud.images.named("web1") == ""
    image = arena.cloud.images.create(an_image(snapshot), token="m")
    assert arena.cloud.images.named("web1") == image
    assert arena.ready(ResourceKind.IMAGE, image).percent == 100
    with pytest.raises(CloudError) as caught:
        arena.cloud.images.create(an_image(snapshot), token="another")
    assert caught.value.api_code == "InvalidImageName.Duplicated"
    assert caught.value.hint


def test_what_is_in_use_is_not_deleted_but_may_be_later(arena: Arena) -> None:
    """Group, vSwitch and VPC under an instance; a snapshot under an image."""
    name = arena.instance(40)
    found = {r.kind: r for r in arena.cloud.find("hostlift", "m-1")}
    for kind in (ResourceKind.SECURITY_GROUP, ResourceKind.VSWITCH, ResourceKind.VPC):
        with pytest.raises(CloudError) as caught:
            arena.cloud.delete(found[kind])
        assert caught.value.retry is Retry.RETRY
    disk = arena.ready(ResourceKind.INSTANCE, name).disks[0][0]
    arena.stop(name)
    snapshot = arena.snapshot(disk)
    image = arena.cloud.images.create(an_image(snapshot), token="m")
    arena.ready(ResourceKind.IMAGE, image)
    with pytest.raises(CloudError) as caught:
        arena.cloud.delete(Resource(ResourceKind.SNAPSHOT, snapshot))
    assert caught.value.retry is Retry.RETRY


def test_everything_goes_newest_first(arena: Arena) -> None:
    """The order of ``find``, backwards, empties the ledger; a running instance included."""
    name = arena.instance(40)
    disk = arena.ready(ResourceKind.INSTANCE, name).disks[0][0]
    image = arena.cloud.images.create(an_image(arena.snapshot(disk)), token="m")
    arena.ready(ResourceKind.IMAGE, image)
    arena.cloud.networks.create_address(mbps=1, tags=TAGS, token="address")
    found = arena.cloud.find("hostlift", "m-1")
    kinds = [kind for kind in ResourceKind if kind is not ResourceKind.DISK]  # goes along
    assert [r.kind for r in found] == kinds
    for resource in reversed(found):
        arena.delete(resource.kind, resource.id)
    assert arena.cloud.find("hostlift", "m-1") == []


def test_the_image_and_its_snapshot_outlive_the_instance(arena: Arena) -> None:
    """What a finished migration leaves, and an instance that starts from it."""
    name = arena.instance(40)
    disk = arena.ready(ResourceKind.INSTANCE, name).disks[0][0]
    arena.stop(name)
    snapshot = arena.snapshot(disk)
    image = arena.cloud.images.create(an_image(snapshot), token="m")
    arena.ready(ResourceKind.IMAGE, image)
    arena.delete(ResourceKind.INSTANCE, name)
    assert arena.phase(ResourceKind.SNAPSHOT, snapshot) is Phase.READY
    _, vswitch, group = arena.network()
    trial = replace(arena.spec(vswitch, group), image=image, system_gib=40)
    assert arena.run(trial, "trial") != name


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_what_never_existed_has_no_state_and_deletes_well(arena: Arena, kind: ResourceKind) -> None:
    """For every kind."""
    stranger = Resource(kind, f"{kind.value[:3]}-0000000000000000")
    assert arena.cloud.state(stranger) is None
    arena.cloud.delete(stranger)


def test_find_sees_only_its_own(arena: Arena) -> None:
    """Two migrations in one account."""
    ours = arena.cloud.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="a")
    arena.cloud.networks.create_vpc(cidr="172.16.0.0/16", tags={"hostlift": "m-2"}, token="b")
    assert arena.cloud.find("hostlift", "m-1") == [Resource(ResourceKind.VPC, ours)]


def test_nothing_can_be_put_where_nothing_is(arena: Arena) -> None:
    """A subnet of a VPC that does not exist."""
    with pytest.raises(CloudError):
        arena.cloud.networks.create_vswitch(
            vpc="vpc-0000000000000000",
            zone=next(arena.cloud.instances.placements()).zone,
            cidr="172.16.1.0/24",
            tags=TAGS,
            token="t",
        )


def test_an_elastic_address_is_tied_once_and_goes_after_its_instance(arena: Arena) -> None:
    """Asked twice it is one; while the instance has it, it cannot be given back."""
    _, vswitch, group = arena.network()
    spec = replace(arena.spec(vswitch, group), bandwidth_mbps=0)
    instance = arena.run(spec, "i")
    assert arena.ready(ResourceKind.INSTANCE, instance).public_ip == ""
    networks = arena.cloud.networks
    address = networks.create_address(mbps=5, tags=TAGS, token="a")
    assert networks.create_address(mbps=5, tags=TAGS, token="a") == address
    told = arena.ready(ResourceKind.ADDRESS, address).public_ip
    networks.associate(address, instance)
    networks.associate(address, instance)
    arena.until(lambda: arena.ready(ResourceKind.INSTANCE, instance).public_ip == told)
    with pytest.raises(CloudError) as caught:
        arena.cloud.delete(Resource(ResourceKind.ADDRESS, address))
    assert caught.value.retry is Retry.RETRY
    arena.delete(ResourceKind.INSTANCE, instance)
    arena.delete(ResourceKind.ADDRESS, address)
