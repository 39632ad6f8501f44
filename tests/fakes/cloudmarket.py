# SPDX-License-Identifier: Apache-2.0
"""The account of a cloud in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostlift.model.cost import Tariff
from hostlift.ports.market import Balance, Feature, Permission, Quota

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from hostlift.ports.instances import Placement


class MemoryMarket:
    """`hostlift.ports.market.Market` of an account that may do and has everything."""

    def __init__(self) -> None:
        self.money: Balance | None = Balance(amount=5000.0, currency="CNY")
        self.limits: tuple[Quota, ...] = (Quota(counts="VPCs", limit=10, used=1),)
        self.rates = Tariff(
            currency="CNY", instance=0.1, disk_gib=0.002, snapshot_gib=0.12, source="the test"
        )
        self.denied: frozenset[str] = frozenset()
        self.active: bool | None = True
        self.through = ""

    def credential_source(self) -> str:
        return "key of the test"

    def endpoints(self) -> tuple[str, ...]:
        return ()

    def meant_region(self, region: str) -> str:
        return region

    def proxy(self) -> str:
        return self.through

    def balance(self) -> Balance | None:
        return self.money

    def quotas(self) -> tuple[Quota, ...]:
        return self.limits

    def tariff(
        self, placement: Placement, *, system_gib: int, data_disks: tuple[int, ...]
    ) -> Tariff:
        del placement, system_gib, data_disks
        return self.rates

    def usual_tariff(self) -> Tariff:
        return self.rates

    def permissions(self, features: Collection[Feature]) -> Iterator[Permission]:
        for feature in sorted(features):
            action = f"do:{feature.value}"
            yield Permission(action=action, allowed=action not in self.denied)

    def snapshots_active(self) -> bool | None:
        return self.active
