# SPDX-License-Identifier: Apache-2.0
"""VPC: private networks and their subnets."""

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
    need,
    page,
    read_tags,
)
from hostlift.localcloud.actions.filters import has_tags, matches
from hostlift.localcloud.actions.network import common
from hostlift.localcloud.addresses import read_network
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life import sites
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.state.records import NetworkStatus, Vpc
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError, conflict, invalid_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request, Size50

_PRIVATE = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_PREFIXES = range(8, 29)
_DEFAULT = "172.16.0.0/12"


@dataclass(frozen=True, kw_only=True)
class CreateVpc(Request):
    """A private network; IPv4 only."""

    HARMLESS = "EnableDnsHostname"

    RegionId: str
    CidrBlock: str = _DEFAULT
    VpcName: str = ""
    Description: str = ""
    ResourceGroupId: str = ""
    UserCidr: str = ""
    Tag: tuple[TagPart, ...] = ()
    EnableIpv6: bool = False
    ClientToken: str = ""
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DescribeVpcs(Paged):
    """List private networks; ``VpcId`` is up to 20 ids with commas between."""

    PageSize: Size50 = 10
    VpcId: str = ""
    VpcName: str = ""
    IsDefault: bool | None = None
    ResourceGroupId: str = ""
    EnableIpv6: bool | None = None
    VpcOwnerId: int | None = None
    DhcpOptionsSetId: str = ""
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DescribeVpcAttribute(Request):
    """One private network."""

    HARMLESS = "IsDefault"

    VpcId: str
    RegionId: str = ""
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class ModifyVpcAttribute(Request):
    """Name and description."""

    VpcId: str
    RegionId: str = ""
    VpcName: str | None = None
    Description: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteVpc(Request):
    """Only an empty one."""

    VpcId: str
    RegionId: str = ""
    ForceDelete: bool = False
    ClientToken: str = ""
    DryRun: bool = False


@action(Product.VPC, CreateVpc, on="vpc/*")
def create_vpc(context: Context, ask: CreateVpc) -> Body:
    """Pending first, Available soon."""
    check_name(ask.VpcName, "VpcName", "InvalidVpcName.Malformed")
    check_description(ask.Description, "InvalidVpcDiscription.Malformed")
    if ask.EnableIpv6:
        raise ApiError("UnsupportedParameter", "The embedded cloud has no IPv6 networks.")
    network = read_network(ask.CidrBlock)
    if network is None or network.prefixlen not in _PREFIXES or not _is_private(network):
        raise invalid_parameter("CidrBlock", code="InvalidCidrBlock.Malformed")
    store, region = context.store, ask.RegionId
    if sum(v.region == region for v in store.vpcs.all()) >= context.quotas.vpcs:
        raise conflict("QuotaExceeded.Vpc", "The number of VPCs exceeds the quota.")
    vpc = Vpc(
        id=new_id("vpc"),
        account=context.account.id,
        region=region,
        created=context.now,
        name=ask.VpcName,
        description=ask.Description,
        resource_group=ask.ResourceGroupId or "rg-acfmdefault",
        tags=read_tags(ask.Tag),
        cidr=str(network),
        router=new_id("vrt"),
        route_table=new_id("vtb"),
        user_cidrs=tuple(c for c in ask.UserCidr.split(",") if c),
    )
    store.vpcs.put(vpc)
    context.later(Job("vpc", vpc.id))
    return {
        "VpcId": vpc.id,
        "VRouterId": vpc.router,
        "RouteTableId": vpc.route_table,
        "ResourceGroupId": vpc.resource_group,
    }


@action(Product.VPC, DescribeVpcs, on="vpc/*")
def describe_vpcs(context: Context, ask: DescribeVpcs) -> Body:
    """Newest last."""
    ids = [i for i in ask.VpcId.split(",") if i]
    if ask.IsDefault or ask.EnableIpv6 or ask.DhcpOptionsSetId:
        found: list[Vpc] = []
    else:
        found = [
            v
            for v in context.store.vpcs.all()
            if (not ids or v.id in ids)
            and matches(
                ((ask.VpcName, v.name), (ask.ResourceGroupId, v.resource_group)),
            )
            and has_tags(v, ask.Tag)
            and ask.VpcOwnerId in {None, int(context.account.id)}
        ]
    shown, numbers = page(ask, found)
    return {"Vpcs": {"Vpc": [_view(context, v) for v in shown]}, **numbers}


@action(Product.VPC, DescribeVpcAttribute, on="vpc/*")
def describe_vpc_attribute(context: Context, ask: DescribeVpcAttribute) -> Body:
    """One, with counts of what is in it."""
    vpc = need(context.store.vpcs.get(ask.VpcId), "VpcId", ask.VpcId)
    view = dict(_view(context, vpc))
    for name in ("RouterTableIds", "NatGatewayIds", "CenStatus"):
        view.pop(name, None)
    subnets = sum(s.vpc == vpc.id for s in context.store.vswitches.all())
    counts: list[Json] = [
        {"ResourceType": "VSwitch", "ResourceCount": subnets},
        {"ResourceType": "VRouter", "ResourceCount": 1},
        {"ResourceType": "RouteTable", "ResourceCount": 1},
    ]
    return {
        **view,
        "ClassicLinkEnabled": False,
        "SupportIpv4Gateway": False,
        "AssociatedCens": {"AssociatedCen": []},
        "CloudResources": {"CloudResourceSetType": counts},
    }


@action(Product.VPC, ModifyVpcAttribute)
def modify_vpc_attribute(context: Context, ask: ModifyVpcAttribute) -> Body:
    """Rename."""
    vpc = need(context.store.vpcs.get(ask.VpcId), "VpcId", ask.VpcId)
    context.store.vpcs.put(common.renamed(vpc, "VpcName", ask.VpcName, ask.Description))
    return DONE


@action(Product.VPC, DeleteVpc)
def delete_vpc(context: Context, ask: DeleteVpc) -> Body:
    """Refused while anything is in it."""
    store = context.store
    vpc = need(store.vpcs.get(ask.VpcId), "VpcId", ask.VpcId)
    if vpc.status is NetworkStatus.PENDING:
        raise conflict("IncorrectVpcStatus", "The status of the VPC does not permit the operation.")
    if any(s.vpc == vpc.id for s in store.vswitches.all()):
        raise conflict("DependencyViolation.VSwitch", "Specified object has dependent vSwitches.")
    if any(g.vpc == vpc.id for g in store.groups.all()):
        raise conflict(
            "DependencyViolation.SecurityGroup", "Specified object has dependent security groups."
        )
    if any(i.vpc == vpc.id for i in store.instances.all()):
        raise conflict("DependencyViolation.Instance", "Specified object has dependent instances.")
    store.vpcs.drop(vpc.id)
    sites.forget(context.cloud, vpc.id)
    context.later(bury(context.cloud, "vpc", vpc.id), 0.0)
    return DONE


def _is_private(network: IPv4Network) -> bool:
    return any(network.subnet_of(p) for p in _PRIVATE)


def _view(context: Context, vpc: Vpc) -> Body:
    subnets = [s.id for s in context.store.vswitches.all() if s.vpc == vpc.id]
    return {
        **common.view(context, vpc),
        "RegionId": vpc.region,
        "VpcName": vpc.name,
        "VRouterId": vpc.router,
        "CenStatus": "Detached",
        "RouterTableIds": {"RouterTableIds": [vpc.route_table]},
        "NatGatewayIds": {"NatGatewayIds": []},
        "SecondaryCidrBlocks": {"SecondaryCidrBlock": []},
        "UserCidrs": {"UserCidr": list(vpc.user_cidrs)},
        "VSwitchIds": {"VSwitchId": list(subnets)},
    }
