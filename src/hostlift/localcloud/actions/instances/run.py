# SPDX-License-Identifier: Apache-2.0
"""ECS: RunInstances: records of instances and their disks, from a checked request."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

from hostlift.localcloud.actions.base import Context, Order, action
from hostlift.localcloud.actions.instances.launch import Launch, check_launch
from hostlift.localcloud.actions.instances.launch_request import RunInstances
from hostlift.localcloud.actions.storage.disks import performance_of
from hostlift.localcloud.addresses import next_private, next_public
from hostlift.localcloud.ids import new_id, new_mac, serial_of
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life import networks
from hostlift.localcloud.state.records import Disk, Instance
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.message import Product

_LETTERS = "bcdefghijklmnopqrstuvwxyz"
_DEFAULT_IN = 10


@action(Product.ECS, RunInstances, on="instance/*", order=Order.MONEY)
def run_instances(context: Context, ask: RunInstances) -> Body:
    """They are Pending at once; Running when their guests run."""
    launch = check_launch(context, ask)
    store = context.store
    made: list[Instance] = []
    for number in range(ask.Amount):
        instance = _instance(context, launch, number)
        store.instances.put(instance)
        for disk in _disks(context, launch, instance):
            store.disks.put(disk)
        made.append(instance)
    for job in networks.admit_again(context.cloud, frozenset(g.id for g in launch.groups)):
        context.later(job)
    for instance in made:
        context.later(Job("instance", instance.id))
    return {"InstanceIdSets": {"InstanceIdSet": [i.id for i in made]}}


def _instance(context: Context, launch: Launch, number: int) -> Instance:
    ask, key = launch.ask, new_id("i")
    suffix = f"{number + 1:03d}" if ask.UniqueSuffix and ask.Amount > 1 else ""
    given = ask.HostNames[number] if number < len(ask.HostNames) else ask.HostName
    default = "iZ" + key.removeprefix("i-") + "Z"
    out = ask.InternetMaxBandwidthOut
    return Instance(
        id=key,
        account=context.account.id,
        region=ask.RegionId,
        created=context.now,
        name=f"{ask.InstanceName or key}{suffix}",
        description=ask.Description,
        resource_group=ask.ResourceGroupId,
        tags=launch.tags,
        zone=launch.vswitch.zone,
        type=launch.size.id,
        image=launch.image.id,
        boot_mode="UEFI" if launch.image.boot_mode == "UEFI" else "BIOS",
        os_type=launch.image.os_type,
        os_name=launch.image.os_name,
        hostname=f"{given}{suffix}" if given else default,
        vpc=launch.vswitch.vpc,
        vswitch=launch.vswitch.id,
        groups=tuple(g.id for g in launch.groups),
        mac=new_mac(),
        eni=new_id("eni"),
        private_ip=launch.private_ip or _private(context, launch),
        public_ip=public_address(context) if out else "",
        bandwidth_in=ask.InternetMaxBandwidthIn or max(_DEFAULT_IN, out),
        bandwidth_out=out,
        internet_charge=ask.InternetChargeType,
        user_data=ask.UserData,
        key_pair=ask.KeyPairName,
        ram_role=ask.RamRoleName,
        http_endpoint=ask.HttpEndpoint,
        http_tokens=ask.HttpTokens,
        hop_limit=ask.HttpPutResponseHopLimit,
        serial=str(uuid.uuid4()),
        spot_strategy=ask.SpotStrategy,
        credit=ask.CreditSpecification or ("Standard" if launch.size.credits else ""),
        protected=ask.DeletionProtection,
        release_at=launch.release_at,
    )


def _private(context: Context, launch: Launch) -> str:
    vswitch = launch.vswitch
    instances = context.store.instances.all()
    taken = {i.private_ip for i in instances if i.vswitch == vswitch.id}
    address = next_private(vswitch.cidr, taken)
    if not address:
        raise ApiError(
            "QuotaExceeded.PrivateIpAddress", "Don't have enough private IPs in this switch"
        )
    return address


def public_address(context: Context) -> str:
    """A free public address.

    Raises:
        ApiError: There is none left.
    """
    address = next_public(networks.taken_public(context.cloud))
    if not address:
        raise ApiError("QuotaExceed.EipAddress", "This cloud has no more public addresses.", 403)
    return address


def _disks(context: Context, launch: Launch, instance: Instance) -> Iterator[Disk]:
    """The system disk, the image's data disks, then those asked for."""
    letters = iter(_LETTERS)
    yield _system_disk(context, launch, instance)
    for mapped in launch.image.disks:
        if mapped.type == "data":
            yield replace(
                _blank(context, instance, launch.system_category, mapped.size),
                source=mapped.snapshot,
                snapshot=mapped.snapshot,
                device=f"/dev/xvd{next(letters)}",
            )
    for part in launch.ask.DataDisk:
        copied = context.store.snapshots.get(part.SnapshotId)
        size = copied.disk_size if copied else part.Size or 0
        category = part.Category or "cloud_efficiency"
        yield replace(
            _blank(context, instance, category, size),
            name=part.DiskName,
            description=part.Description,
            source=part.SnapshotId,
            snapshot=part.SnapshotId,
            performance=performance_of(category, part.PerformanceLevel),
            device=f"/dev/xvd{next(letters)}",
            delete_with_instance=part.DeleteWithInstance,
        )


def _system_disk(context: Context, launch: Launch, instance: Instance) -> Disk:
    asked = launch.ask.SystemDisk
    mapped = next(d for d in launch.image.disks if d.type == "system")
    return replace(
        _blank(context, instance, launch.system_category, launch.system_gib),
        name=asked.DiskName,
        description=asked.Description,
        type="system",
        source=mapped.snapshot or launch.image.id,
        image=launch.image.id,
        performance=performance_of(launch.system_category, asked.PerformanceLevel),
        device="/dev/xvda",
    )


def _blank(context: Context, instance: Instance, category: str, size: int) -> Disk:
    key = new_id("d")
    return Disk(
        id=key,
        account=instance.account,
        serial=serial_of(key),
        region=instance.region,
        zone=instance.zone,
        created=context.now,
        resource_group=instance.resource_group,
        tags=instance.tags,
        size=size,
        category=category,
        type="data",
        performance=performance_of(category, None),
        instance=instance.id,
        attached=context.now,
        ever_attached=True,
        delete_with_instance=True,
    )
