# SPDX-License-Identifier: Apache-2.0
"""Policies and what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostlift.errors import ConfigError
from hostlift.localcloud.ram.conditions import like
from hostlift.localcloud.ram.documents import Policy, read_policy, write_policy
from hostlift.localcloud.ram.judge import Question, Verdict, judge
from hostlift.localcloud.ram.system import SYSTEM_POLICIES, system_policy

ARN = "acs:ecs:cn-hangzhou:1234567890123456:instance/i-1"


def _policy(*statements: dict[str, Any]) -> Policy:
    whole = [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*", **s} for s in statements]
    return read_policy(json.dumps({"Version": "1", "Statement": whole}), "test")


def _says(policy: Policy, action: str = "ecs:StopInstance", **facts: str) -> Verdict:
    known = {k.replace("__", ":").replace("_", "/"): (v,) for k, v in facts.items()}
    return judge([policy], Question(action, ARN, known))


def test_what_nothing_allows_is_denied_implicitly() -> None:
    """No statement, or none that fits."""
    assert judge([], Question("ecs:StopInstance", ARN)) is Verdict.IMPLICIT_DENY
    assert _says(_policy({"Action": "ecs:Describe*"})) is Verdict.IMPLICIT_DENY


def test_an_explicit_deny_outweighs_every_allow() -> None:
    """In whatever order and document."""
    deny, allow = _policy({"Effect": "Deny", "Action": "ecs:Stop*"}), _policy({})
    for policies in ([deny, allow], [allow, deny]):
        assert judge(policies, Question("ecs:StopInstance", ARN)) is Verdict.EXPLICIT_DENY
        assert judge(policies, Question("ecs:StartInstance", ARN)) is Verdict.ALLOW


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({"Action": "ecs:stopinstance"}, True),
        ({"Action": ["ecs:Run*", "ecs:Stop?nstance"]}, True),
        ({"Action": "*"}, True),
        ({"Action": "vpc:*"}, False),
        ({"Action": [], "NotAction": "ecs:Delete*"}, True),
        ({"Action": [], "NotAction": "ecs:Stop*"}, False),
        ({"Resource": "acs:ecs:*:*:instance/*"}, True),
        ({"Resource": "acs:ecs:cn-beijing:*:instance/*"}, False),
        ({"Resource": "acs:ecs:*:*:disk/*"}, False),
        ({"Resource": [], "NotResource": "acs:ecs:*:*:disk/*"}, True),
    ],
)
def test_actions_and_resources_are_patterns(statement: dict[str, Any], allowed: bool) -> None:
    """Actions without regard to case, resources as they are."""
    assert (_says(_policy(statement)) is Verdict.ALLOW) == allowed


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "facts", "holds"),
    [
        ("IpAddress", "acs:SourceIp", "10.0.0.0/8", {"acs__sourceip": "10.1.2.3"}, True),
        ("IpAddress", "acs:SourceIp", "10.0.0.0/8", {"acs__sourceip": "11.1.2.3"}, False),
        ("NotIpAddress", "acs:SourceIp", ["10.0.0.0/8"], {"acs__sourceip": "11.1.2.3"}, True),
        ("IpAddress", "acs:SourceIp", "10.0.0.0/8", {}, False),
        ("IpAddressIfExists", "acs:SourceIp", "10.0.0.0/8", {}, True),
        ("StringEquals", "ecs:tag/team", "a", {"ecs__tag_team": "a"}, True),
        ("StringEquals", "acs:ResourceTag/team", ["b", "a"], {"acs__resourcetag_team": "a"}, True),
        ("StringEquals", "ecs:tag/team", "a", {"ecs__tag_team": "b"}, False),
        ("StringNotEquals", "ecs:tag/team", "a", {}, True),
        ("StringLike", "ecs:tag/team", "a*", {"ecs__tag_team": "abc"}, True),
        ("StringNotLike", "ecs:tag/team", "a*", {"ecs__tag_team": "abc"}, False),
        ("StringEqualsIgnoreCase", "ecs:tag/team", "A", {"ecs__tag_team": "a"}, True),
        ("Bool", "acs:SecureTransport", False, {"acs__securetransport": "false"}, True),
        ("NumericLessThan", "acs:n", 5, {"acs__n": "4"}, True),
        ("NumericLessThan", "acs:n", 5, {"acs__n": "many"}, False),
        ("DateLessThan", "acs:CurrentTime", "2030-01-01T00:00:00Z", {"acs__currenttime": "2027-01-15T08:00:00Z"}, True),
        ("DateGreaterThan", "acs:CurrentTime", "2030-01-01T00:00:00+08:00", {"acs__currenttime": "2027-01-15T08:00:00Z"}, False),
        ("ForAllValues:StringEquals", "acs:x", ["a", "b"], {"acs__x": "a"}, True),
    ],
)  # fmt: skip
def test_conditions_ask_for_facts(
    operator: str, key: str, wanted: object, facts: dict[str, str], holds: bool
) -> None:
    """Each operator; a fact that is not known satisfies only what is negative or optional."""
    policy = _policy({"Condition": {operator: {key: wanted}}})
    assert (_says(policy, **facts) is Verdict.ALLOW) == holds


def test_every_line_of_a_condition_must_hold() -> None:
    """Operators and keys are joined by and, values by or."""
    policy = _policy(
        {"Condition": {"StringEquals": {"a:x": ["1", "2"], "a:y": "3"}, "Bool": {"a:z": True}}}
    )
    assert _says(policy, a__x="2", a__y="3", a__z="true") is Verdict.ALLOW
    assert _says(policy, a__x="2", a__y="4", a__z="true") is Verdict.IMPLICIT_DENY
    assert _says(policy, a__x="2", a__y="3", a__z="false") is Verdict.IMPLICIT_DENY


@pytest.mark.parametrize(
    "broken",
    [
        {"Effect": "Permit"},
        {"Actions": "ecs:*"},
        {"Action": []},
        {"Resource": []},
        {"NotAction": "ecs:*"},
        {"Condition": {"StringEqual": {"a": "b"}}},
    ],
)
def test_a_misspelt_document_is_refused(broken: dict[str, Any]) -> None:
    """It is told what is wrong; nothing is ignored."""
    with pytest.raises(ConfigError, match="not a RAM policy") as refused:
        _policy(broken)
    assert refused.value.subject == "test"


def test_a_document_survives_writing_and_reading() -> None:
    """The system's own too."""
    for policy in (*SYSTEM_POLICIES.values(), _policy({"Condition": {"Bool": {"a:z": True}}})):
        assert read_policy(write_policy(policy), "x") == policy


def test_system_policies_are_known_by_name() -> None:
    """Full access to one service is none to another."""
    ecs, vpc = system_policy("AliyunECSFullAccess"), system_policy("AliyunVPCFullAccess")
    assert _says(ecs) is Verdict.ALLOW
    assert _says(vpc) is Verdict.IMPLICIT_DENY
    assert _says(ecs, "vpc:CreateVpc") is Verdict.IMPLICIT_DENY
    assert _says(vpc, "vpc:CreateVpc") is Verdict.ALLOW
    assert _says(system_policy("AdministratorAccess"), "bssapi:X") is Verdict.ALLOW
    with pytest.raises(ConfigError, match="no such system policy"):
        system_policy("AliyunEverything")


@given(st.text(max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_a_star_stands_for_any_part(text: str, start: int, length: int) -> None:
    """Whatever is cut out of a text, a star in its place fits the text; letters fit themselves."""
    bare = text.replace("*", "").replace("?", "")
    pattern = f"{bare[:start]}*{bare[start + length :]}"
    assert like(pattern, bare)
    assert like(bare, bare)
    assert not like(bare + "x", bare)
