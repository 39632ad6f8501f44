# SPDX-License-Identifier: Apache-2.0
"""Disks: Creating → Available, Attaching → In_use, Detaching → Available."""

from __future__ import annotations

from dataclasses import replace

from hostlift.localcloud.life.pace import held
from hostlift.localcloud.state.records import Disk, DiskStatus
from hostlift.localcloud.world import World

_NEXT = {
    DiskStatus.CREATING: DiskStatus.AVAILABLE,
    DiskStatus.ATTACHING: DiskStatus.IN_USE,
    DiskStatus.DETACHING: DiskStatus.AVAILABLE,
}
_RETRY = 5.0


def advance(cloud: World, key: str) -> float | None:
    """Make the disk if it is not there, and let it arrive in its next state."""
    make(cloud, key)
    with cloud.store.change():
        disk = cloud.store.disks.get(key)
        if disk is None or disk.status not in _NEXT:
            return None
        if wait := held(cloud, disk):
            return wait
        after = _NEXT[disk.status]
        if disk.status is DiskStatus.CREATING and disk.instance:
            after = DiskStatus.IN_USE
        if disk.status is DiskStatus.DETACHING:
            disk = _loosen(cloud, disk)
        cloud.store.disks.put(replace(disk, status=after))
    return None


def make(cloud: World, key: str) -> None:
    """Give a disk its bytes, once."""
    disk = cloud.store.disks.get(key)
    if disk is None or disk.made:
        return
    cloud.compute.create_disk(disk.id, disk.size, source=disk.source)
    with cloud.store.change():
        disk = cloud.store.disks.get(key)
        if disk is not None:
            cloud.store.disks.put(replace(disk, made=True, trouble=""))


def fail(cloud: World, key: str, reason: str) -> float | None:
    """Keep the reason, try again."""
    with cloud.store.change():
        disk = cloud.store.disks.get(key)
        if disk is None:
            return None
        cloud.store.disks.put(replace(disk, trouble=reason))
    return _RETRY


def _loosen(cloud: World, disk: Disk) -> Disk:
    return replace(
        disk, instance="", device="", delete_with_instance=False, detached=cloud.clock.now()
    )
