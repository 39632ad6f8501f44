# SPDX-License-Identifier: Apache-2.0
"""Decisions: an explicit Deny outweighs any Allow; what nothing allows is denied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hostlift.localcloud.ram.conditions import Facts, holds, like
from hostlift.localcloud.ram.documents import Policy, Statement


class Verdict(StrEnum):
    """The words are those of ``NoPermissionType``."""

    ALLOW = "Allow"
    EXPLICIT_DENY = "ExplicitDeny"
    IMPLICIT_DENY = "ImplicitDeny"


@dataclass(frozen=True, slots=True)
class Question:
    """May it be done?

    Attributes:
        action: ``ecs:RunInstances``.
        resource: ``acs:ecs:cn-hangzhou:1234567890123456:instance/*``.
        facts: What conditions may ask about, by key in lower case.
    """

    action: str
    resource: str
    facts: Facts = field(default_factory=dict)


def judge(policies: Iterable[Policy], question: Question) -> Verdict:
    """What the policies of a user or role say to a question."""
    effects = {s.Effect for p in policies for s in p.Statement if _fits(s, question)}
    if "Deny" in effects:
        return Verdict.EXPLICIT_DENY
    return Verdict.ALLOW if "Allow" in effects else Verdict.IMPLICIT_DENY


def trusts(policy: Policy, account: str, arn: str) -> bool:
    """Whether a role's trust policy lets a RAM user in: by itself or by its account."""
    known = {arn, f"acs:ram::{account}:root", account, "*"}
    allowed = False
    for statement in policy.Statement:
        named = statement.Principal.RAM if statement.Principal else ()
        if not known.intersection(named) or not _is_action(statement, "sts:AssumeRole"):
            continue
        if statement.Effect == "Deny":
            return False
        allowed = True
    return allowed


def _fits(statement: Statement, question: Question) -> bool:
    return (
        _is_action(statement, question.action)
        and _is_resource(statement, question.resource)
        and all(
            holds(operator, key, wanted, question.facts)
            for operator, lines in (statement.Condition or {}).items()
            for key, wanted in lines.items()
        )
    )


def _is_action(statement: Statement, action: str) -> bool:
    if statement.Action:
        return _any(statement.Action, action)
    return not _any(statement.NotAction, action)


def _any(patterns: Sequence[str], action: str) -> bool:
    """Actions are told apart without regard to case."""
    lowered = action.lower()
    return any(like(_whole(p).lower(), lowered) for p in patterns)


def _whole(pattern: str) -> str:
    return "*:*" if pattern == "*" else pattern


def _is_resource(statement: Statement, resource: str) -> bool:
    if statement.Resource:
        return any(like(p, resource) for p in statement.Resource)
    return not any(like(p, resource) for p in statement.NotResource)
