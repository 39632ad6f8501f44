# SPDX-License-Identifier: Apache-2.0
"""Calls that tell whether an action is allowed and cannot do anything.

What reads is called. What changes something is asked to do it to an object that cannot exist, as a
dry run where the action has one: permission is judged first, so any refusal but a denial says that
it would be allowed. The names are such as no object can have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from hostlift.clouds.advice import Handling
from hostlift.clouds.alibaba.actions import Action, needed
from hostlift.clouds.alibaba.catalogue import advice
from hostlift.clouds.alibaba.requests import (
    account,
    addresses,
    disks,
    images,
    instances,
    network,
    offers,
)
from hostlift.clouds.alibaba.requests.base import Tag
from hostlift.errors import CloudError
from hostlift.ports.market import Feature, Permission

if TYPE_CHECKING:
    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.requests.base import Request

_NOBODY = "hostlift-probe-0"
_TOKEN = "hostlift-probe"  # noqa: S105 - not a secret
_RULE = network.AuthorizeSecurityGroup(
    client_token=_TOKEN,
    security_group_id=f"sg-{_NOBODY}",
    ip_protocol="tcp",
    port_range="8080/8080",
    source_cidr_ip="192.0.2.1/32",
)
SNAPSHOT = images.CreateSnapshot(
    client_token=_TOKEN, disk_id=f"d-{_NOBODY}", snapshot_name="hostlift-probe"
)
PROBES: tuple[Request[Any], ...] = (
    addresses.AllocateEipAddress(
        # A tag that is reserved for the cloud: refused whoever asks.
        client_token=_TOKEN,
        name="hostlift-probe",
        bandwidth=1,
        tag=(Tag(key="acs:hostlift-probe", value=""),),
    ),
    addresses.AssociateEipAddress(allocation_id=f"eip-{_NOBODY}", instance_id=f"i-{_NOBODY}"),
    addresses.DescribeEipAddresses(page_size=1),
    addresses.ReleaseEipAddress(allocation_id=f"eip-{_NOBODY}"),
    account.DescribeAccountAttributes(),
    account.DescribePrice(
        instance_type=_NOBODY,
        system_disk=instances.SystemDisk(category="cloud_essd", size=20),
    ),
    account.ListProductQuotas(product_code="vpc"),
    account.QueryAccountBalance(),
    images.CreateImage(
        client_token=_TOKEN,
        image_name="hostlift-probe",
        description="",
        platform="Others Linux",
        architecture="x86_64",
        boot_mode="BIOS",
        disk_device_mapping=(
            images.DiskDeviceMapping(
                snapshot_id=f"s-{_NOBODY}", size=20, device="/dev/xvda", disk_type="system"
            ),
        ),
        dry_run=True,
    ),
    SNAPSHOT,
    disks.AttachDisk(instance_id=f"i-{_NOBODY}", disk_id=f"d-{_NOBODY}"),
    disks.CreateDisk(
        client_token=_TOKEN,
        zone_id=_NOBODY,
        disk_name="hostlift-probe",
        disk_category="cloud_essd",
        size=20,
    ),
    disks.DeleteDisk(disk_id=f"d-{_NOBODY}"),
    disks.DetachDisk(instance_id=f"i-{_NOBODY}", disk_id=f"d-{_NOBODY}"),
    disks.ReplaceSystemDisk(
        client_token=_TOKEN,
        instance_id=f"i-{_NOBODY}",
        image_id=f"m-{_NOBODY}",
        system_disk=disks.NewSize(size=20),
    ),
    images.CancelCopyImage(image_id=f"m-{_NOBODY}"),
    images.CopyImage(
        client_token=_TOKEN,
        image_id=f"m-{_NOBODY}",
        destination_region_id=_NOBODY,
        destination_image_name="hostlift-probe",
        dry_run=True,
    ),
    images.DescribeImageSharePermission(image_id=f"m-{_NOBODY}"),
    images.ModifyImageSharePermission(image_id=f"m-{_NOBODY}", add_account=("0",)),
    images.DeleteImage(image_id=f"m-{_NOBODY}"),
    images.DeleteSnapshot(snapshot_id=f"s-{_NOBODY}"),
    images.DescribeImages(image_name="hostlift-probe", page_size=1),
    images.DescribeSnapshots(page_size=1),
    instances.DeleteInstance(instance_id=f"i-{_NOBODY}"),
    disks.DescribeDisks(instance_id=f"i-{_NOBODY}", page_size=1),
    instances.DescribeInstances(page_size=1),
    instances.GetInstanceConsoleOutput(instance_id=f"i-{_NOBODY}"),
    instances.ModifyInstanceAutoReleaseTime(
        instance_id=f"i-{_NOBODY}", auto_release_time="2099-01-01T00:00:00Z"
    ),
    disks.ResizeDisk(client_token=_TOKEN, disk_id=f"d-{_NOBODY}", new_size=20),
    instances.RunInstances(
        client_token=_TOKEN,
        instance_name="hostlift-probe",
        image_id=f"m-{_NOBODY}",
        instance_type="ecs.t6-c1m1.large",
        security_group_id=f"sg-{_NOBODY}",
        v_switch_id=f"vsw-{_NOBODY}",
        system_disk=instances.SystemDisk(category="cloud_essd", size=20),
        dry_run=True,
    ),
    instances.StartInstance(instance_id=f"i-{_NOBODY}"),
    instances.StopInstance(instance_id=f"i-{_NOBODY}", force_stop=False),
    _RULE,
    network.CreateSecurityGroup(
        client_token=_TOKEN, security_group_name="hostlift-probe", vpc_id=f"vpc-{_NOBODY}"
    ),
    network.CreateVSwitch(
        client_token=_TOKEN,
        v_switch_name="hostlift-probe",
        vpc_id=f"vpc-{_NOBODY}",
        zone_id="hostlift-probe",
        cidr_block="172.31.86.0/24",
    ),
    network.CreateVpc(
        client_token=_TOKEN, vpc_name="hostlift-probe", cidr_block="172.31.0.0/16", dry_run=True
    ),
    network.DeleteSecurityGroup(security_group_id=f"sg-{_NOBODY}"),
    network.DeleteVSwitch(v_switch_id=f"vsw-{_NOBODY}"),
    network.DeleteVpc(vpc_id=f"vpc-{_NOBODY}"),
    network.DescribeSecurityGroupAttribute(security_group_id=f"sg-{_NOBODY}"),
    network.DescribeSecurityGroups(page_size=1),
    network.DescribeVSwitches(page_size=1),
    network.DescribeVpcs(page_size=1),
    network.RevokeSecurityGroup(
        client_token=_TOKEN,
        security_group_id=_RULE.security_group_id,
        ip_protocol=_RULE.ip_protocol,
        port_range=_RULE.port_range,
        source_cidr_ip=_RULE.source_cidr_ip,
    ),
    offers.DescribeAvailableResource(destination_resource="Zone"),
    offers.DescribeInstanceTypes(instance_types=(_NOBODY,)),
)


def permissions(api: Api, features: Collection[Feature]) -> Iterator[Permission]:
    """See `Market.permissions`."""
    probes = {probe.action: probe for probe in PROBES}
    for action in needed(features):
        yield _tried(api, action, probes[action])


def _tried(api: Api, action: Action, probe: Request[Any]) -> Permission:
    try:
        api.call(probe)
    except CloudError as error:
        handling = advice(error.api_code).handling
        if handling is Handling.DENIED:
            return Permission(action=action.permission, allowed=False, detail=str(error))
        if handling is Handling.TRANSIENT:
            return Permission(action=action.permission, allowed=None, detail=str(error))
    return Permission(action=action.permission, allowed=True)
