# SPDX-License-Identifier: Apache-2.0
"""Snapshots: progressing → accomplished, or failed."""

from __future__ import annotations

from dataclasses import replace

from hostlift.localcloud.life.pace import held
from hostlift.localcloud.state.records import SnapshotStatus
from hostlift.localcloud.world import World


def advance(cloud: World, key: str) -> float | None:
    """Copy at once (the point in time is the call's), then call it accomplished."""
    snapshot = cloud.store.snapshots.get(key)
    if snapshot is None or snapshot.status is not SnapshotStatus.PROGRESSING:
        return None
    if not snapshot.copied:
        if snapshot.source:
            cloud.compute.copy_snapshot(snapshot.source, snapshot.id)
            if cloud.store.snapshots.get(key) is None:
                # Cancelled meanwhile: its burial may have come before the bytes.
                cloud.compute.delete_snapshot(key)
        else:
            cloud.compute.snapshot(snapshot.disk, snapshot.id)
        _put(cloud, key, copied=True)
        return cloud.settings.delay
    if wait := held(cloud, snapshot):
        return wait
    if snapshot.doom:
        return fail(cloud, key, snapshot.doom)
    _put(cloud, key, status=SnapshotStatus.ACCOMPLISHED)
    return None


def fail(cloud: World, key: str, reason: str) -> float | None:
    """A copy that failed once is failed."""
    _put(cloud, key, status=SnapshotStatus.FAILED, trouble=reason)
    return None


def being_copied(cloud: World, disks: frozenset[str]) -> bool:
    """Whether a snapshot still reads one of these disks."""
    return any(
        s.disk in disks and not s.source and s.status is SnapshotStatus.PROGRESSING and not s.copied
        for s in cloud.store.snapshots.all()
    )


def _put(
    cloud: World,
    key: str,
    *,
    status: SnapshotStatus = SnapshotStatus.PROGRESSING,
    copied: bool = True,
    trouble: str = "",
) -> None:
    with cloud.store.change():
        snapshot = cloud.store.snapshots.get(key)
        if snapshot is not None:
            now = cloud.clock.now()
            cloud.store.snapshots.put(
                replace(snapshot, status=status, copied=copied, trouble=trouble, modified=now)
            )
