# SPDX-License-Identifier: Apache-2.0
"""Removing the bytes and wires of what was deleted."""

from __future__ import annotations

from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.snapshots import being_copied
from hostlift.localcloud.state.records import Buried, Tombstone
from hostlift.localcloud.world import World

_POLL = 0.2


def bury(cloud: World, kind: Buried, key: str, parent: str = "") -> Job:
    """Note inside a change that something is gone; the job, queued afterwards, removes the rest."""
    cloud.store.tombstones.put(Tombstone(id=key, kind=kind, parent=parent))
    return Job("tombstone", key)


def advance(cloud: World, key: str) -> float | None:
    """Remove, then forget."""
    stone = cloud.store.tombstones.get(key)
    if stone is None:
        return None
    if stone.kind == "disk" and being_copied(cloud, frozenset({key})):
        return _POLL
    match stone.kind:
        case "disk":
            cloud.compute.delete_disk(key)
        case "snapshot":
            cloud.compute.delete_snapshot(key)
        case "vswitch":
            with cloud.wiring:
                cloud.fabric.remove_vswitch(stone.parent, key)
        case "vpc":
            with cloud.wiring:
                cloud.fabric.remove_vpc(key)
    with cloud.store.change():
        cloud.store.tombstones.drop(key)
    return None
