# SPDX-License-Identifier: Apache-2.0
"""ECS: describing instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import (
    Context,
    Paged,
    TagPart,
    Tokened,
    action,
    need,
    page,
)
from hostlift.localcloud.actions.filters import FilterPart, created_within, has_tags, matches
from hostlift.localcloud.actions.instances.views import attributes_view, full_view
from hostlift.localcloud.offer.catalogue import INSTANCE_TYPES
from hostlift.localcloud.state.records import Eip, Instance
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import JsonList, Ranged, Request


@dataclass(frozen=True, kw_only=True)
class DescribeInstances(Tokened):
    """List instances; all filters narrow."""

    HARMLESS = (
        "AdditionalAttributes DeviceAvailable NeedSaleCycle HttpPutResponseHopLimit LockReason"
    )

    InstanceIds: JsonList | None = None
    Status: Literal["Pending", "Starting", "Running", "Stopping", "Stopped"] | None = None
    InstanceName: str = ""
    ImageId: str = ""
    InstanceType: str = ""
    InstanceTypeFamily: str = ""
    VpcId: str = ""
    VSwitchId: str = ""
    ZoneId: str = ""
    SecurityGroupId: str = ""
    InstanceNetworkType: Literal["vpc", "classic"] | None = None
    InstanceChargeType: Literal["PostPaid", "PrePaid"] | None = None
    InternetChargeType: Literal["PayByTraffic", "PayByBandwidth"] | None = None
    PrivateIpAddresses: JsonList | None = None
    PublicIpAddresses: JsonList | None = None
    EipAddresses: JsonList | None = None
    InnerIpAddresses: JsonList | None = None
    RdmaIpAddresses: JsonList | None = None
    Ipv6Address: tuple[str, ...] = ()
    IoOptimized: bool | None = None
    KeyPairName: str = ""
    ResourceGroupId: str = ""
    HpcClusterId: str = ""
    HttpEndpoint: Literal["enabled", "disabled"] | None = None
    HttpTokens: Literal["optional", "required"] | None = None
    Filter: tuple[FilterPart, ...] = ()
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DescribeInstanceStatus(Paged):
    """Ids and states only."""

    HARMLESS = "ClusterId"

    PageSize: Annotated[int, Ranged(1, 50)] = 10
    InstanceId: tuple[str, ...] = ()
    ZoneId: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeInstanceAttribute(Request):
    """One instance, in the older flat form."""

    InstanceId: str


@dataclass(frozen=True, kw_only=True)
class DescribeUserData(Request):
    """What the instance was given."""

    RegionId: str
    InstanceId: str


@action(Product.ECS, DescribeInstances, on="instance/*")
def describe_instances(context: Context, ask: DescribeInstances) -> Body:
    """Newest last; unknown ids are not shown."""
    found = [i for i in context.store.instances.all() if _wanted(ask, i)]
    shown, numbers = page(ask, found)
    views: list[Json] = [full_view(i, _eip(context, i)) for i in shown]
    return {"Instances": {"Instance": views}, **numbers}


@action(Product.ECS, DescribeInstanceStatus, on="instance/*")
def describe_instance_status(context: Context, ask: DescribeInstanceStatus) -> Body:
    """Newest last."""
    found = [
        i
        for i in context.store.instances.all()
        if (not ask.InstanceId or i.id in ask.InstanceId) and ask.ZoneId in {"", i.zone}
    ]
    shown, numbers = page(ask, found)
    states: list[Json] = [{"InstanceId": i.id, "Status": i.status.value} for i in shown]
    return {"InstanceStatuses": {"InstanceStatus": states}, **numbers}


@action(Product.ECS, DescribeInstanceAttribute, on="instance/*")
def describe_instance_attribute(context: Context, ask: DescribeInstanceAttribute) -> Body:
    """One."""
    found = need_instance(context, ask.InstanceId)
    return attributes_view(found, _eip(context, found))


@action(Product.ECS, DescribeUserData, on="instance/*")
def describe_user_data(context: Context, ask: DescribeUserData) -> Body:
    """Base64, as it was given."""
    found = need_instance(context, ask.InstanceId)
    return {"RegionId": found.region, "InstanceId": found.id, "UserData": found.user_data}


def _eip(context: Context, instance: Instance) -> Eip | None:
    if not instance.elastic:
        return None
    return next((e for e in context.store.eips.all() if e.instance == instance.id), None)


def need_instance(context: Context, key: str) -> Instance:
    """The instance, or the refusal that it does not exist."""
    return need(context.store.instances.get(key), "InstanceId", key)


def _wanted(ask: DescribeInstances, instance: Instance) -> bool:
    pairs = (
        (ask.Status or "", instance.status.value),
        (ask.InstanceName, instance.name),
        (ask.ImageId, instance.image),
        (ask.InstanceType, instance.type),
        (ask.InstanceTypeFamily, INSTANCE_TYPES[instance.type].family),
        (ask.VpcId, instance.vpc),
        (ask.VSwitchId, instance.vswitch),
        (ask.ZoneId, instance.zone),
        (ask.InstanceNetworkType or "", "vpc"),
        (ask.InstanceChargeType or "", instance.charge),
        (ask.InternetChargeType or "", instance.internet_charge),
        (ask.KeyPairName, instance.key_pair),
        (ask.ResourceGroupId, instance.resource_group),
        (ask.HpcClusterId, ""),
        (ask.HttpEndpoint or "", instance.http_endpoint),
        (ask.HttpTokens or "", instance.http_tokens),
    )
    lists = (
        (ask.InstanceIds, instance.id),
        (ask.PrivateIpAddresses, instance.private_ip),
        (ask.PublicIpAddresses, "" if instance.elastic else instance.public_ip),
        (ask.EipAddresses, instance.public_ip if instance.elastic else ""),
        (ask.InnerIpAddresses, ""),
        (ask.RdmaIpAddresses, ""),
        (ask.Ipv6Address or None, ""),
    )
    return (
        all(wanted is None or have in wanted for wanted, have in lists)
        and ask.IoOptimized in {None, True}
        and (not ask.SecurityGroupId or ask.SecurityGroupId in instance.groups)
        and matches(pairs)
        and has_tags(instance, ask.Tag)
        and created_within(ask.Filter, instance.created)
    )
