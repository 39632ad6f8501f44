# SPDX-License-Identifier: Apache-2.0
"""Life cycles: what happens to a resource after the call that began it was answered.

Each module has ``advance(cloud, id)``: read the record, do the next bit of real work, write the
record; it returns the seconds after which to look again, or None. All of it may be repeated.
"""

from __future__ import annotations

from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life import (
    accidents,
    burial,
    disks,
    eips,
    images,
    instances,
    networks,
    shadows,
    sites,
    snapshots,
)
from hostlift.localcloud.world import World

_ADVANCE = {
    "vpc": networks.advance_vpc,
    "vswitch": networks.advance_vswitch,
    "admit": networks.admit,
    "instance": instances.advance,
    "disk": disks.advance,
    "snapshot": snapshots.advance,
    "image": images.advance,
    "eip": eips.advance,
    "site": sites.advance,
    "shadow": shadows.advance,
    "tombstone": burial.advance,
    "kill": accidents.kill,
    "vanish": accidents.vanish,
}
_FAIL = {
    "instance": instances.fail,
    "disk": disks.fail,
    "snapshot": snapshots.fail,
    "site": sites.fail,
}
_RETRY = 3.0


def advance(cloud: World, job: Job) -> float | None:
    """Do the next bit of a job."""
    return _ADVANCE[job.kind](cloud, job.id)


def fail(cloud: World, job: Job, reason: str) -> float | None:
    """Write down that a job failed; returns when to try again, if that can help."""
    if job.kind not in _FAIL:
        return _RETRY
    return _FAIL[job.kind](cloud, job.id, reason)


def watch(cloud: World) -> float | None:
    """Notice guests that switched themselves off, and releases that are due."""
    instances.watch(cloud)
    return cloud.settings.watch_period


def unfinished(cloud: World) -> list[Job]:
    """All that may have work left, after a start of the cloud."""
    store = cloud.store
    return [
        *(Job("vpc", r.id) for r in store.vpcs.all()),
        *(Job("vswitch", r.id) for r in store.vswitches.all()),
        *(Job("instance", r.id) for r in store.instances.all()),
        *(Job("disk", r.id) for r in store.disks.all()),
        *(Job("snapshot", r.id) for r in store.snapshots.all()),
        *(Job("image", r.id) for r in store.images.all()),
        *(Job("eip", r.id) for r in store.eips.all()),
        *(Job("shadow", r.id) for r in store.shadows.all()),
        *(Job("site", r.id) for r in store.sites.all()),
        *(Job("tombstone", r.id) for r in store.tombstones.all()),
    ]
