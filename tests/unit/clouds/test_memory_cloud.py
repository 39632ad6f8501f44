# SPDX-License-Identifier: Apache-2.0
"""What the fake lets a test do, beyond the promises of the port (see tests/contract)."""

from __future__ import annotations

import pytest
from fakes.clock import FakeClock
from fakes.cloud import MemoryCloud
from fakes.cloudthings import refusal

from hostlift.errors import CloudError, ResourceGone, Retry
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.instances import InstanceSpec


def a_running_instance(cloud: MemoryCloud, clock: FakeClock, **changes: object) -> str:
    place = next(cloud.instances.placements())
    vpc = cloud.networks.create_vpc(cidr="172.16.0.0/16", tags={}, token="v")
    clock.sleep(60)
    vswitch = cloud.networks.create_vswitch(
        vpc=vpc, zone=place.zone, cidr="172.16.1.0/24", tags={}, token="s"
    )
    group = cloud.networks.create_security_group(vpc=vpc, rules=(), tags={}, token="g")
    clock.sleep(60)
    fields: dict[str, object] = {
        "name": "x",
        "image": place.image,
        "placement": place,
        "vswitch": vswitch,
        "security_group": group,
        "system_gib": 20,
        "data_disks": (40,),
        **changes,
    }
    instance = cloud.instances.run(InstanceSpec(**fields), token="i")  # type: ignore[arg-type]
    clock.sleep(60)
    return instance


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cloud(clock: FakeClock) -> MemoryCloud:
    return MemoryCloud(clock)


def test_a_scripted_failure_comes_once_and_before_the_effect(cloud: MemoryCloud) -> None:
    """The next call works."""
    cloud.fail_next("create_vpc", refusal("InternalError", "CreateVpc", Retry.RETRY))
    with pytest.raises(CloudError):
        cloud.networks.create_vpc(cidr="x", tags={}, token="t")
    assert cloud.alive() == []
    assert cloud.networks.create_vpc(cidr="x", tags={}, token="t")


def test_an_answer_can_be_lost_after_the_effect(cloud: MemoryCloud) -> None:
    """The case that tokens are for."""
    cloud.fail_next("create_vpc", refusal("NoAnswer", "CreateVpc", Retry.RETRY), after=True)
    with pytest.raises(CloudError):
        cloud.networks.create_vpc(cidr="x", tags={}, token="t")
    (made,) = cloud.alive()
    assert cloud.networks.create_vpc(cidr="x", tags={}, token="t") == made.id


def test_a_lost_instance_takes_its_disks_along(cloud: MemoryCloud, clock: FakeClock) -> None:
    """And its token never makes another one."""
    instance = a_running_instance(cloud, clock)
    state = cloud.state(Resource(ResourceKind.INSTANCE, instance))
    assert state is not None
    cloud.lose(instance)
    assert cloud.state(state.resource) is None
    with pytest.raises(ResourceGone):
        cloud.images.snapshot(state.disks[0][0], name="n", tags={}, token="snap")
    assert cloud.tokens["i"].id == instance


def test_an_instance_that_is_not_renewed_is_released(cloud: MemoryCloud, clock: FakeClock) -> None:
    """The dead man's switch."""
    instance = a_running_instance(cloud, clock, release_at=clock.now() + 3600)
    clock.sleep(1800)
    cloud.instances.renew(instance, clock.now() + 3600)
    clock.sleep(3500)
    assert cloud.alive(ResourceKind.INSTANCE)
    clock.sleep(200)
    assert not cloud.alive(ResourceKind.INSTANCE)


def test_a_deaf_guest_needs_force(cloud: MemoryCloud, clock: FakeClock) -> None:
    """A polite stop is accepted and changes nothing."""
    instance = Resource(ResourceKind.INSTANCE, a_running_instance(cloud, clock))
    cloud.deaf.add(instance.id)
    for force, phase in ((False, Phase.READY), (True, Phase.STOPPED)):
        cloud.instances.stop(instance.id, force=force)
        clock.sleep(60)
        state = cloud.state(instance)
        assert state is not None
        assert state.phase is phase


def test_an_unused_disk_cannot_be_captured_yet(cloud: MemoryCloud, clock: FakeClock) -> None:
    """Refused as something that passes; one at a time per disk."""
    state = cloud.state(Resource(ResourceKind.INSTANCE, a_running_instance(cloud, clock)))
    assert state is not None
    disk = state.disks[0][0]
    cloud.unused_disks.add(disk)
    with pytest.raises(CloudError, match="NeverUsed") as caught:
        cloud.images.snapshot(disk, name="n", tags={}, token="a")
    assert caught.value.retry is Retry.RETRY
    cloud.unused_disks.clear()
    snapshot = cloud.images.snapshot(disk, name="n", tags={}, token="a")
    with pytest.raises(CloudError, match="CreatingSnapshot"):
        cloud.images.snapshot(disk, name="n", tags={}, token="b")
    cloud.break_down(snapshot)
    broken = cloud.state(Resource(ResourceKind.SNAPSHOT, snapshot))
    assert broken is not None
    assert broken.phase is Phase.FAILED


def test_every_call_is_kept(cloud: MemoryCloud) -> None:
    """Tests count calls and look at their subjects."""
    cloud.networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="t")
    assert cloud.calls == [("create_vpc", "10.0.0.0/8")]
    assert cloud.count("create_vpc") == 1
