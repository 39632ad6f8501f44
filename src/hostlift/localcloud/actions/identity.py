# SPDX-License-Identifier: Apache-2.0
"""STS: who is calling; temporary keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from hostlift.errors import ConfigError
from hostlift.localcloud.accounts import Account, admits, number_of
from hostlift.localcloud.actions.base import Context, action
from hostlift.localcloud.actions.permissions import require
from hostlift.localcloud.config import RoleSettings
from hostlift.localcloud.life.sessions import open_session
from hostlift.localcloud.ram.documents import read_policy
from hostlift.localcloud.ram.judge import Question
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, invalid_parameter
from hostlift.localcloud.wire.gate import Who
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request
from hostlift.localcloud.wire.times import to_second

_ROLE = re.compile(r"acs:ram::(?P<account>\d+):role/(?P<role>[\w.\-]{1,64})")
_SESSION = re.compile(r"[\w.@\-]{2,64}")
_LONGEST_POLICY = 2048


@dataclass(frozen=True, kw_only=True)
class GetCallerIdentity(Request):
    """No parameters."""


@dataclass(frozen=True, kw_only=True)
class AssumeRole(Request):
    """``Policy`` narrows what the role may do."""

    HARMLESS = "ExternalId"

    RoleArn: str
    RoleSessionName: str
    DurationSeconds: Annotated[int, Ranged(900, 43200, "InvalidParameter.DurationSeconds")] = 3600
    Policy: str = ""
    SourceIdentity: str = ""


@action(Product.STS, GetCallerIdentity, free=True)
def get_caller_identity(context: Context, _ask: GetCallerIdentity) -> Body:
    """The account, the RAM user, or the assumed role; needs no permission."""
    who = context.caller.principal
    of = {"AccountId": who.account, "IdentityType": who.who.value}
    match who.who:
        case Who.ACCOUNT:
            own = {"UserId": who.id, "PrincipalId": who.id}
            return {**of, **own, "Arn": f"acs:ram::{who.account}:root"}
        case Who.USER:
            own = {"UserId": who.id, "PrincipalId": who.id}
            return {**of, **own, "Arn": f"acs:ram::{who.account}:user/{who.name}"}
        case Who.ROLE:
            return {
                **of,
                "RoleId": who.id,
                "PrincipalId": f"{who.id}:{who.session}",
                "Arn": f"acs:ram::{who.account}:assumed-role/{who.name}/{who.session}",
            }


@action(Product.STS, AssumeRole, free=True)
def assume_role(context: Context, ask: AssumeRole) -> Body:
    """Temporary keys, for RAM users and roles: an account itself may not assume a role."""
    if not _SESSION.fullmatch(ask.RoleSessionName):
        raise invalid_parameter("RoleSessionName", code="InvalidParameter.RoleSessionName")
    if context.caller.principal.who is Who.ACCOUNT:
        raise ApiError("NoPermission", "Roles may not be assumed by root accounts.", 403)
    account, role = _role(context, ask)
    _check_admitted(context, ask, account, role)
    key = open_session(
        context.cloud,
        account,
        role,
        session=ask.RoleSessionName,
        seconds=ask.DurationSeconds,
        limits=_limits(ask),
    )
    number = number_of(f"{account.id}/{role.name}")
    return {
        "Credentials": {
            "AccessKeyId": key.id,
            "AccessKeySecret": key.secret,
            "SecurityToken": key.token,
            "Expiration": to_second(key.expires),
        },
        "AssumedRoleUser": {
            "Arn": f"{ask.RoleArn}/{ask.RoleSessionName}",
            "AssumedRoleId": f"{number}:{ask.RoleSessionName}",
        },
        **({"SourceIdentity": ask.SourceIdentity} if ask.SourceIdentity else {}),
    }


def _check_admitted(
    context: Context, ask: AssumeRole, account: Account, role: RoleSettings
) -> None:
    """The caller must be allowed to ask, and the role to answer."""
    require(context, Question("sts:AssumeRole", ask.RoleArn))
    if not admits(role, account, context.caller.principal):
        raise ApiError(
            "NoPermission",
            "You are not authorized to do this action. You should be authorized by RAM.",
            403,
        )
    if ask.DurationSeconds > role.longest:
        raise invalid_parameter(
            "DurationSeconds",
            f"The role's sessions last {role.longest} s at most.",
            "InvalidParameter.DurationSeconds",
        )


def _role(context: Context, ask: AssumeRole) -> tuple[Account, RoleSettings]:
    found = _ROLE.fullmatch(ask.RoleArn)
    if not found:
        raise invalid_parameter("RoleArn", code="InvalidParameter.RoleArn")
    account = context.cloud.accounts.get(found["account"])
    role = account.role(found["role"]) if account else None
    if account is None or role is None:
        raise ApiError("EntityNotExist.Role", "The role not exists.", 404)
    return account, role


def _limits(ask: AssumeRole) -> str:
    if len(ask.Policy) > _LONGEST_POLICY:
        raise invalid_parameter("Policy", code="InvalidParameter.PolicySize")
    if ask.Policy:
        try:
            read_policy(ask.Policy, "Policy")
        except ConfigError:
            raise invalid_parameter("Policy", code="InvalidParameter.PolicyGrammar") from None
    return ask.Policy
