# SPDX-License-Identifier: Apache-2.0
"""What private networks and their subnets have in common on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from hostlift.localcloud.actions.base import Context, check_description, check_name
from hostlift.localcloud.state.records import Vpc, VSwitch
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.times import to_second

N = TypeVar("N", Vpc, VSwitch)


def renamed(record: N, parameter: str, name: str | None, description: str | None) -> N:
    """With another name and description; None leaves one as it is.

    Raises:
        ApiError: One of them breaks the common rules.
    """
    name = record.name if name is None else name
    text = record.description if description is None else description
    check_name(name, parameter)
    check_description(text)
    return replace(record, name=name, description=text)


def view(context: Context, record: Vpc | VSwitch) -> Body:
    """The fields that both have, under the same names."""
    return {
        "VpcId": record.id if isinstance(record, Vpc) else record.vpc,
        "Status": record.status.value,
        "Description": record.description,
        "CidrBlock": record.cidr,
        "Ipv6CidrBlock": "",
        "EnabledIpv6": False,
        "IsDefault": False,
        "CreationTime": to_second(record.created),
        "OwnerId": int(context.account.id),
        "ResourceGroupId": record.resource_group,
        "Tags": network_tags(record.tags),
    }


def network_tags(tags: dict[str, str]) -> Body:
    """Tags in the form of the VPC service."""
    return {"Tag": [{"Key": k, "Value": v} for k, v in tags.items()]}
