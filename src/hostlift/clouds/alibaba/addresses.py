# SPDX-License-Identifier: Apache-2.0
"""Elastic public addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.adopt import create_once, first, tagged
from hostlift.clouds.alibaba.requests.addresses import (
    AllocateEipAddress,
    AssociateEipAddress,
    DescribeEipAddresses,
    ReleaseEipAddress,
)
from hostlift.clouds.alibaba.requests.base import client_token, tag_list
from hostlift.errors import CloudError
from hostlift.ports.cloud import Phase, Resource, ResourceKind, ResourceState

if TYPE_CHECKING:
    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.records import AddressRow

_USABLE = {"Available", "InUse"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Elastic addresses of a region."""

    api: Api

    def create(self, *, mbps: int, tags: dict[str, str], token: str) -> str:
        """See `Networks.create_address`."""
        marked = tagged(tags, token)
        request = AllocateEipAddress(
            client_token=client_token(token, AllocateEipAddress.action),
            name="hostlift",
            bandwidth=mbps,
            tag=tag_list(marked),
        )
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def associate(self, name: str, instance: str) -> None:
        """See `Networks.associate`."""
        try:
            self.api.call(AssociateEipAddress(allocation_id=name, instance_id=instance))
        except CloudError:
            # Tied already, or on the way there, is refused as a wrong state.
            row = self._row(name)
            if row is None or row.instance != instance:
                raise

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [row.id for row in self.api.pages(DescribeEipAddresses(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one."""
        row = self._row(name)
        if row is None:
            return None
        return ResourceState(
            resource=Resource(ResourceKind.ADDRESS, name),
            phase=Phase.READY if row.status in _USABLE else Phase.PENDING,
            detail=row.status,
            public_ip=row.address,
        )

    def delete(self, name: str) -> None:
        """Give one back."""
        self.api.call(ReleaseEipAddress(allocation_id=name))

    def _row(self, name: str) -> AddressRow | None:
        rows = self.api.pages(DescribeEipAddresses(allocation_id=name))
        return next((row for row in rows if row.id == name), None)
