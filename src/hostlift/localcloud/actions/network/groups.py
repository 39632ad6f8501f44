# SPDX-License-Identifier: Apache-2.0
"""ECS: security groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Regional,
    TagPart,
    Tokened,
    action,
    check_description,
    check_name,
    need,
    page,
    read_tags,
    tags_of,
)
from hostlift.localcloud.actions.filters import has_tags, matches
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.life import networks
from hostlift.localcloud.state.records import Instance, SecurityGroup
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, conflict, missing_parameter, quota
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import JsonList, Request
from hostlift.localcloud.wire.times import to_second


@dataclass(frozen=True, kw_only=True)
class CreateSecurityGroup(Regional):
    """A group of a VPC."""

    HARMLESS = "ServiceManaged"

    VpcId: str = ""
    SecurityGroupName: str = ""
    Description: str = ""
    SecurityGroupType: Literal["normal", "enterprise"] = "normal"
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeSecurityGroups(Tokened):
    """List groups."""

    HARMLESS = "IsQueryEcsCount ServiceManaged"

    SecurityGroupId: str = ""
    SecurityGroupIds: JsonList = ()
    SecurityGroupName: str = ""
    SecurityGroupType: str = ""
    NetworkType: Literal["vpc", "classic"] = "vpc"
    FuzzyQuery: bool = False
    VpcId: str = ""
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class ModifySecurityGroupAttribute(Regional):
    """Name and description."""

    SecurityGroupId: str
    SecurityGroupName: str | None = None
    Description: str | None = None


@dataclass(frozen=True, kw_only=True)
class ModifySecurityGroupPolicy(Regional):
    """Whether members reach each other."""

    SecurityGroupId: str
    InnerAccessPolicy: Literal["Accept", "Drop", "accept", "drop"]
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class DeleteSecurityGroup(Regional):
    """Only an empty one."""

    SecurityGroupId: str


@dataclass(frozen=True, kw_only=True)
class JoinSecurityGroup(Request):
    """Put an instance into one more group."""

    SecurityGroupId: str
    InstanceId: str = ""
    RegionId: str = ""


@dataclass(frozen=True, kw_only=True)
class LeaveSecurityGroup(Request):
    """Take an instance out of a group; it stays in one at least."""

    SecurityGroupId: str
    InstanceId: str = ""
    RegionId: str = ""


@action(Product.ECS, CreateSecurityGroup, on="securitygroup/*")
def create_security_group(context: Context, ask: CreateSecurityGroup) -> Body:
    """Without rules nothing may come in; members reach each other."""
    store = context.store
    if not ask.VpcId:
        raise missing_parameter("VpcId")
    vpc = need(store.vpcs.get(ask.VpcId), "VpcId", ask.VpcId)
    check_name(ask.SecurityGroupName, "SecurityGroupName")
    check_description(ask.Description)
    quotas = context.quotas
    if len(store.groups.all()) >= quotas.security_groups:
        raise quota("SecurityGroup", "The maximum number of security groups is reached.")
    group = SecurityGroup(
        id=new_id("sg"),
        account=context.account.id,
        region=vpc.region,
        created=context.now,
        name=ask.SecurityGroupName,
        description=ask.Description,
        resource_group=ask.ResourceGroupId,
        tags=read_tags(ask.Tag),
        vpc=vpc.id,
        kind=ask.SecurityGroupType,
        inner_policy="Accept" if ask.SecurityGroupType == "normal" else "Drop",
    )
    store.groups.put(group)
    return {"SecurityGroupId": group.id}


@action(Product.ECS, DescribeSecurityGroups, on="securitygroup/*")
def describe_security_groups(context: Context, ask: DescribeSecurityGroups) -> Body:
    """Newest last."""
    ids = [*ask.SecurityGroupIds, *([ask.SecurityGroupId] if ask.SecurityGroupId else [])]
    name = f"*{ask.SecurityGroupName}*" if ask.FuzzyQuery else ask.SecurityGroupName
    found = [
        g
        for g in context.store.groups.all()
        if ask.NetworkType == "vpc"
        and (not ids or g.id in ids)
        and has_tags(g, ask.Tag)
        and matches(
            (
                (name, g.name),
                (ask.SecurityGroupType, g.kind),
                (ask.VpcId, g.vpc),
                (ask.ResourceGroupId, g.resource_group),
            )
        )
    ]
    shown, numbers = page(ask, found)
    views = [_view(context, g) for g in shown]
    return {"RegionId": ask.RegionId, "SecurityGroups": {"SecurityGroup": [*views]}, **numbers}


@action(Product.ECS, ModifySecurityGroupAttribute)
def modify_security_group_attribute(context: Context, ask: ModifySecurityGroupAttribute) -> Body:
    """Rename."""
    group = need_group(context, ask.SecurityGroupId)
    name = group.name if ask.SecurityGroupName is None else ask.SecurityGroupName
    text = group.description if ask.Description is None else ask.Description
    check_name(name, "SecurityGroupName")
    check_description(text)
    context.store.groups.put(replace(group, name=name, description=text))
    return DONE


@action(Product.ECS, ModifySecurityGroupPolicy)
def modify_security_group_policy(context: Context, ask: ModifySecurityGroupPolicy) -> Body:
    """Open or close the way between members."""
    group = need_group(context, ask.SecurityGroupId)
    put_group(context, replace(group, inner_policy=ask.InnerAccessPolicy.capitalize()))
    return DONE


@action(Product.ECS, DeleteSecurityGroup)
def delete_security_group(context: Context, ask: DeleteSecurityGroup) -> Body:
    """Refused while an instance is in it, or another group's rule names it."""
    store = context.store
    group = need_group(context, ask.SecurityGroupId)
    held = [i.groups for i in store.instances.all()]
    held += [s.groups for s in context.cloud.store.shadows.all()]
    if any(group.id in groups for groups in held):
        raise conflict("DependencyViolation", "There is still instance(s) in the security group.")
    others = [g for g in store.groups.all() if g.id != group.id]
    if any(r.group == group.id for g in others for r in g.rules):
        raise conflict("DependencyViolation", "The security group is referenced by another group.")
    store.groups.drop(group.id)
    return DONE


@action(Product.ECS, JoinSecurityGroup)
def join_security_group(context: Context, ask: JoinSecurityGroup) -> Body:
    """The rules of all its groups add up."""
    group, instance = _pair(context, ask.SecurityGroupId, ask.InstanceId)
    if group.id in instance.groups:
        raise conflict(
            "InvalidInstanceId.AlreadyExists", "The instance is in the security group already."
        )
    if group.vpc != instance.vpc:
        raise ApiError(
            "InvalidParameter.Mismatch", "Security group and instance are not in the same VPC."
        )
    _put_groups(context, instance, (*instance.groups, group.id))
    return DONE


@action(Product.ECS, LeaveSecurityGroup)
def leave_security_group(context: Context, ask: LeaveSecurityGroup) -> Body:
    """Refused for the last one."""
    group, instance = _pair(context, ask.SecurityGroupId, ask.InstanceId)
    if group.id not in instance.groups:
        raise ApiError("InstanceNotInSecurityGroup", "The instance is not in the security group.")
    if len(instance.groups) == 1:
        raise conflict("InstanceLastSecurityGroup", "It is the last group of the instance.")
    _put_groups(context, instance, tuple(g for g in instance.groups if g != group.id))
    return DONE


def need_group(context: Context, key: str) -> SecurityGroup:
    """The group, or the refusal that it does not exist."""
    return need(context.store.groups.get(key), "SecurityGroupId", key)


def put_group(context: Context, group: SecurityGroup) -> None:
    """Store a changed group and renew the rules of its members."""
    context.store.groups.put(group)
    for job in networks.admit_again(context.cloud, frozenset({group.id})):
        context.later(job, 0.0)


def _pair(context: Context, group: str, instance: str) -> tuple[SecurityGroup, Instance]:
    if not instance:
        raise missing_parameter("InstanceId")
    found = need(context.store.instances.get(instance), "InstanceId", instance)
    return need_group(context, group), found


def _put_groups(context: Context, instance: Instance, groups: tuple[str, ...]) -> None:
    context.store.instances.put(replace(instance, groups=groups))
    for job in networks.admit_again(context.cloud, frozenset({*groups, *instance.groups})):
        context.later(job, 0.0)


def _view(context: Context, group: SecurityGroup) -> Body:
    count = sum(group.id in i.groups for i in context.store.instances.all())
    return {
        "SecurityGroupId": group.id,
        "SecurityGroupName": group.name,
        "SecurityGroupType": group.kind,
        "Description": group.description,
        "VpcId": group.vpc,
        "CreationTime": to_second(group.created),
        "ResourceGroupId": group.resource_group,
        "EcsCount": count,
        "AvailableInstanceAmount": max(0, 2000 - count),
        "RuleCount": len(group.rules),
        "GroupToGroupRuleCount": sum(bool(r.group) for r in group.rules),
        "ServiceManaged": False,
        "Tags": tags_of(group),
    }
