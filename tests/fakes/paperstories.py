# SPDX-License-Identifier: Apache-2.0
"""Whole stories with the real driver over the embedded cloud on paper; nothing waits, all is virtual."""

from __future__ import annotations

from dataclasses import dataclass, field

from fakes.clock import FakeClock
from fakes.embedded import driven
from fakes.papercloud import DrivenClock, PaperCloud, cloud
from fakes.stories import Stage, beacon

from hostlift.localcloud.config import MAIN
from hostlift.ports.cloud import Cloud
from hostlift.ports.instances import InstanceSpec


@dataclass
class PaperStage(Stage):
    """A stage on an embedded cloud; ``wishes`` are those of `fakes.papercloud.cloud`.

    Attributes:
        owner: Whose key the migration has.
    """

    wishes: dict[str, object] = field(default_factory=dict)
    owner: str = MAIN

    def __post_init__(self) -> None:
        clock = DrivenClock()
        self.clock = clock
        super().__post_init__()
        self.paper: PaperCloud = cloud(clock, **self.wishes)
        self.paper.compute.said = beacon().encode()
        self.cloud = driven(self.paper, self.owner)

    def the_cloud(self) -> Cloud:
        return self.cloud

    def close(self) -> None:
        """Take the cloud down."""
        self.paper.close()

    def left(self) -> dict[str, int]:
        """How much of what costs money or room there is in the account, by kind."""
        store = self.paper.cloud.store
        kinds = {
            "vpcs": store.vpcs,
            "vswitches": store.vswitches,
            "groups": store.groups,
            "instances": store.instances,
            "disks": store.disks,
            "snapshots": store.snapshots,
            "images": store.images,
        }
        return {name: len(kind.all()) for name, kind in kinds.items() if kind.all()}


def a_server(cloud: Cloud, clock: FakeClock, *, stopped: bool = True) -> str:
    """An instance of the user's with a data disk, in a network of the user's."""
    vpc = cloud.networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="v")
    clock.sleep(60)
    offer = next(cloud.instances.placements())
    vswitch = cloud.networks.create_vswitch(
        vpc=vpc, zone=offer.zone, cidr="10.0.0.0/24", tags={}, token="s"
    )
    group = cloud.networks.create_security_group(vpc=vpc, rules=(), tags={}, token="g")
    clock.sleep(60)
    spec = InstanceSpec(
        name="theirs",
        image=offer.image,
        placement=offer,
        vswitch=vswitch,
        security_group=group,
        system_gib=40,
        data_disks=(20,),
    )
    server = cloud.instances.run(spec, token="i")
    clock.sleep(120)
    if stopped:
        cloud.instances.stop(server, force=True)
        clock.sleep(120)
    return server
