# SPDX-License-Identifier: Apache-2.0
"""VPC, vSwitch, security group."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json, rows
from hostlift.clouds.alibaba.records import Item, Page, Permission, required
from hostlift.clouds.alibaba.requests.base import Command, Paged, Request, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVpc(Request[str]):
    """A new private network."""

    action = Action.CREATE_VPC
    client_token: str
    vpc_name: str
    cidr_block: str
    dry_run: bool | None = None
    description: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "VpcId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeVpcs(Paged[Item]):
    """Private networks."""

    action = Action.DESCRIBE_VPCS
    vpc_id: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[Item]:
        """See `Request`."""
        return Page.read(body, "Vpcs", "Vpc", Item.vpc)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteVpc(Command):
    """Delete a private network."""

    action = Action.DELETE_VPC
    vpc_id: str
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVSwitch(Request[str]):
    """A new subnet."""

    action = Action.CREATE_V_SWITCH
    client_token: str
    v_switch_name: str
    vpc_id: str
    zone_id: str
    cidr_block: str
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "VSwitchId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeVSwitches(Paged[Item]):
    """Subnets."""

    action = Action.DESCRIBE_V_SWITCHES
    v_switch_id: str = ""
    vpc_id: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[Item]:
        """See `Request`."""
        return Page.read(body, "VSwitches", "VSwitch", Item.v_switch)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteVSwitch(Command):
    """Delete a subnet."""

    action = Action.DELETE_V_SWITCH
    v_switch_id: str
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSecurityGroup(Request[str]):
    """A new security group; a group of a VPC admits nothing inbound until it is told to."""

    action = Action.CREATE_SECURITY_GROUP
    client_token: str
    security_group_name: str
    vpc_id: str
    description: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "SecurityGroupId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeSecurityGroups(Paged[Item]):
    """Security groups."""

    action = Action.DESCRIBE_SECURITY_GROUPS
    security_group_ids: str = ""
    vpc_id: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[Item]:
        """See `Request`."""
        return Page.read(body, "SecurityGroups", "SecurityGroup", Item.security_group)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeSecurityGroupAttribute(Request[tuple[Permission, ...]]):
    """The inbound rules of a group."""

    action = Action.DESCRIBE_SECURITY_GROUP_ATTRIBUTE
    security_group_id: str
    direction: str = "ingress"
    nic_type: str = "intranet"
    region_id: str = ""

    def answer(self, body: Json) -> tuple[Permission, ...]:
        """See `Request`."""
        return tuple(Permission.from_json(r) for r in rows(body, "Permissions", "Permission"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeSecurityGroup(Command):
    """Add an inbound rule; one that is there already is accepted silently."""

    action = Action.AUTHORIZE_SECURITY_GROUP
    client_token: str
    security_group_id: str
    ip_protocol: str
    port_range: str
    source_cidr_ip: str
    policy: str = "accept"
    priority: int = 1
    nic_type: str = "intranet"
    description: str = ""
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeSecurityGroup(Command):
    """Take an inbound rule away."""

    action = Action.REVOKE_SECURITY_GROUP
    client_token: str
    security_group_id: str
    ip_protocol: str
    port_range: str
    source_cidr_ip: str
    policy: str = "accept"
    nic_type: str = "intranet"
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSecurityGroup(Command):
    """Delete a security group."""

    action = Action.DELETE_SECURITY_GROUP
    security_group_id: str
    region_id: str = ""
