# SPDX-License-Identifier: Apache-2.0
"""Whole stories with the real driver over the embedded cloud on paper; nothing waits, all is virtual."""

from __future__ import annotations

from dataclasses import dataclass, field

from fakes.embedded import driven
from fakes.papercloud import DrivenClock, PaperCloud, cloud
from fakes.stories import Stage, beacon

from hostlift.localcloud.config import MAIN
from hostlift.ports.cloud import Cloud


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
