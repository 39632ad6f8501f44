# SPDX-License-Identifier: Apache-2.0
"""Disks: Creating → Available, Attaching → In_use, Detaching → Available."""

from __future__ import annotations

from dataclasses import replace

from hostlift.localcloud.compute.base import DiskRef
from hostlift.localcloud.life.pace import held
from hostlift.localcloud.state.records import Disk, DiskStatus, InstanceStatus
from hostlift.localcloud.world import World

_NEXT = {
    DiskStatus.CREATING: DiskStatus.AVAILABLE,
    DiskStatus.ATTACHING: DiskStatus.IN_USE,
    DiskStatus.DETACHING: DiskStatus.AVAILABLE,
}
_ON_THE_WAY = {DiskStatus.ATTACHING, DiskStatus.DETACHING}
_POLL = 0.5
_RETRY = 5.0


def advance(cloud: World, key: str) -> float | None:
    """Make the disk if it is not there, and let it arrive in its next state."""
    make(cloud, key)
    if wait := _plug(cloud, key):
        return wait
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


def _plug(cloud: World, key: str) -> float:
    """Show a disk to its running instance, or take it away; the seconds to wait until that is done.

    What starts or stops meanwhile is waited for: a start takes all disks that it finds.
    """
    disk = cloud.store.disks.get(key)
    instance = cloud.store.instances.get(disk.instance) if disk is not None else None
    if disk is None or instance is None or disk.status not in _ON_THE_WAY:
        return 0.0
    if instance.status not in {InstanceStatus.RUNNING, InstanceStatus.STOPPED}:
        return _POLL
    if disk.status is DiskStatus.DETACHING:
        return 0.0 if cloud.compute.detach_disk(instance.id, key) else _POLL
    if instance.status is InstanceStatus.RUNNING:
        cloud.compute.attach_disk(instance.id, ref_of(disk))
        with cloud.store.change():
            now = cloud.store.disks.get(key)
            if now is not None:
                cloud.store.disks.put(replace(now, ever_started=True))
    return 0.0


def ref_of(disk: Disk) -> DiskRef:
    """A disk as an instance sees it."""
    return DiskRef(id=disk.id, serial=disk.serial, size_gib=disk.size)


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
        disk,
        type="data",
        system_of=disk.instance if disk.type == "system" else disk.system_of,
        instance="",
        device="",
        delete_with_instance=False,
        detached=cloud.clock.now(),
    )
