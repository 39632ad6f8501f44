# SPDX-License-Identifier: Apache-2.0
"""What RAM is asked before a call: on which resources, with which facts for conditions.

A call needs permission for every resource it names and for every kind it makes, and to tag what it
makes when it carries tags. ARNs are as in
https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-ram.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence

from hostlift.localcloud.actions.base import Action, Context, TagPart
from hostlift.localcloud.ram.judge import Question, Verdict
from hostlift.localcloud.state.records import Record
from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.gate import Who
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request
from hostlift.localcloud.wire.times import to_second

_NAMED: Mapping[str, str] = {
    "InstanceId": "ecs:instance",
    "InstanceIds": "ecs:instance",
    "DiskId": "ecs:disk",
    "DiskIds": "ecs:disk",
    "SnapshotId": "ecs:snapshot",
    "SnapshotIds": "ecs:snapshot",
    "ImageId": "ecs:image",
    "SecurityGroupId": "ecs:securitygroup",
    "SecurityGroupIds": "ecs:securitygroup",
    "SourceGroupId": "ecs:securitygroup",
    "DestGroupId": "ecs:securitygroup",
    "VpcId": "vpc:vpc",
    "VSwitchId": "vpc:vswitch",
    "AllocationId": "vpc:eip",
    "ResourceId": "",
}
"""Parameters that name resources, and the service and kind they are of."""
_KEYS = ("acs:resourcetag", "ecs:tag", "vpc:tag")
_REFUSALS = {
    Product.STS: ("NoPermission", "You are not authorized to do this action. You should be authorized by RAM.", 403),
    Product.BSS: ("NotAuthorized", "This API is not authorized for caller.", 400),
}  # fmt: skip
_FORBIDDEN = (
    "Forbidden.RAM",
    "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    403,
)


def check_permission(context: Context, action: Action, ask: Request) -> None:
    """Refuse what the caller may not do.

    Raises:
        ApiError: With ``AccessDeniedDetail``.
    """
    if action.free or context.caller.principal.who is Who.ACCOUNT:
        return
    for question in questions(context, action, ask):
        require(context, question)


def require(context: Context, question: Question) -> None:
    """Refuse one thing the caller may not do.

    Raises:
        ApiError: With ``AccessDeniedDetail``.
    """
    verdict = context.cloud.accounts.verdict(context.caller.principal, question)
    if verdict is Verdict.ALLOW:
        return
    code, message, status = _REFUSALS.get(context.product, _FORBIDDEN)
    raise ApiError(code, message, status, detail=_detail(context, question, verdict))


def questions(context: Context, action: Action, ask: Request) -> Iterator[Question]:
    """Everything RAM is asked about a call.

    A describing call is asked for what it lists alone; what merely narrows it does not count.
    """
    code = action.product.ram_code
    name = f"{code}:{action.name}"
    listed = [kind if ":" in kind else f"{code}:{kind}" for kind in action.on]
    named = list(_named(ask))
    if action.reads and listed:
        kinds = {kind.partition("/")[0] for kind in listed}
        named = [(kind, key) for kind, key in named if kind in kinds]
        listed = [] if named else listed
    for kind, key in named:
        record = _find(context, kind, key)
        tags = record.tags if record is not None else {}
        yield Question(name, _arn(context, f"{kind}/{key}"), _facts(context, ask, tags))
    wished = _facts(context, ask, _wished(ask))
    for kind in listed or ([] if named else [f"{code}:*"]):
        yield Question(name, _arn(context, kind), wished)
    if not action.reads and _wished(ask):
        # To tag what is made is a right of its own.
        for kind in (k for k in listed if k.startswith(f"{code}:")):
            yield Question(f"{code}:TagResources", _arn(context, kind), wished)


def _named(ask: Request) -> Iterator[tuple[str, str]]:
    for parameter, kind in _NAMED.items():
        value = getattr(ask, parameter, None)
        keys = (value,) if isinstance(value, str) else tuple(value or ())
        for key in (k for part in keys for k in str(part).split(",") if k):
            yield kind or _kind_of(ask), key


def _kind_of(ask: Request) -> str:
    """The kind of ``ResourceId``, which ``ResourceType`` says."""
    kind = str(getattr(ask, "ResourceType", "")).lower()
    return f"vpc:{kind}" if kind in {"vpc", "vswitch", "eip"} else f"ecs:{kind}"


def _arn(context: Context, kind: str) -> str:
    service, _, rest = kind.partition(":")
    return f"acs:{service}:{context.region or '*'}:{context.account.id}:{rest}"


def _find(context: Context, kind: str, key: str) -> Record | None:
    store = context.store
    views: Mapping[str, Sequence[Record]] = {
        "ecs:instance": store.instances.all(),
        "ecs:disk": store.disks.all(),
        "ecs:snapshot": store.snapshots.all(),
        "ecs:image": store.images.all(),
        "ecs:securitygroup": store.groups.all(),
        "vpc:vpc": store.vpcs.all(),
        "vpc:vswitch": store.vswitches.all(),
        "vpc:eip": store.eips.all(),
    }
    return next((r for r in views.get(kind, ()) if r.id == key), None)


def _wished(ask: Request) -> dict[str, str]:
    tags: Sequence[TagPart] = getattr(ask, "Tag", ())
    return dict(t.pair for t in tags)


def _facts(context: Context, ask: Request, tags: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    facts: dict[str, tuple[str, ...]] = {
        "acs:currenttime": (to_second(context.now),),
        "acs:securetransport": ("false",),
        "acs:mfapresent": ("false",),
    }
    if context.source:
        facts["acs:sourceip"] = (context.source,)
    for key, value in tags.items():
        facts |= {f"{prefix}/{key.lower()}": (value,) for prefix in _KEYS}
    for key, value in _wished(ask).items():
        facts[f"acs:requesttag/{key.lower()}"] = (value,)
    return facts


def _detail(context: Context, question: Question, verdict: Verdict) -> dict[str, str]:
    who = context.caller.principal
    is_user = who.who is Who.USER
    said = {"action": question.action, "resource": question.resource, "principal": who.title}
    return {
        "AuthAction": question.action,
        "AuthPrincipalDisplayName": who.id if is_user else f"{who.name}:{who.session}",
        "AuthPrincipalOwnerId": who.account,
        "AuthPrincipalType": "SubUser" if is_user else "AssumedRoleUser",
        "EncodedDiagnosticMessage": base64.b64encode(json.dumps(said).encode()).decode(),
        "NoPermissionType": verdict.value,
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }
