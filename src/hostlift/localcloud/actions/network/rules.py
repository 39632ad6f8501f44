# SPDX-License-Identifier: Apache-2.0
"""ECS: rules of security groups, inbound and outbound.

Outbound rules are kept and shown; this cloud lets instances send wherever they like, as a normal
group does by default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import DONE, Context, Regional, Tokened, action, page
from hostlift.localcloud.actions.network.groups import need_group, put_group
from hostlift.localcloud.addresses import read_network
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.state.records import Rule, SecurityGroup
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, invalid_parameter, missing_parameter, quota
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged
from hostlift.localcloud.wire.times import to_second

_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "gre": "GRE", "all": "ALL"}
_LAST_PORT = 65535
Size1000 = Annotated[int, Ranged(1, 1000)]


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One rule of a request; in the old form its fields stand in the request itself."""

    IpProtocol: str = ""
    PortRange: str = ""
    SourceCidrIp: str = ""
    DestCidrIp: str = ""
    SourceGroupId: str = ""
    DestGroupId: str = ""
    SourcePortRange: str = ""
    Policy: Literal["accept", "drop", "Accept", "Drop"] = "accept"
    Priority: Annotated[int, Ranged(1, 100, "InvalidPriority.ValueNotSupported")] = 1
    NicType: Literal["intranet", "internet"] = "intranet"
    Description: str = ""
    SourceGroupOwnerAccount: str = ""
    SourceGroupOwnerId: int = 0
    DestGroupOwnerAccount: str = ""
    DestGroupOwnerId: int = 0


@dataclass(frozen=True, kw_only=True)
class _Rules(Regional, Permission):
    SecurityGroupId: str
    Permissions: tuple[Permission, ...] = ()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthorizeSecurityGroup(_Rules):
    """Add inbound rules."""


@dataclass(frozen=True, kw_only=True)
class AuthorizeSecurityGroupEgress(_Rules):
    """Add outbound rules."""


@dataclass(frozen=True, kw_only=True)
class RevokeSecurityGroup(_Rules):
    """Remove inbound rules, by id or by what they say."""

    SecurityGroupRuleId: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RevokeSecurityGroupEgress(_Rules):
    """Remove outbound rules, by id or by what they say."""

    SecurityGroupRuleId: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DescribeSecurityGroupAttribute(Tokened):
    """Rules of a group; all of them on one page unless asked otherwise."""

    HARMLESS = "Attribute"

    SecurityGroupId: str
    PageSize: Size1000 = 1000
    MaxResults: Size1000 | None = None
    Direction: Literal["all", "ingress", "egress"] = "all"
    NicType: Literal["intranet", "internet"] = "intranet"


@action(Product.ECS, AuthorizeSecurityGroup)
def authorize_security_group(context: Context, ask: AuthorizeSecurityGroup) -> Body:
    """A rule that is there already is no error."""
    return _add(context, ask, "ingress")


@action(Product.ECS, AuthorizeSecurityGroupEgress)
def authorize_security_group_egress(context: Context, ask: AuthorizeSecurityGroupEgress) -> Body:
    """A rule that is there already is no error."""
    return _add(context, ask, "egress")


@action(Product.ECS, RevokeSecurityGroup)
def revoke_security_group(context: Context, ask: RevokeSecurityGroup) -> Body:
    """A rule that is not there is no error."""
    return _remove(context, ask, ask.SecurityGroupRuleId, "ingress")


@action(Product.ECS, RevokeSecurityGroupEgress)
def revoke_security_group_egress(context: Context, ask: RevokeSecurityGroupEgress) -> Body:
    """A rule that is not there is no error."""
    return _remove(context, ask, ask.SecurityGroupRuleId, "egress")


@action(Product.ECS, DescribeSecurityGroupAttribute, on="securitygroup/*")
def describe_security_group_attribute(
    context: Context, ask: DescribeSecurityGroupAttribute
) -> Body:
    """One group with its rules."""
    group = need_group(context, ask.SecurityGroupId)
    rules = [r for r in group.rules if ask.Direction in {"all", r.direction}]
    shown, numbers = page(ask, rules)
    return {
        "RegionId": group.region,
        "SecurityGroupId": group.id,
        "SecurityGroupName": group.name,
        "Description": group.description,
        "VpcId": group.vpc,
        "InnerAccessPolicy": group.inner_policy,
        "Permissions": {"Permission": [_view(context, r) for r in shown]},
        "NextToken": numbers["NextToken"],
    }


def _add(context: Context, ask: _Rules, direction: str) -> Body:
    group = need_group(context, ask.SecurityGroupId)
    rules = list(group.rules)
    for rule in _read(context, ask, group, direction):
        if not any(_same(rule, r) for r in rules):
            rules.append(rule)
    if len(rules) > context.quotas.rules_per_group:
        raise quota(
            "AuthorizationLimitExceed", "The maximum number of rules in a group is reached."
        )
    put_group(context, replace(group, rules=tuple(rules)))
    return DONE


def _remove(context: Context, ask: _Rules, ids: tuple[str, ...], direction: str) -> Body:
    group = need_group(context, ask.SecurityGroupId)
    gone = [] if ids else _read(context, ask, group, direction)
    unknown = set(ids) - {r.id for r in group.rules if r.direction == direction}
    if unknown:
        raise ApiError(
            "InvalidSecurityGroupRuleId.NotFound",
            f"The specified SecurityGroupRuleId does not exist: {min(unknown)}.",
            404,
        )
    rules = [r for r in group.rules if r.id not in ids and not any(_same(r, g) for g in gone)]
    put_group(context, replace(group, rules=tuple(rules)))
    return DONE


def _read(context: Context, ask: _Rules, group: SecurityGroup, direction: str) -> list[Rule]:
    return [_rule(context, p, group, direction) for p in ask.Permissions or (ask,)]


def _rule(context: Context, ask: Permission, group: SecurityGroup, direction: str) -> Rule:
    protocol = _protocol(ask)
    inward = direction == "ingress"
    cidr = ask.SourceCidrIp if inward else ask.DestCidrIp
    peer = ask.SourceGroupId if inward else ask.DestGroupId
    if not cidr and not peer:
        raise missing_parameter("SourceCidrIp" if inward else "DestCidrIp")
    if peer and need_group(context, peer).vpc != group.vpc:
        raise ApiError("InvalidParameter.Mismatch", "The security groups are not in the same VPC.")
    if ask.NicType == "internet":
        raise invalid_parameter("NicType", "A group of a VPC has intranet rules only.")
    return Rule(
        id=new_id("sgr"),
        created=context.now,
        direction=direction,
        protocol=protocol,
        port_range=_ports(ask, protocol),
        cidr="" if peer else _cidr(cidr, "SourceCidrIp" if inward else "DestCidrIp"),
        group=peer,
        policy=ask.Policy.capitalize(),
        priority=str(ask.Priority),
        source_port_range=ask.SourcePortRange,
        other_cidr=ask.DestCidrIp if inward else ask.SourceCidrIp,
        description=ask.Description,
    )


def _protocol(ask: Permission) -> str:
    if not ask.IpProtocol:
        raise missing_parameter("IpProtocol")
    found = _PROTOCOLS.get(ask.IpProtocol.lower())
    if found is None:
        raise invalid_parameter("IpProtocol", code="InvalidIpProtocol.ValueNotSupported")
    return found


def _ports(ask: Permission, protocol: str) -> str:
    if not ask.PortRange:
        raise missing_parameter("PortRange")
    low, slash, high = ask.PortRange.partition("/")
    if ask.PortRange == "-1/-1" and protocol not in {"TCP", "UDP"}:
        return ask.PortRange
    numbers = slash and low.isdigit() and high.isdigit()
    if (
        protocol not in {"TCP", "UDP"}
        or not numbers
        or not 1 <= int(low) <= int(high) <= _LAST_PORT
    ):
        raise invalid_parameter("PortRange", code="InvalidPortRange.Malformed")
    return ask.PortRange


def _cidr(text: str, name: str) -> str:
    network = read_network(text)
    if network is None:
        raise invalid_parameter(name, code=f"Invalid{name}.Malformed")
    return str(network) if "/" in text else text


def _same(one: Rule, other: Rule) -> bool:
    """Everything but id, age and description."""
    blank = {"id": "", "created": 0.0, "description": ""}
    return replace(one, **blank) == replace(other, **blank)  # type: ignore[arg-type]


def _view(context: Context, rule: Rule) -> Body:
    inward = rule.direction == "ingress"
    peer = context.store.groups.get(rule.group) if rule.group else None
    peer_name = peer.name if peer else ""
    return {
        "SecurityGroupRuleId": rule.id,
        "CreateTime": to_second(rule.created),
        "Direction": rule.direction,
        "IpProtocol": rule.protocol,
        "PortRange": rule.port_range,
        "SourcePortRange": rule.source_port_range,
        "SourceCidrIp": rule.cidr if inward else rule.other_cidr,
        "DestCidrIp": rule.other_cidr if inward else rule.cidr,
        "Ipv6SourceCidrIp": "",
        "Ipv6DestCidrIp": "",
        "SourceGroupId": rule.group if inward else "",
        "SourceGroupName": peer_name if inward else "",
        "SourceGroupOwnerAccount": "",
        "DestGroupId": "" if inward else rule.group,
        "DestGroupName": "" if inward else peer_name,
        "DestGroupOwnerAccount": "",
        "SourcePrefixListId": "",
        "SourcePrefixListName": "",
        "DestPrefixListId": "",
        "DestPrefixListName": "",
        "NicType": rule.nic_type,
        "Policy": rule.policy,
        "Priority": rule.priority,
        "Description": rule.description,
    }
