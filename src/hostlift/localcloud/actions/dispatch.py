# SPDX-License-Identifier: Apache-2.0
"""A call that was let in: its parameters read, permission asked, answered once, its work queued."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from hostlift.localcloud.actions.base import Action, Context, Order, check_region
from hostlift.localcloud.actions.permissions import check_permission
from hostlift.localcloud.actions.registry import ACTIONS
from hostlift.localcloud.faults.kinds import Fault, FaultKind, Moment
from hostlift.localcloud.life import accidents
from hostlift.localcloud.state.records import Remembered
from hostlift.localcloud.state.scope import Scope
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.gate import Key, Who
from hostlift.localcloud.wire.message import PROTOCOL, Call
from hostlift.localcloud.wire.parameters import Request, read_request
from hostlift.localcloud.world import World

_TOKEN_LENGTH = 64
_OLDER_WORD = frozenset({"CreateImage", "CopyImage"})
"""Actions whose tables say ``IdempotenceParamNotMatch`` where the others say something else."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call, who makes it, from where, and what strikes it."""

    call: Call
    caller: Key
    source: str = ""
    faults: tuple[Fault, ...] = ()

    def fault(self, kind: FaultKind) -> Fault | None:
        """The fault of that kind that strikes it."""
        return next((f for f in self.faults if f.kind is kind), None)


def find_action(call: Call) -> Action:
    """The action a call is for.

    Raises:
        ApiError: There is none.
    """
    action = ACTIONS.get((call.product, call.action))
    if action is None:
        raise ApiError(
            "InvalidAction.NotFound",
            f"Specified api is not found, please check your url and method: {call.action}.",
            404,
        )
    return action


def answer(cloud: World, asked: Asked) -> Body:
    """Answer a call.

    Raises:
        ApiError: It is refused; nothing was changed.
    """
    call = asked.call
    action = find_action(call)
    ask = read_request(action.request, call.parameters)
    context = _context(cloud, asked)
    check_permission(context, action, ask)
    _check_standing(context, action)
    with cloud.store.change():
        body = _once(context, action, ask, asked)
        if getattr(ask, "DryRun", False):
            raise ApiError(
                "DryRunOperation", "Request validation has been passed with DryRun flag set."
            )
        jobs = accidents.afflict(
            cloud, context.account.id, call.parameters, context.jobs, _effects(asked)
        )
    for job, delay in jobs:
        cloud.jobs.add(job, delay)
    return body


def _context(cloud: World, asked: Asked) -> Context:
    account = cloud.accounts.get(asked.caller.principal.account)
    if account is None:
        raise ApiError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    region = asked.call.parameters.get("RegionId", "")
    if region:
        check_region(region)
    stale = asked.fault(FaultKind.STALE)
    at = cloud.clock.now() - stale.length if stale is not None else None
    return Context(
        cloud=cloud,
        caller=asked.caller,
        account=account,
        product=asked.call.product,
        region=region,
        store=Scope(cloud.store, account.id, region, at),
        source=asked.source,
    )


def _check_standing(context: Context, action: Action) -> None:
    """What an account cannot have done for it, whoever asks."""
    of = context.account.settings
    sub_user = context.caller.principal.who is not Who.ACCOUNT
    if action.order is Order.NOTHING:
        return
    balance = context.cloud.balance(context.account)
    if of.in_debt or balance < 0:
        raise ApiError("Account.Arrearage", "Your account has an outstanding payment.")
    if action.order is Order.STANDING:
        return
    if sub_user and not of.sub_users_may_order:
        raise ApiError(
            "Forbidden.SubUser", "The specified action is not available for sub-users.", 403
        )
    if not of.real_name:
        raise ApiError(
            "RealNameAuthenticationError", "Your account has not passed the real-name check.", 403
        )
    if of.risk_control:
        raise ApiError("Forbidden.RiskControl", "This operation is forbidden by risk control.", 403)
    if balance < of.least_balance:
        raise ApiError(
            "InvalidAccountStatus.NotEnoughBalance",
            "Your account does not have enough balance to order postpaid products.",
            403,
        )


def _once(context: Context, action: Action, ask: Request, asked: Asked) -> Body:
    """The same ClientToken gives the same answer, and never a second resource."""
    token = getattr(ask, "ClientToken", "")
    if not token:
        return action.answer(context, ask)
    if len(token) > _TOKEN_LENGTH or not token.isascii():
        raise ApiError("InvalidClientToken.ValueNotSupported", "clienttoken is not valid.")
    remembered = context.cloud.store.remembered
    key = f"{context.account.id} {context.product.name} {action.name} {token}"
    known = remembered.get(key)
    if known is not None:
        return _again(context, action, known, _digest(asked.call))
    body = action.answer(context, ask)
    lost = asked.fault(FaultKind.LOST_REPLY)
    remembered.put(
        Remembered(
            id=key,
            created=context.now,
            digest=_digest(asked.call),
            answer=json.dumps(body),
            busy_until=context.now + lost.seconds if lost is not None else 0.0,
        )
    )
    return body


def _again(context: Context, action: Action, known: Remembered, digest: str) -> Body:
    if known.digest != digest:
        older = action.name in _OLDER_WORD
        raise ApiError(
            "IdempotenceParamNotMatch" if older else "IdempotentParameterMismatch",
            "The specified clientToken is used with other parameters.",
            400 if older else 403,
        )
    if context.now < known.busy_until:
        raise ApiError(
            "IdempotentProcessing", "The previous idempotent request(s) is still processing.", 403
        )
    if known.busy_until:
        context.cloud.store.remembered.put(replace(known, busy_until=0.0))
    body: Body = json.loads(known.answer)
    return body


def _effects(asked: Asked) -> tuple[Fault, ...]:
    return tuple(f for f in asked.faults if f.nature.moment is Moment.EFFECT)


def _digest(call: Call) -> str:
    aside = PROTOCOL | {"ClientToken", "DryRun"}
    own = sorted((k, v) for k, v in call.parameters.items() if k not in aside)
    return hashlib.sha256(json.dumps(own).encode()).hexdigest()
