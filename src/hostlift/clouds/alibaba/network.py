# SPDX-License-Identifier: Apache-2.0
"""VPC, vSwitch and security group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

from hostlift.clouds.alibaba.addresses import Addresses
from hostlift.clouds.alibaba.adopt import create_once, first, tagged
from hostlift.clouds.alibaba.requests.base import Tag, client_token, id_list, tag_list
from hostlift.clouds.alibaba.requests.network import (
    AuthorizeSecurityGroup,
    CreateSecurityGroup,
    CreateVpc,
    CreateVSwitch,
    DeleteSecurityGroup,
    DeleteVpc,
    DeleteVSwitch,
    DescribeSecurityGroupAttribute,
    DescribeSecurityGroups,
    DescribeVpcs,
    DescribeVSwitches,
    RevokeSecurityGroup,
)
from hostlift.errors import ResourceGone
from hostlift.ports.cloud import Phase, Resource, ResourceKind, ResourceState
from hostlift.ports.networks import Network, Rule

if TYPE_CHECKING:
    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.records import Item, Permission

NAME = "hostlift"


@dataclass(frozen=True, slots=True)
class Vpcs:
    """Private networks."""

    api: Api

    def create(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        """See `Networks.create_vpc`."""
        marked = tagged(tags, token)
        request = CreateVpc(
            client_token=client_token(token, CreateVpc.action),
            vpc_name=NAME,
            cidr_block=cidr,
            description="Made by hostlift for a migration; released at its end.",
            tag=tag_list(marked),
        )
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [item.id for item in self.api.pages(DescribeVpcs(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one."""
        return _state(ResourceKind.VPC, name, list(self.api.pages(DescribeVpcs(vpc_id=name))))

    def delete(self, name: str) -> None:
        """Delete one."""
        self.api.call(DeleteVpc(vpc_id=name))


@dataclass(frozen=True, slots=True)
class VSwitches:
    """Subnets."""

    api: Api

    def create(self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str) -> str:
        """See `Networks.create_vswitch`."""
        marked = tagged(tags, token)
        request = CreateVSwitch(
            client_token=client_token(token, CreateVSwitch.action),
            v_switch_name=NAME,
            vpc_id=vpc,
            zone_id=zone,
            cidr_block=cidr,
            tag=tag_list(marked),
        )
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [item.id for item in self.api.pages(DescribeVSwitches(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one."""
        items = list(self.api.pages(DescribeVSwitches(v_switch_id=name)))
        return _state(ResourceKind.VSWITCH, name, items)

    def delete(self, name: str) -> None:
        """Delete one."""
        self.api.call(DeleteVSwitch(v_switch_id=name))


@dataclass(frozen=True, slots=True)
class SecurityGroups:
    """Groups and what they admit."""

    api: Api

    def create(self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str) -> str:
        """See `Networks.create_security_group`."""
        marked = tagged(tags, token)
        request = CreateSecurityGroup(
            client_token=client_token(token, CreateSecurityGroup.action),
            security_group_name=NAME,
            vpc_id=vpc,
            description="Admits the migrated server only.",
            tag=tag_list(marked),
        )
        group = create_once(self.api, request, lambda mark: first(self.find(mark)), marked)
        self._admit(group, rules)
        return group

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [item.id for item in self.api.pages(DescribeSecurityGroups(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one."""
        request = DescribeSecurityGroups(security_group_ids=id_list(name))
        return _state(ResourceKind.SECURITY_GROUP, name, list(self.api.pages(request)))

    def delete(self, name: str) -> None:
        """Delete one."""
        self.api.call(DeleteSecurityGroup(security_group_id=name))

    def _admit(self, group: str, rules: tuple[Rule, ...]) -> None:
        """Make the inbound rules exactly ``rules``."""
        listed = self.api.call(DescribeSecurityGroupAttribute(security_group_id=group))
        there = {_key(p.protocol, p.ports, p.source) for p in listed if _is_ours(p)}
        wanted = {_key("tcp", f"{rule.port}/{rule.port}", rule.source) for rule in rules}
        for key in sorted(wanted - there):
            self.api.call(AuthorizeSecurityGroup(**self._rule(group, key)))
        for key in sorted(there - wanted):
            self.api.call(RevokeSecurityGroup(**self._rule(group, key)))

    def _rule(self, group: str, key: RuleKey) -> _RuleFields:
        protocol, ports, source = key
        # The time is part of the token: the same rule may be taken away and given again.
        occasion = f"{group} {protocol} {ports} {source} {self.api.clock.now()}"
        return {
            "client_token": client_token(occasion, AuthorizeSecurityGroup.action),
            "security_group_id": group,
            "ip_protocol": protocol,
            "port_range": ports,
            "source_cidr_ip": source,
        }


class Networks:
    """`hostlift.ports.networks.Networks` of a region."""

    def __init__(self, api: Api) -> None:
        self.vpcs = Vpcs(api)
        self.vswitches = VSwitches(api)
        self.groups = SecurityGroups(api)
        self.addresses = Addresses(api)

    def create_address(self, *, mbps: int, tags: dict[str, str], token: str) -> str:
        """See the port."""
        return self.addresses.create(mbps=mbps, tags=tags, token=token)

    def associate(self, address: str, instance: str) -> None:
        """See the port."""
        self.addresses.associate(address, instance)

    def tagged(self, tag: str) -> list[Network]:
        """See the port."""
        rows = self.vpcs.api.pages(DescribeVpcs(tag=(Tag(key=tag, value=""),)))
        return [_network(row) for row in sorted(rows, key=lambda r: r.id)]

    def free_addresses(self, vswitch: str) -> int:
        """See the port."""
        rows = self.vpcs.api.pages(DescribeVSwitches(v_switch_id=vswitch))
        return next((row.free for row in rows if row.id == vswitch), 0)

    def describe(self, vpc: str) -> Network:
        """See the port."""
        api = self.vpcs.api
        row = next((r for r in api.pages(DescribeVpcs(vpc_id=vpc)) if r.id == vpc), None)
        if row is None:
            raise ResourceGone(
                f"{vpc} does not exist",
                api_code="InvalidVpcId.NotFound",
                action=DescribeVpcs.action.api_name,
            )
        subnets = list(api.pages(DescribeVSwitches(vpc_id=vpc)))
        groups = list(api.pages(DescribeSecurityGroups(vpc_id=vpc)))
        return replace(
            _network(row),
            subnets=tuple(s.cidr for s in subnets if s.cidr),
            lodgers=tuple(item.tags for item in (*subnets, *groups)),
        )

    def create_vpc(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        """See the port."""
        return self.vpcs.create(cidr=cidr, tags=tags, token=token)

    def create_vswitch(
        self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str
    ) -> str:
        """See the port."""
        return self.vswitches.create(vpc=vpc, zone=zone, cidr=cidr, tags=tags, token=token)

    def create_security_group(
        self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str
    ) -> str:
        """See the port."""
        return self.groups.create(vpc=vpc, rules=rules, tags=tags, token=token)


def _network(row: Item) -> Network:
    return Network(vpc=row.id, cidr=row.cidr, ready=row.status == "Available")


RuleKey = tuple[str, str, str]
"""Protocol, port range ``8080/8080`` and source CIDR of an inbound rule."""


class _RuleFields(TypedDict):
    client_token: str
    security_group_id: str
    ip_protocol: str
    port_range: str
    source_cidr_ip: str


def _is_ours(permission: Permission) -> bool:
    inbound = permission.direction in {"", "ingress"}
    return inbound and permission.policy == "accept" and bool(permission.source)


def _key(protocol: str, ports: str, source: str) -> RuleKey:
    # A single address may come back without its prefix.
    return protocol, ports, source if "/" in source else f"{source}/32"


def _state(kind: ResourceKind, name: str, items: list[Item]) -> ResourceState | None:
    for item in items:
        if item.id == name:
            phase = Phase.READY if item.status == "Available" else Phase.PENDING
            return ResourceState(
                resource=Resource(kind, name), phase=phase, detail=item.status, zone=item.zone
            )
    return None
