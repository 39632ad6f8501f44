# SPDX-License-Identifier: Apache-2.0
"""What a plan will cost, by what the cloud says of its prices or else by a list."""

from __future__ import annotations

import math
from dataclasses import replace

from hostlift.errors import ConfigError, HostliftError
from hostlift.model.cost import Cost, Tariff, Use
from hostlift.model.plan import GIB, MigrationPlan
from hostlift.ports.cloud import Cloud
from hostlift.settings.user_config import Settings

OWN_SYSTEM_GIB = 20
"""The intermediate instance's own disk."""
_AROUND_SECONDS = 900.0
"""Boot of the instance, adaptation, image."""
_SNAPSHOT_RATE = 30e6
"""Bytes a second; Alibaba's documents give 10 to 30 MB/s."""
_TRIAL_HOURS = 0.25
_HOUR = 3600.0


def with_cost(plan: MigrationPlan, tariff: Tariff, *, trial: bool) -> MigrationPlan:
    """The plan with its cost in the forecast."""
    forecast = plan.forecast
    hours = (forecast.seconds + forecast.bytes / _SNAPSHOT_RATE + _AROUND_SECONDS) / _HOUR
    tried = _TRIAL_HOURS if trial else 0.0
    disks = sum(disk.size_gib for disk in plan.disks)
    use = Use(
        instance_hours=hours + tried,
        disk_gib_hours=hours * (OWN_SYSTEM_GIB + disks) + tried * disks,
        snapshot_gib=min(disks, math.ceil(forecast.bytes / GIB)),
    )
    return replace(plan, forecast=replace(forecast, cost=Cost(tariff=tariff, use=use)))


def asked_tariff(cloud: Cloud, settings: Settings, plan: MigrationPlan) -> Tariff:
    """Prices of the first offer; a list of ours when the cloud tells none now."""
    try:
        offers = cloud.instances.placements(
            zone=settings.zone_id, instance_type=settings.instance_type
        )
        sizes = tuple(disk.size_gib for disk in plan.disks)
        return cloud.market.tariff(next(offers), system_gib=OWN_SYSTEM_GIB, data_disks=sizes)
    except (HostliftError, StopIteration):
        # Whatever stands in the way of an instance is told where one is made.
        return cloud.market.usual_tariff()


def refuse_dear(plan: MigrationPlan, max_cost: float) -> None:
    """End before anything is created when the estimate is above the ceiling.

    Raises:
        ConfigError: It is.
    """
    cost = plan.forecast.cost
    if cost is None or not max_cost or cost.total <= max_cost:
        return
    raise ConfigError(
        f"{max_cost:g} is less than the migration will cost, {cost.words[0]}",
        subject="max_cost",
        hint="Raise max_cost, or exclude data; nothing was created.",
    )
