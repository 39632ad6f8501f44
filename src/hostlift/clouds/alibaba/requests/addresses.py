# SPDX-License-Identifier: Apache-2.0
"""Elastic public addresses."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json
from hostlift.clouds.alibaba.records import AddressRow, Page, required
from hostlift.clouds.alibaba.requests.base import Command, Paged, Request, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateEipAddress(Request[str]):
    """A new address, paid by traffic; ``bandwidth`` in Mbit/s."""

    action = Action.ALLOCATE_EIP_ADDRESS
    client_token: str
    name: str
    bandwidth: int
    internet_charge_type: str = "PayByTraffic"
    instance_charge_type: str = "PostPaid"
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "AllocationId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeEipAddresses(Paged[AddressRow]):
    """Addresses."""

    action = Action.DESCRIBE_EIP_ADDRESSES
    allocation_id: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[AddressRow]:
        """See `Request`."""
        return Page.read(body, "EipAddresses", "EipAddress", AddressRow.from_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateEipAddress(Command):
    """Tie an address to an instance that has none."""

    action = Action.ASSOCIATE_EIP_ADDRESS
    allocation_id: str
    instance_id: str
    instance_type: str = "EcsInstance"
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEipAddress(Command):
    """Give an address back; refused while an instance has it."""

    action = Action.RELEASE_EIP_ADDRESS
    allocation_id: str
    region_id: str = ""
