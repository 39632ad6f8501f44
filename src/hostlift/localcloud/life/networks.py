# SPDX-License-Identifier: Apache-2.0
"""VPCs, vSwitches, and the rules in front of each instance."""

from __future__ import annotations

from dataclasses import replace

from hostlift.localcloud.addresses import gateway
from hostlift.localcloud.admissions import admissions_of
from hostlift.localcloud.compute.base import Nic
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.pace import held
from hostlift.localcloud.state.records import Instance, NetworkStatus
from hostlift.localcloud.world import World


def advance_vpc(cloud: World, key: str) -> float | None:
    """Make the network and call it Available."""
    vpc = cloud.store.vpcs.get(key)
    if vpc is None:
        return None
    with cloud.wiring:
        cloud.fabric.ensure_vpc(vpc.id, vpc.cidr)
    if wait := held(cloud, vpc):
        return wait
    with cloud.store.change():
        vpc = cloud.store.vpcs.get(key)
        if vpc is not None:
            cloud.store.vpcs.put(replace(vpc, status=NetworkStatus.AVAILABLE))
    return None


def advance_vswitch(cloud: World, key: str) -> float | None:
    """Make the subnet and call it Available."""
    vswitch = cloud.store.vswitches.get(key)
    if vswitch is None or not wire_vswitch(cloud, key):
        return None
    if wait := held(cloud, vswitch):
        return wait
    with cloud.store.change():
        vswitch = cloud.store.vswitches.get(key)
        if vswitch is not None:
            cloud.store.vswitches.put(replace(vswitch, status=NetworkStatus.AVAILABLE))
    return None


def wire_vswitch(cloud: World, key: str) -> bool:
    """Make a subnet and the network around it; False when it is gone."""
    vswitch = cloud.store.vswitches.get(key)
    vpc = cloud.store.vpcs.get(vswitch.vpc) if vswitch else None
    if vswitch is None or vpc is None:
        return False
    with cloud.wiring:
        cloud.fabric.ensure_vpc(vpc.id, vpc.cidr)
        cloud.fabric.ensure_vswitch(vpc.id, vswitch.id, vswitch.cidr, gateway(vswitch.cidr))
    return True


def nic_of(cloud: World, instance: Instance) -> Nic | None:
    """The interface of an instance; None when its subnet is gone."""
    vswitch = cloud.store.vswitches.get(instance.vswitch)
    if vswitch is None:
        return None
    return Nic(
        vpc=instance.vpc,
        vswitch=instance.vswitch,
        mac=instance.mac,
        private_ip=instance.private_ip,
        prefix=int(vswitch.cidr.split("/")[1]),
        gateway=gateway(vswitch.cidr),
        public_ip=instance.public_ip,
    )


def admit(cloud: World, key: str) -> None:
    """Apply the rules of an instance's groups, as they are now."""
    instance = cloud.store.instances.get(key)
    nic = nic_of(cloud, instance) if instance else None
    if instance is None or nic is None or instance.deleting:
        return
    groups = [g for g in cloud.store.groups.all() if g.id in instance.groups]
    admissions = admissions_of(groups, members(cloud))
    with cloud.wiring:
        cloud.fabric.admit(nic, admissions)


def plug_again(cloud: World, key: str) -> None:
    """Follow a change of an instance's public address; one that never ran has no port yet."""
    instance = cloud.store.instances.get(key)
    nic = nic_of(cloud, instance) if instance else None
    if instance is None or nic is None or not instance.started:
        return
    if not wire_vswitch(cloud, instance.vswitch):
        return
    with cloud.wiring:
        cloud.fabric.plug(instance.id, nic)
    admit(cloud, key)


def taken_public(cloud: World) -> set[str]:
    """Public addresses in use, of all accounts."""
    instances = {i.public_ip for i in cloud.store.instances.all() if i.public_ip}
    return instances | {e.address for e in cloud.store.eips.all()}


def members(cloud: World) -> dict[str, list[str]]:
    """Private addresses of the instances in each group."""
    found: dict[str, list[str]] = {}
    for instance in cloud.store.instances.all():
        for group in () if instance.deleting else instance.groups:
            found.setdefault(group, []).append(instance.private_ip)
    return found


def admit_again(cloud: World, groups: frozenset[str]) -> list[Job]:
    """Jobs to renew the rules of all instances that a change in ``groups`` concerns."""
    records = cloud.store.groups.all()
    touched = groups | {g.id for g in records if any(r.group in groups for r in g.rules)}
    return [
        Job("admit", i.id)
        for i in cloud.store.instances.all()
        if touched.intersection(i.groups) and not i.deleting
    ]
