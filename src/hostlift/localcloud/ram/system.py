# SPDX-License-Identifier: Apache-2.0
"""The policies that every account has, shortened to what concerns the services of this cloud."""

from __future__ import annotations

from hostlift.errors import ConfigError
from hostlift.localcloud.ram.documents import Policy, Statement


def _allow(*actions: str) -> Policy:
    return Policy(
        Version="1", Statement=(Statement(Effect="Allow", Action=actions, Resource=("*",)),)
    )


SYSTEM_POLICIES = {
    "AdministratorAccess": _allow("*"),
    "AliyunECSFullAccess": _allow("ecs:*", "vpc:DescribeVpcs", "vpc:DescribeVSwitches"),
    "AliyunECSReadOnlyAccess": _allow(
        "ecs:Describe*", "ecs:List*", "ecs:Get*", "vpc:DescribeVpcs", "vpc:DescribeVSwitches"
    ),
    "AliyunVPCFullAccess": _allow("vpc:*"),
    "AliyunVPCReadOnlyAccess": _allow("vpc:Describe*", "vpc:List*", "vpc:Get*"),
    "AliyunEIPFullAccess": _allow("vpc:*Eip*"),
    "AliyunSTSAssumeRoleAccess": _allow("sts:AssumeRole"),
    "AliyunBSSReadOnlyAccess": _allow("bss:Describe*", "bssapi:Query*", "bssapi:Get*"),
    "AliyunQuotasReadOnlyAccess": _allow("quotas:List*", "quotas:Get*"),
}


def system_policy(name: str) -> Policy:
    """A policy by its name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in SYSTEM_POLICIES:
        raise ConfigError(
            "no such system policy",
            subject=name,
            hint=f"There are {', '.join(SYSTEM_POLICIES)}; or write a policy document.",
        )
    return SYSTEM_POLICIES[name]
