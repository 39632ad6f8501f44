# SPDX-License-Identifier: Apache-2.0
"""Who we are and what can be had where."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json, rows
from hostlift.clouds.alibaba.records import CallerIdentity, Offer, TypeRow
from hostlift.clouds.alibaba.requests.base import Request


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
