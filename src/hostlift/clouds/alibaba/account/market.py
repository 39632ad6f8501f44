# SPDX-License-Identifier: Apache-2.0
"""`hostlift.ports.market.Market` on Alibaba Cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hostlift.clouds.advice import Handling
from hostlift.clouds.alibaba.account import probes, tariffs
from hostlift.clouds.alibaba.catalogue import advice
from hostlift.clouds.alibaba.endpoints import REGIONS, nearest
from hostlift.clouds.alibaba.requests.account import (
    DescribeAccountAttributes,
    DescribePrice,
    Dimension,
    ListProductQuotas,
    PricedDisk,
    QueryAccountBalance,
)
from hostlift.clouds.alibaba.requests.instances import SystemDisk
from hostlift.errors import CloudError
from hostlift.model.cost import Tariff
from hostlift.ports.market import Balance, Quota

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from hostlift.clouds.alibaba.api import Api
    from hostlift.ports.instances import Placement
    from hostlift.ports.market import Feature, Permission

T = TypeVar("T")

_ATTRIBUTES = {
    "vCPUs": ("max-postpaid-instance-vcpu-count", "used-postpaid-instance-vcpu-count"),
    "disk GiB": ("max-postpaid-yundisk-capacity", "used-postpaid-yundisk-capacity"),
    "security groups": ("max-security-groups", ""),
    "images": ("max-images", ""),
}
"""Ours -> the names of limit and usage in DescribeAccountAttributes."""


@dataclass(frozen=True, slots=True)
class AlibabaMarket:
    """The questions, in one region.

    Args:
        source: Says where the key in use was found.
        hosts: Of the endpoints.
        through: Says which proxy the calls go through.
    """

    api: Api
    source: Callable[[], str]
    hosts: tuple[str, ...]
    through: Callable[[], str] = str

    def credential_source(self) -> str:
        """See `Market`."""
        return self.source()

    def endpoints(self) -> tuple[str, ...]:
        """See `Market`."""
        return self.hosts

    def meant_region(self, region: str) -> str:
        """See `Market`."""
        return region if region in REGIONS else nearest(region)

    def proxy(self) -> str:
        """See `Market`."""
        return self.through()

    def balance(self) -> Balance | None:
        """See `Market`."""
        return self._unless_denied(lambda: self.api.call(QueryAccountBalance()))

    def quotas(self) -> tuple[Quota, ...]:
        """See `Market`."""
        told = self._unless_denied(lambda: self.api.call(DescribeAccountAttributes())) or {}
        found = [
            Quota(counts=name, limit=int(told[limit]), used=_number(told.get(used, "")))
            for name, (limit, used) in _ATTRIBUTES.items()
            if told.get(limit, "").isdecimal()
        ]
        return (*found, *self._networks())

    def _networks(self) -> Iterator[Quota]:
        """VPCs and vSwitches of the region, which only the Quota Center tells."""
        here = (Dimension(key="regionId", value=self.api.region),)
        request = ListProductQuotas(product_code="vpc", dimensions=here)
        for quota in self._unless_denied(lambda: self.api.call(request)) or ():
            if quota.counts.startswith("vpc_quota_instances_num"):
                yield Quota(counts="VPCs", limit=quota.limit, used=quota.used)
            if quota.counts.startswith("vpc_quota_vswitches_num"):
                yield Quota(counts="vSwitches in a VPC", limit=quota.limit)

    def tariff(
        self, placement: Placement, *, system_gib: int, data_disks: tuple[int, ...]
    ) -> Tariff:
        """See `Market`; snapshots have no price that can be asked for."""
        request = DescribePrice(
            instance_type=placement.instance_type,
            system_disk=SystemDisk(category=placement.system_disk, size=system_gib),
            data_disk=tuple(
                PricedDisk(category=placement.data_disk, size=size) for size in data_disks
            ),
        )
        told = self._unless_denied(lambda: self.api.call(request))
        if told is None:
            return self.usual_tariff()
        currency, parts = told
        disks = parts.get("systemDisk", 0.0) + parts.get("dataDisk", 0.0)
        return Tariff(
            currency=currency,
            instance=parts.get("instanceType", 0.0) + parts.get("bandwidth", 0.0),
            disk_gib=disks / (system_gib + sum(data_disks)),
            snapshot_gib=tariffs.usual(currency).snapshot_gib,
            source=f"DescribePrice for {placement.instance_type} in {placement.zone}",
        )

    def usual_tariff(self) -> Tariff:
        """See `Market`."""
        balance = self.balance()
        return tariffs.usual(
            balance.currency if balance else tariffs.usual_currency(self.api.region)
        )

    def permissions(self, features: Collection[Feature]) -> Iterator[Permission]:
        """See `Market`."""
        return probes.permissions(self.api, features)

    def snapshots_active(self) -> bool | None:
        """See `Market`."""
        try:
            self.api.call(probes.SNAPSHOT)
        except CloudError as error:
            if error.api_code == "InvalidAccountStatus.SnapshotServiceUnavailable":
                return False
            return None if advice(error.api_code).handling in _NO_ANSWER else True
        return None

    def _unless_denied(self, ask: Callable[[], T]) -> T | None:
        """None when the account's user may not ask, or the service does not answer that here."""
        try:
            return ask()
        except CloudError as error:
            if advice(error.api_code).handling in _NO_ANSWER:
                return None
            raise


_NO_ANSWER = {Handling.DENIED, Handling.TRANSIENT, Handling.SOLD_OUT}


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
