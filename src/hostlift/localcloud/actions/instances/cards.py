# SPDX-License-Identifier: Apache-2.0
"""ECS: network interfaces; each instance has one, which comes and goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hostlift.localcloud.actions.base import Context, TagPart, Tokened, action, page, tags_of
from hostlift.localcloud.actions.filters import has_tags, matches
from hostlift.localcloud.state.records import Instance
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.times import to_second


@dataclass(frozen=True, kw_only=True)
class DescribeNetworkInterfaces(Tokened):
    """List interfaces."""

    HARMLESS = "ServiceManaged NetworkInterfaceName ResourceGroupId Ipv6Address"

    NetworkInterfaceId: tuple[str, ...] = ()
    InstanceId: str = ""
    VpcId: str = ""
    VSwitchId: str = ""
    SecurityGroupId: str = ""
    PrimaryIpAddress: str = ""
    PrivateIpAddress: tuple[str, ...] = ()
    Type: Literal["Primary", "Secondary"] | None = None
    Status: Literal["Available", "InUse"] | None = None
    Tag: tuple[TagPart, ...] = ()


@action(Product.ECS, DescribeNetworkInterfaces, on="eni/*")
def describe_network_interfaces(context: Context, ask: DescribeNetworkInterfaces) -> Body:
    """Those of instances that are there; newest last."""
    found = [i for i in context.store.instances.all() if _wanted(ask, i)]
    shown, numbers = page(ask, found)
    views: list[Json] = [_view(i) for i in shown]
    return {"NetworkInterfaceSets": {"NetworkInterfaceSet": views}, **numbers}


def _wanted(ask: DescribeNetworkInterfaces, instance: Instance) -> bool:
    pairs = (
        (ask.InstanceId, instance.id),
        (ask.VpcId, instance.vpc),
        (ask.VSwitchId, instance.vswitch),
        (ask.PrimaryIpAddress, instance.private_ip),
        (ask.Type or "", "Primary"),
        (ask.Status or "", "InUse"),
    )
    return (
        matches(pairs)
        and (not ask.NetworkInterfaceId or instance.eni in ask.NetworkInterfaceId)
        and (not ask.PrivateIpAddress or instance.private_ip in ask.PrivateIpAddress)
        and (not ask.SecurityGroupId or ask.SecurityGroupId in instance.groups)
        and has_tags(instance, ask.Tag)
    )


def _view(instance: Instance) -> Body:
    public: dict[str, Json] = {"PublicIpAddress": instance.public_ip} if instance.public_ip else {}
    private: dict[str, Json] = {"PrivateIpAddress": instance.private_ip, "Primary": True}
    return {
        "NetworkInterfaceId": instance.eni,
        "NetworkInterfaceName": "",
        "Description": "",
        "Type": "Primary",
        "Status": "InUse",
        "InstanceId": instance.id,
        "VpcId": instance.vpc,
        "VSwitchId": instance.vswitch,
        "ZoneId": instance.zone,
        "MacAddress": instance.mac,
        "PrivateIpAddress": instance.private_ip,
        "PrivateIpSets": {"PrivateIpSet": [{**private, "AssociatedPublicIp": public}]},
        "AssociatedPublicIp": public,
        "SecurityGroupIds": {"SecurityGroupId": [*instance.groups]},
        "Attachment": {"InstanceId": instance.id, "DeviceIndex": 0},
        "DeleteOnRelease": True,
        "NetworkInterfaceTrafficMode": "Standard",
        "OwnerId": instance.account,
        "QueueNumber": 1,
        "ResourceGroupId": instance.resource_group,
        "ServiceManaged": False,
        "CreationTime": to_second(instance.created),
        "Ipv6Sets": {"Ipv6Set": []},
        "Ipv4PrefixSets": {"Ipv4PrefixSet": []},
        "Ipv6PrefixSets": {"Ipv6PrefixSet": []},
        "Tags": tags_of(instance),
    }
