# SPDX-License-Identifier: Apache-2.0
"""What the driver asks: one frozen record per action, named and spelt as the API spells it.

``snake_case`` becomes ``PascalCase``, a tuple of records ``Name.1.Field``; what is None or empty
is not sent; ``region_id`` is filled in by the gateway.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import ClassVar, Generic, Self, TypeVar

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json, rows, text
from hostlift.clouds.alibaba.records import (
    CallerIdentity,
    DiskRow,
    ImageRow,
    InstanceRow,
    Item,
    Malformed,
    Offer,
    Page,
    Permission,
    TypeRow,
    required,
)

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

LARGEST_PAGE = 50
"""VPC answers at most 50 items a page, ECS 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ABC, Generic[R_co]):
    """A call to make; ``R_co`` is what it answers."""

    action: ClassVar[Action]

    @abstractmethod
    def answer(self, body: Json) -> R_co:
        """Read the answer.

        Raises:
            Malformed: It lacks what it must hold.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged(Request[Page[T]], Generic[T]):
    """A call that answers in pages."""

    page_number: int = 1
    page_size: int = LARGEST_PAGE

    def next_page(self) -> Self:
        """The same question about the following items."""
        return replace(self, page_number=self.page_number + 1)


def parameters(request: Request[R_co], region: str) -> dict[str, str]:
    """The request as flat names and values."""
    flat: dict[str, str] = {}
    _flatten("", request, flat)
    if "region_id" in {f.name for f in fields(request)}:
        flat["RegionId"] = region
    return flat


def _flatten(prefix: str, value: object, flat: dict[str, str]) -> None:
    if is_dataclass(value):
        for field in fields(value):
            name = "".join(part.capitalize() for part in field.name.split("_"))
            _flatten(f"{prefix}.{name}" if prefix else name, getattr(value, field.name), flat)
    elif isinstance(value, tuple):
        for n, element in enumerate(value, 1):
            _flatten(f"{prefix}.{n}", element, flat)
    elif isinstance(value, bool):
        flat[prefix] = "true" if value else "false"
    elif value not in {None, ""}:
        flat[prefix] = str(value)


def id_list(*ids: str) -> str:
    """Several ids as the API wants them: a JSON list inside a text."""
    return json.dumps(ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag to give or to look for."""

    key: str
    value: str


def tag_list(tags: dict[str, str]) -> tuple[Tag, ...]:
    """Tags in a stable order, so that a repeated call is the same call."""
    return tuple(Tag(key=k, value=v) for k, v in sorted(tags.items()))


class Nothing:
    """Mixin of requests whose answer tells nothing."""

    __slots__ = ()

    def answer(self, _body: Json) -> None:
        """The call was accepted."""


# Who, where


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCallerIdentity(Request[CallerIdentity]):
    """Who the credentials belong to."""

    action = Action.GET_CALLER_IDENTITY

    def answer(self, body: Json) -> CallerIdentity:
        """See `Request`."""
        return CallerIdentity.from_json(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAvailableResource(Request[tuple[Offer, ...]]):
    """What is in stock; never ``instance_type`` together with ``cores`` and ``memory``."""

    action = Action.DESCRIBE_AVAILABLE_RESOURCE
    destination_resource: str
    region_id: str = ""
    zone_id: str = ""
    instance_charge_type: str = "PostPaid"
    instance_type: str = ""
    cores: int | None = None
    memory: float | None = None
    system_disk_category: str = ""

    def answer(self, body: Json) -> tuple[Offer, ...]:
        """See `Request`."""
        return Offer.all_from(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeInstanceTypes(Request[tuple[TypeRow, ...]]):
    """What instance types are; ``instance_types`` at most 10."""

    action = Action.DESCRIBE_INSTANCE_TYPES
    instance_types: tuple[str, ...]

    def answer(self, body: Json) -> tuple[TypeRow, ...]:
        """See `Request`."""
        return tuple(TypeRow.from_json(row) for row in rows(body, "InstanceTypes", "InstanceType"))


# Network


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVpc(Request[str]):
    """A new private network."""

    action = Action.CREATE_VPC
    client_token: str
    vpc_name: str
    cidr_block: str
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
class DeleteVpc(Nothing, Request[None]):
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
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[Item]:
        """See `Request`."""
        return Page.read(body, "VSwitches", "VSwitch", Item.v_switch)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteVSwitch(Nothing, Request[None]):
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
class AuthorizeSecurityGroup(Nothing, Request[None]):
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
class RevokeSecurityGroup(Nothing, Request[None]):
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
class DeleteSecurityGroup(Nothing, Request[None]):
    """Delete a security group."""

    action = Action.DELETE_SECURITY_GROUP
    security_group_id: str
    region_id: str = ""


# Instances


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemDisk:
    """The system disk of an instance to start."""

    category: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDisk:
    """A blank data disk of an instance to start; the name keeps the order of the request."""

    size: int
    category: str
    disk_name: str
    delete_with_instance: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInstances(Request[str]):
    """A new instance, starting at once."""

    action = Action.RUN_INSTANCES
    client_token: str
    instance_name: str
    image_id: str
    instance_type: str
    security_group_id: str
    v_switch_id: str
    system_disk: SystemDisk
    data_disk: tuple[DataDisk, ...] = ()
    user_data: str = ""
    auto_release_time: str = ""
    internet_max_bandwidth_out: int = 0
    internet_charge_type: str = "PayByTraffic"
    instance_charge_type: str = "PostPaid"
    amount: int = 1
    description: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        ids = InstanceIds.read(body)
        if len(ids) != 1:
            raise Malformed(f"one instance was asked for, {len(ids)} were made")
        return ids[0]


class InstanceIds:
    """The answer of RunInstances: ``InstanceIdSets.InstanceIdSet[]`` of plain ids."""

    @staticmethod
    def read(body: Json) -> tuple[str, ...]:
        """The ids."""
        from hostlift.clouds.alibaba.fields import texts

        return texts(body, "InstanceIdSets", "InstanceIdSet")
