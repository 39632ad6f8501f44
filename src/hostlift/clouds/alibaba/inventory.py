# SPDX-License-Identifier: Apache-2.0
"""What is there, by tag: one listing a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.images import IMAGE_PHASES, SNAPSHOT_PHASES
from hostlift.clouds.alibaba.instances import INSTANCE_PHASES
from hostlift.clouds.alibaba.requests.base import Tag
from hostlift.clouds.alibaba.requests.listings import (
    AddressListing,
    DiskListing,
    ImageListing,
    InstanceListing,
    Listed,
    Listing,
    SecurityGroupListing,
    SnapshotListing,
    VpcListing,
    VSwitchListing,
)
from hostlift.ports.cloud import Belonging, Phase, Resource, ResourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hostlift.clouds.alibaba.api import Api

LISTINGS: Mapping[ResourceKind, type[Listing]] = {
    ResourceKind.VPC: VpcListing,
    ResourceKind.VSWITCH: VSwitchListing,
    ResourceKind.SECURITY_GROUP: SecurityGroupListing,
    ResourceKind.ADDRESS: AddressListing,
    ResourceKind.DISK: DiskListing,
    ResourceKind.INSTANCE: InstanceListing,
    ResourceKind.SNAPSHOT: SnapshotListing,
    ResourceKind.IMAGE: ImageListing,
}
_PHASES: Mapping[ResourceKind, Mapping[str, Phase]] = {
    ResourceKind.INSTANCE: INSTANCE_PHASES,
    ResourceKind.SNAPSHOT: SNAPSHOT_PHASES,
    ResourceKind.IMAGE: IMAGE_PHASES,
}


@dataclass(frozen=True, slots=True)
class Inventory:
    """The whole region."""

    api: Api

    def belongings(self, tag: str, owner: str = "") -> list[Belonging]:
        """See `Cloud.belongings`."""
        wanted = (Tag(key=tag, value=owner),)
        return [
            _belonging(kind, row, tag)
            for kind in ResourceKind
            for row in self.api.pages(LISTINGS[kind](tag=wanted))
            if kind is not ResourceKind.DISK or not row.goes_along
        ]


def _belonging(kind: ResourceKind, row: Listed, tag: str) -> Belonging:
    phases = _PHASES.get(
        kind,
        {"": Phase.READY, "Available": Phase.READY, "In_use": Phase.READY, "InUse": Phase.READY},
    )
    return Belonging(
        resource=Resource(kind, row.id),
        owner=row.tags.get(tag, ""),
        name=row.name,
        phase=phases.get(row.status, Phase.PENDING),
        created=row.created,
        gib=row.gib,
        release_at=row.release_at,
        parts=row.snapshots,
    )
