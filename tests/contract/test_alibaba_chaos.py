# SPDX-License-Identifier: Apache-2.0
"""The driver through the life of a migration's resources, with a fault at every call of it.

Each run ends as without the fault, or in a `CloudError` that says what to do; in both cases what it
made can be found by its tag and deleted, so nothing is left. Virtual time: hundreds of runs a second
of work each. The pipeline's own chaos test stands on the same `driven`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fakes.embedded import driven
from fakes.papercloud import PaperCloud, cloud

from hostlift.errors import CloudError, Retry
from hostlift.localcloud.faults.kinds import Fault, FaultKind, kinds_for
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.images import ImageDisk, ImageSpec
from hostlift.ports.instances import InstanceSpec
from hostlift.ports.networks import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostlift.clouds.alibaba.driver import AlibabaCloud

TAGS = {"hostlift": "m-chaos"}
PATIENCE = 1800.0
ORDER = tuple(reversed(ResourceKind))


class NeverCame(Exception):
    """Something failed, or did not come about however long one waited."""


class Life:
    """The resources of a migration, asked for as the pipeline asks for them."""

    def __init__(self, paper: PaperCloud, driver: AlibabaCloud) -> None:
        self.paper = paper
        self.driver = driver

    def until(self, what: Callable[[], bool]) -> None:
        end = self.paper.clock.monotonic() + PATIENCE
        while not what():
            if self.paper.clock.monotonic() > end:
                raise NeverCame
            self.paper.clock.sleep(2.0)

    def come(self, kind: ResourceKind, name: str, phase: Phase = Phase.READY) -> str:
        def came() -> bool:
            state = self.driver.state(Resource(kind, name))
            if state is not None and state.phase is Phase.FAILED:
                raise NeverCame(kind)
            return state is not None and state.phase is phase

        self.until(came)
        return name

    def later(self, call: Callable[[], str]) -> str:
        """Again and again while the cloud says that it may come."""
        found: list[str] = []

        def made() -> bool:
            try:
                found.append(call())
            except CloudError as error:
                if error.retry is not Retry.RETRY:
                    raise
            return bool(found)

        self.until(made)
        return found[0]

    def live(self) -> None:
        driver, instance = self.driver, self._instance()
        driver.instances.stop(instance, force=True)
        self.come(ResourceKind.INSTANCE, instance, Phase.STOPPED)
        disk = self._data_disk(instance)
        snapshot = self.later(
            lambda: driver.images.snapshot(disk, name="disk0", tags=TAGS, token="n")
        )
        self.come(ResourceKind.SNAPSHOT, snapshot)
        disks = (ImageDisk(snapshot=snapshot, size_gib=20, system=True),)
        spec = ImageSpec(
            name="moved", description="", platform="Debian", architecture="x86_64",
            firmware="bios", disks=disks, tags=TAGS,
        )  # fmt: skip
        self.come(ResourceKind.IMAGE, driver.images.create(spec, token="m"))

    def _data_disk(self, instance: str) -> str:
        """The listing of an instance may be there before that of its disks."""
        found: list[str] = []

        def shown() -> bool:
            state = self.driver.state(Resource(ResourceKind.INSTANCE, instance))
            found.extend(key for key, _ in (state.disks if state else ()))
            return bool(found)

        self.until(shown)
        return found[0]

    def _instance(self) -> str:
        driver, place = self.driver, next(self.driver.instances.placements())
        vpc = driver.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="v")
        self.come(ResourceKind.VPC, vpc)
        subnet = driver.networks.create_vswitch(
            vpc=vpc, zone=place.zone, cidr="172.16.1.0/24", tags=TAGS, token="s"
        )
        self.come(ResourceKind.VSWITCH, subnet)
        rules = (Rule(port=8080, source="198.51.100.7/32"),)
        group = driver.networks.create_security_group(vpc=vpc, rules=rules, tags=TAGS, token="g")
        spec = InstanceSpec(
            name="INSTANCE_FOR_GO_TOALIYUN", image=place.image, placement=place, vswitch=subnet,
            security_group=group, system_gib=20, data_disks=(20,), user_data=b"#!/bin/sh",
            release_at=self.paper.clock.now() + 7200, tags=TAGS,
        )  # fmt: skip
        return self.come(ResourceKind.INSTANCE, driver.instances.run(spec, token="i"))

    def clean(self) -> None:
        """As `data clear` does: by tag, what stands on something before it."""

        def gone() -> bool:
            left = self.driver.find("hostlift", "m-chaos")
            for resource in sorted(left, key=lambda r: ORDER.index(r.kind)):
                try:
                    self.driver.delete(resource)
                except CloudError as error:
                    if error.retry is not Retry.RETRY:
                        raise
            return not left

        self.until(gone)


def _ends(*faults: Fault) -> str:
    """How a life with these faults ends: well, or with which code; the account is empty after it."""
    paper = cloud(faults=faults, watch_period=5)
    life = Life(paper, driven(paper))
    try:
        life.live()
        end = "well"
    except CloudError as error:
        end = error.api_code if error.hint else f"{error.api_code} without a remedy"
    except NeverCame:
        end = "never"
    paper.cloud.faults.clear()
    life.clean()
    left = paper.cloud.store
    assert left.vpcs.all() + left.instances.all() + left.disks.all() + left.images.all() == []
    assert left.groups.all() + left.vswitches.all() + left.snapshots.all() == []
    paper.close()
    return end


def test_a_fault_at_every_call_ends_well_or_with_a_remedy_and_leaves_nothing() -> None:
    """Every kind at every call; what passes by itself must not end a migration."""
    paper = cloud()
    Life(paper, driven(paper)).live()
    made = paper.cloud.faults.made
    paper.close()
    ends: dict[FaultKind, Counter[str]] = {kind: Counter() for kind in FaultKind}
    for call in made:
        for kind in kinds_for(call.action):
            ends[kind][_ends(Fault(kind=kind, call=call.number))] += 1
    runs = sum(sum(counter.values()) for counter in ends.values())
    assert len(made) >= 25
    assert runs >= 250
    passing = (
        FaultKind.THROTTLE, FaultKind.UNAVAILABLE, FaultKind.INTERNAL, FaultKind.BAD_GATEWAY,
        FaultKind.NO_ANSWER, FaultKind.SLOW,
    )  # fmt: skip
    assert {k: dict(ends[k]) for k in passing if set(ends[k]) != {"well"}} == {}
    assert not [end for counter in ends.values() for end in counter if "remedy" in end]
