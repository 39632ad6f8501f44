# SPDX-License-Identifier: Apache-2.0
"""VPC: subnets, each in one zone."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Paged,
    TagPart,
    action,
    check_description,
    check_name,
    check_zone,
    need,
    page,
    read_tags,
)
from hostlift.localcloud.actions.filters import has_tags, matches
from hostlift.localcloud.actions.network import common
from hostlift.localcloud.addresses import count_usable, read_network
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.state.records import NetworkStatus, Vpc, VSwitch
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, conflict, invalid_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request, Size50

_PREFIXES = range(16, 30)


@dataclass(frozen=True, kw_only=True)
class CreateVSwitch(Request):
    """A subnet; ``CidrMask`` cuts the next free one of that size."""

    VpcId: str
    ZoneId: str
    CidrBlock: str = ""
    CidrMask: int | None = None
    RegionId: str = ""
    VSwitchName: str = ""
    Description: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeVSwitches(Paged):
    """List subnets."""

    PageSize: Size50 = 10
    RegionId: str = ""
    VpcId: str = ""
    VSwitchId: str = ""
    VSwitchName: str = ""
    ZoneId: str = ""
    IsDefault: bool | None = None
    EnableIpv6: bool | None = None
    ResourceGroupId: str = ""
    RouteTableId: str = ""
    VSwitchOwnerId: int | None = None
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DescribeVSwitchAttributes(Request):
    """One subnet."""

    VSwitchId: str
    RegionId: str = ""
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class ModifyVSwitchAttribute(Request):
    """Name and description."""

    VSwitchId: str
    RegionId: str = ""
    VSwitchName: str | None = None
    Description: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteVSwitch(Request):
    """Only an empty one."""

    VSwitchId: str
    RegionId: str = ""
    DryRun: bool = False


@action(Product.VPC, CreateVSwitch, on="vswitch/*")
def create_vswitch(context: Context, ask: CreateVSwitch) -> Body:
    """Pending first, Available soon."""
    store = context.store
    vpc = need(store.vpcs.get(ask.VpcId), "VpcId", ask.VpcId)
    check_zone(ask.ZoneId, vpc.region)
    check_name(ask.VSwitchName, "VSwitchName", "InvalidVSwitchName.Malformed")
    check_description(ask.Description)
    if vpc.status is NetworkStatus.PENDING:
        raise conflict("IncorrectVpcStatus", "Current VPC status does not support this operation.")
    others = [s for s in store.vswitches.all() if s.vpc == vpc.id]
    _check_alone(others)
    if len(others) >= context.cloud.quotas(context.account, vpc.region).vswitches_per_vpc:
        raise conflict("QuotaExceeded.VSwitch", "The number of vSwitches exceeds the quota.")
    vswitch = VSwitch(
        id=new_id("vsw"),
        account=context.account.id,
        region=vpc.region,
        created=context.now,
        name=ask.VSwitchName,
        description=ask.Description,
        resource_group=vpc.resource_group,
        tags=read_tags(ask.Tag),
        vpc=vpc.id,
        zone=ask.ZoneId,
        cidr=str(_network(ask, vpc, [IPv4Network(s.cidr) for s in others])),
    )
    store.vswitches.put(vswitch)
    context.later(Job("vswitch", vswitch.id))
    return {"VSwitchId": vswitch.id}


@action(Product.VPC, DescribeVSwitches, on="vswitch/*")
def describe_vswitches(context: Context, ask: DescribeVSwitches) -> Body:
    """Newest last."""
    store = context.store
    tables = {v.id: v.route_table for v in store.vpcs.all()}
    owner = "" if ask.VSwitchOwnerId is None else str(ask.VSwitchOwnerId)
    found = [
        s
        for s in store.vswitches.all()
        if not (ask.IsDefault or ask.EnableIpv6)
        and has_tags(s, ask.Tag)
        and matches(
            (
                (ask.RegionId, s.region),
                (ask.VpcId, s.vpc),
                (ask.VSwitchId, s.id),
                (ask.VSwitchName, s.name),
                (ask.ZoneId, s.zone),
                (ask.ResourceGroupId, s.resource_group),
                (ask.RouteTableId, tables.get(s.vpc, "")),
                (owner, context.account.id),
            )
        )
    ]
    shown, numbers = page(ask, found)
    return {"VSwitches": {"VSwitch": [_view(context, s) for s in shown]}, **numbers}


@action(Product.VPC, DescribeVSwitchAttributes, on="vswitch/*")
def describe_vswitch_attributes(context: Context, ask: DescribeVSwitchAttributes) -> Body:
    """One."""
    found = need(context.store.vswitches.get(ask.VSwitchId), "VSwitchId", ask.VSwitchId)
    return _view(context, found)


@action(Product.VPC, ModifyVSwitchAttribute)
def modify_vswitch_attribute(context: Context, ask: ModifyVSwitchAttribute) -> Body:
    """Rename."""
    found = need(context.store.vswitches.get(ask.VSwitchId), "VSwitchId", ask.VSwitchId)
    new = common.renamed(found, "VSwitchName", ask.VSwitchName, ask.Description)
    context.store.vswitches.put(new)
    return DONE


@action(Product.VPC, DeleteVSwitch)
def delete_vswitch(context: Context, ask: DeleteVSwitch) -> Body:
    """Refused while an instance has an address in it."""
    store = context.store
    found = need(store.vswitches.get(ask.VSwitchId), "VSwitchId", ask.VSwitchId)
    if found.status is NetworkStatus.PENDING:
        raise conflict("IncorrectVSwitchStatus", "The vSwitch is still being created.")
    _check_alone([s for s in store.vswitches.all() if s.vpc == found.vpc])
    held = [i.vswitch for i in store.instances.all()]
    held += [s.vswitch for s in context.cloud.store.shadows.all()]
    if found.id in held:
        raise conflict("DependencyViolation", "Specified object has dependent resources.")
    store.vswitches.drop(found.id)
    context.later(bury(context.cloud, "vswitch", found.id, found.vpc), 0.0)
    return DONE


def _check_alone(siblings: list[VSwitch]) -> None:
    """A VPC works on one vSwitch at a time."""
    if any(s.status is NetworkStatus.PENDING for s in siblings):
        raise ApiError("TaskConflict", "Another vSwitch of the VPC is being created.", 409)


def _network(ask: CreateVSwitch, vpc: Vpc, others: list[IPv4Network]) -> IPv4Network:
    whole = IPv4Network(vpc.cidr)
    if not ask.CidrBlock:
        return _cut(ask, whole, others)
    network = read_network(ask.CidrBlock)
    if network is None or network.prefixlen not in _PREFIXES or not network.subnet_of(whole):
        raise invalid_parameter("CidrBlock", code="InvalidCidrBlock.Malformed")
    if any(network.overlaps(o) for o in others):
        raise ApiError(
            "InvalidCidrBlock.Overlapped", "Specified CIDR block overlapped with other subnets."
        )
    return network


def _cut(ask: CreateVSwitch, whole: IPv4Network, others: list[IPv4Network]) -> IPv4Network:
    if ask.CidrMask is None:
        raise ApiError(
            "MissingParameter",
            'The input parameter "CidrBlock" that is mandatory for processing this request is not supplied.',
        )
    if ask.CidrMask not in _PREFIXES or ask.CidrMask < whole.prefixlen:
        raise invalid_parameter("CidrMask")
    for network in whole.subnets(new_prefix=ask.CidrMask):
        if not any(network.overlaps(o) for o in others):
            return network
    raise ApiError("InvalidCidrBlock.Overlapped", "The VPC has no free block of that size.")


def _view(context: Context, vswitch: VSwitch) -> Body:
    store = context.store
    vpc = store.vpcs.get(vswitch.vpc)
    used = sum(i.vswitch == vswitch.id for i in store.instances.all())
    return {
        **common.view(context, vswitch),
        "VSwitchId": vswitch.id,
        "ZoneId": vswitch.zone,
        "AvailableIpAddressCount": count_usable(vswitch.cidr) - used,
        "VSwitchName": vswitch.name,
        "NetworkAclId": "",
        "ShareType": "",
        "RouteTable": {
            "RouteTableId": vpc.route_table if vpc else "",
            "RouteTableType": "System",
        },
    }
