# SPDX-License-Identifier: Apache-2.0
"""Interfaces of released instances: subnet and groups are free only a moment after the instance."""

from __future__ import annotations

from hostlift.localcloud.jobs import Job
from hostlift.localcloud.state.records import Instance, Shadow
from hostlift.localcloud.world import World


def cast(cloud: World, instance: Instance) -> Job:
    """Leave the interface of an instance that is released, inside its change."""
    until = cloud.clock.now() + cloud.settings.linger
    cloud.store.shadows.put(
        Shadow(id=instance.eni, vswitch=instance.vswitch, groups=instance.groups, until=until)
    )
    return Job("shadow", instance.eni)


def advance(cloud: World, key: str) -> float | None:
    """Go when it is time."""
    shadow = cloud.store.shadows.get(key)
    if shadow is None:
        return None
    left = shadow.until - cloud.clock.now()
    if left > 0:
        return left
    with cloud.store.change():
        cloud.store.shadows.drop(key)
    return None
