# SPDX-License-Identifier: Apache-2.0
"""Instances: Pending → Starting → Running → Stopping → Stopped, and release."""

from __future__ import annotations

import base64
from dataclasses import replace

from hostlift.errors import HostError
from hostlift.localcloud.compute.base import MachineSpec, Nic, Power
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life import disks as disk_life
from hostlift.localcloud.life import eips, networks, shadows
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.life.pace import held
from hostlift.localcloud.life.snapshots import being_copied
from hostlift.localcloud.offer.catalogue import INSTANCE_TYPES
from hostlift.localcloud.state.records import Disk, DiskStatus, Instance, InstanceStatus
from hostlift.localcloud.world import World

_POLL = 0.2
_SLOW_POLL = 3.0


def advance(cloud: World, key: str) -> float | None:
    """The next bit of an instance's life."""
    instance = cloud.store.instances.get(key)
    if instance is None:
        return None
    if wait := _held(cloud, instance):
        return wait
    if instance.deleting:
        return _release(cloud, instance)
    match instance.status:
        case InstanceStatus.PENDING:
            return _prepare(cloud, instance)
        case InstanceStatus.STARTING:
            return _start(cloud, instance)
        case InstanceStatus.STOPPING:
            return _stop(cloud, instance)
        case InstanceStatus.RUNNING | InstanceStatus.STOPPED:
            return None


def fail(cloud: World, key: str, reason: str) -> float | None:
    """A start that failed leaves it Stopped; a stop or a release is tried again."""
    instance = cloud.store.instances.get(key)
    if instance is None:
        return None
    if instance.deleting or instance.status is InstanceStatus.STOPPING:
        return _SLOW_POLL
    _put(cloud, key, expect=instance.status, status=InstanceStatus.STOPPED, trouble=reason)
    return None


def watch(cloud: World) -> None:
    """Guests that switched themselves off are Stopped; due ones are released."""
    now = cloud.clock.now()
    for instance in cloud.store.instances.all():
        if instance.deleting:
            continue
        if 0 < instance.release_at <= now:
            with cloud.store.change():
                begin_release(cloud, instance.id)
            cloud.jobs.add(Job("instance", instance.id))
        elif instance.status is InstanceStatus.RUNNING and _is_off(cloud, instance):
            _put(cloud, instance.id, expect=instance.status, status=InstanceStatus.STOPPED)


def mark_for_start(cloud: World) -> None:
    """After a start of the cloud: what was running when it went down starts again."""
    for instance in cloud.store.instances.all():
        if instance.status is InstanceStatus.RUNNING:
            cloud.store.instances.put(replace(instance, status=InstanceStatus.STARTING))


def begin_release(cloud: World, key: str) -> None:
    """Mark for release, inside a change."""
    instance = cloud.store.instances.get(key)
    if instance is not None:
        cloud.store.instances.put(replace(instance, deleting=True, status=InstanceStatus.STOPPING))


def disks_of(cloud: World, instance: str) -> list[Disk]:
    """Disks of an instance, the system disk first."""
    found = [d for d in cloud.store.disks.all() if d.instance == instance]
    return sorted(found, key=lambda d: (d.type != "system", d.device))


def _held(cloud: World, instance: Instance) -> float:
    """A guest is stopped at once; it only shows as Stopping for longer."""
    stopping = instance.status is InstanceStatus.STOPPING and not instance.deleting
    return 0.0 if stopping else held(cloud, instance)


def _is_off(cloud: World, instance: Instance) -> bool:
    return cloud.compute.power(instance.id) is Power.OFF


def _prepare(cloud: World, instance: Instance) -> float:
    for disk in disks_of(cloud, instance.id):
        disk_life.make(cloud, disk.id)
    _put(cloud, instance.id, expect=instance.status, status=InstanceStatus.STARTING)
    return cloud.settings.delay


def _start(cloud: World, instance: Instance) -> float | None:
    if instance.doom:
        raise HostError(instance.doom, subject=instance.id)
    disks = disks_of(cloud, instance.id)
    if being_copied(cloud, frozenset(d.id for d in disks)):
        return _POLL
    for disk in disks:
        disk_life.make(cloud, disk.id)
        _arrive(cloud, disk.id)
    if not networks.wire_vswitch(cloud, instance.vswitch):
        raise HostError("its vSwitch is gone", subject=instance.id)
    nic = networks.nic_of(cloud, instance)
    if nic is None:
        raise HostError("its vSwitch is gone", subject=instance.id)
    with cloud.wiring:
        cloud.fabric.plug(instance.id, nic)
    networks.admit(cloud, instance.id)
    cloud.compute.start(_spec(instance, disks, nic))
    if _is_off(cloud, instance):
        raise HostError("it ended at once", subject=instance.id)
    with cloud.store.change():
        for disk in disks_of(cloud, instance.id):
            cloud.store.disks.put(replace(disk, ever_started=True))
        _put(cloud, instance.id, expect=InstanceStatus.STARTING, status=InstanceStatus.RUNNING)
    return None


def _arrive(cloud: World, key: str) -> None:
    with cloud.store.change():
        disk = cloud.store.disks.get(key)
        if disk is not None and disk.status in {DiskStatus.CREATING, DiskStatus.ATTACHING}:
            cloud.store.disks.put(replace(disk, status=DiskStatus.IN_USE))


def _spec(instance: Instance, disks: list[Disk], nic: Nic) -> MachineSpec:
    size = INSTANCE_TYPES[instance.type]
    return MachineSpec(
        id=instance.id,
        hostname=instance.hostname,
        cpus=size.cpus,
        memory_mib=int(size.memory * 1024),
        firmware="uefi" if instance.boot_mode.upper().startswith("UEFI") else "bios",
        disks=tuple(disk_life.ref_of(d) for d in disks),
        nic=nic,
        user_data=base64.b64decode(instance.user_data),
    )


def _stop(cloud: World, instance: Instance) -> float | None:
    if _is_off(cloud, instance):
        if wait := held(cloud, instance):
            return wait
        after = InstanceStatus.STARTING if instance.restart else InstanceStatus.STOPPED
        _put(cloud, instance.id, expect=InstanceStatus.STOPPING, status=after)
        if instance.stopped_mode == "StopCharging" and not instance.restart:
            networks.plug_again(cloud, instance.id)
        return cloud.settings.delay if instance.restart else None
    waited = cloud.clock.now() - instance.stop_asked
    force = instance.force_stop or waited > cloud.settings.stop_deadline
    cloud.compute.stop(instance.id, force=force)
    return min(_SLOW_POLL, max(_POLL, waited / 2))


def _release(cloud: World, instance: Instance) -> float | None:
    disks = disks_of(cloud, instance.id)
    if being_copied(cloud, frozenset(d.id for d in disks)):
        return _POLL
    cloud.compute.delete(instance.id)
    nic = networks.nic_of(cloud, instance)
    if nic is not None:
        with cloud.wiring:
            cloud.fabric.unplug(instance.id, nic)
    with cloud.store.change():
        jobs = [_let_go(cloud, disk) for disk in disks_of(cloud, instance.id)]
        cloud.store.instances.drop(instance.id)
        eips.let_go(cloud, instance.id)
        jobs.append(shadows.cast(cloud, instance))
        jobs += networks.admit_again(cloud, frozenset(instance.groups))
    for job in jobs:
        cloud.jobs.add(job)
    return None


def _let_go(cloud: World, disk: Disk) -> Job:
    if disk.type == "system" or disk.delete_with_instance:
        cloud.store.disks.drop(disk.id)
        return bury(cloud, "disk", disk.id)
    cloud.store.disks.put(
        replace(
            disk,
            instance="",
            device="",
            status=DiskStatus.AVAILABLE if disk.made else DiskStatus.CREATING,
            detached=cloud.clock.now(),
        )
    )
    return Job("disk", disk.id)


def _put(
    cloud: World,
    key: str,
    *,
    expect: InstanceStatus,
    status: InstanceStatus,
    trouble: str = "",
) -> None:
    """Move on, unless another call changed its course meanwhile."""
    with cloud.store.change():
        instance = cloud.store.instances.get(key)
        if instance is None or instance.status is not expect or instance.deleting:
            return
        running = status is InstanceStatus.RUNNING
        stopped = status is InstanceStatus.STOPPED
        if stopped and instance.stopped_mode == "StopCharging" and not instance.elastic:
            released = instance.released_ip or bool(instance.public_ip)
            instance = replace(instance, public_ip="", released_ip=released)
        cloud.store.instances.put(
            replace(
                instance,
                status=status,
                trouble=trouble,
                doom="" if stopped else instance.doom,
                started=cloud.clock.now() if running else instance.started,
                restart=instance.restart and not running and not stopped,
                force_stop=instance.force_stop and not running and not stopped,
            )
        )
