# SPDX-License-Identifier: Apache-2.0
"""STS: who is calling; temporary keys."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Annotated

from hostlift.localcloud.actions.base import Context, action
from hostlift.localcloud.state.records import SessionKey
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, invalid_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request
from hostlift.localcloud.wire.times import to_second

_ROLE = re.compile(r"acs:ram::(?P<account>\d+):role/(?P<role>[\w.\-]{1,64})")
_SESSION = re.compile(r"[\w.@\-]{2,64}")


@dataclass(frozen=True, kw_only=True)
class GetCallerIdentity(Request):
    """No parameters."""

    HARMLESS = "RegionId"


@dataclass(frozen=True, kw_only=True)
class AssumeRole(Request):
    """``Policy`` is taken; this cloud has no policies to narrow."""

    HARMLESS = "RegionId Policy ExternalId"

    RoleArn: str
    RoleSessionName: str
    DurationSeconds: Annotated[int, Ranged(900, 43200, "InvalidParameter.DurationSeconds")] = 3600
    SourceIdentity: str = ""


@action(Product.STS, GetCallerIdentity)
def get_caller_identity(context: Context, _ask: GetCallerIdentity) -> Body:
    """The account, or the assumed role."""
    account, session = context.cloud.account.id, context.caller.session
    if not session:
        return {
            "AccountId": account,
            "UserId": account,
            "PrincipalId": account,
            "IdentityType": "Account",
            "Arn": f"acs:ram::{account}:root",
        }
    role = session.split("/", maxsplit=1)[0]
    return {
        "AccountId": account,
        "RoleId": _role_id(role),
        "PrincipalId": f"{_role_id(role)}:{session.split('/', maxsplit=1)[1]}",
        "IdentityType": "AssumedRoleUser",
        "Arn": f"acs:ram::{account}:assumed-role/{session}",
    }


@action(Product.STS, AssumeRole)
def assume_role(context: Context, ask: AssumeRole) -> Body:
    """Temporary keys; every role of the account exists."""
    found = _ROLE.fullmatch(ask.RoleArn)
    if not found:
        raise invalid_parameter("RoleArn", code="InvalidParameter.RoleArn")
    if found["account"] != context.cloud.account.id:
        raise ApiError("EntityNotExist.Role", "The role not exists.", 404)
    if not _SESSION.fullmatch(ask.RoleSessionName):
        raise invalid_parameter("RoleSessionName", code="InvalidParameter.RoleSessionName")
    expires = context.now + ask.DurationSeconds
    key = SessionKey(
        id=f"STS.{secrets.token_hex(12)}",
        secret=secrets.token_hex(22),
        token=secrets.token_urlsafe(96),
        expires=expires,
        session=f"{found['role'].lower()}/{ask.RoleSessionName}",
    )
    context.cloud.store.sessions.put(key)
    return {
        "Credentials": {
            "AccessKeyId": key.id,
            "AccessKeySecret": key.secret,
            "SecurityToken": key.token,
            "Expiration": to_second(expires),
        },
        "AssumedRoleUser": {
            "Arn": f"{ask.RoleArn}/{ask.RoleSessionName}",
            "AssumedRoleId": f"{_role_id(found['role'].lower())}:{ask.RoleSessionName}",
        },
        **({"SourceIdentity": ask.SourceIdentity} if ask.SourceIdentity else {}),
    }


def _role_id(role: str) -> str:
    digits = "".join(str(b % 10) for b in role.encode().ljust(17, b"0")[:17])
    return f"3{digits}"
