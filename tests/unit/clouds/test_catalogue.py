# SPDX-License-Identifier: Apache-2.0
"""What error codes mean."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fakes.alibaba import ScriptedTransport, a_driver

from hostlift.clouds.advice import Handling
from hostlift.clouds.alibaba.catalogue import CATALOGUE, advice
from hostlift.clouds.alibaba.transport import Refused
from hostlift.errors import NotPermitted

ROOT = Path(__file__).parents[3]
LISTED = [
    line.split()
    for line in (ROOT / "tests/data/alibaba/codes.txt").read_text().splitlines()
    if not line.startswith("#")
]


def codes_of_the_embedded_cloud() -> set[str]:
    """What it refuses with, as far as its source writes the code out."""
    found: set[str] = set()
    for path in (ROOT / "src/hostlift/localcloud").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"ApiError", "conflict"}:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


@pytest.mark.parametrize(("code", "handling"), LISTED)
def test_every_code_of_the_references_is_known(code: str, handling: str) -> None:
    """With what is done about it, what it means and what to do."""
    line = advice(code)
    assert line.handling is Handling[handling]
    assert line.meaning
    assert line.remedy or code == "DryRunOperation"


def test_whatever_the_embedded_cloud_answers_is_known() -> None:
    """The two meet only on the wire; a code that one says the other must understand."""
    theirs = codes_of_the_embedded_cloud()
    assert len(theirs) > 60
    assert sorted(code for code in theirs if not advice(code).pattern) == []


@pytest.mark.parametrize(
    ("told", "named"),
    [("vpc:CreateVpc", "Missing permission: vpc:CreateVpc."),
     ("", "The call needs: vpc:CreateVpc, vpc:TagResources.")],
)  # fmt: skip
def test_a_missing_permission_is_named(told: str, named: str) -> None:
    """By the cloud where it says which; else by what the call needs (FAQ 16)."""
    refused = Refused("Forbidden.RAM", "User not authorized", status=403, missing=told)
    cloud, _ = a_driver(ScriptedTransport({"CreateVpc": refused}))
    with pytest.raises(NotPermitted) as caught:
        cloud.networks.create_vpc(cidr="172.16.0.0/16", tags={}, token="t")
    assert caught.value.hint.startswith(named)
    assert "hostlift policy" in caught.value.hint
    assert "vpc:CreateVpc" in caught.value.missing


@pytest.mark.parametrize(
    ("code", "handling"),
    [
        ("Throttling", Handling.TRANSIENT),
        ("Throttling.User", Handling.TRANSIENT),
        ("Throttling.Api.Risk", Handling.TRANSIENT),
        ("ServiceUnavailable", Handling.TRANSIENT),
        ("InternalError", Handling.TRANSIENT),
        ("IdempotentProcessing", Handling.TRANSIENT),
        ("DependencyViolation", Handling.LATER),
        ("DependencyViolation.VSwitch", Handling.LATER),
        ("IncorrectInstanceStatus.Initializing", Handling.LATER),
        ("IncorrectDiskStatus.NeverUsed", Handling.LATER),
        ("IncorrectDiskStatus.CreatingSnapshot", Handling.LATER),
        ("SnapshotCreatedImage", Handling.LATER),
        ("InvalidInstanceId.NotFound", Handling.GONE),
        ("InvalidSecurityGroupId.NotFound", Handling.GONE),
        ("InvalidVpcID.NotFound", Handling.GONE),
        ("InvalidAccessKeyId.NotFound", Handling.FATAL),
        ("QuotaExceeded.Vpc", Handling.FATAL),
        ("QuotaExceed.ElasticQuota", Handling.SOLD_OUT),
        ("OperationDenied.NoStock", Handling.SOLD_OUT),
        ("Forbidden.Subuser", Handling.DENIED),
    ],
)
def test_a_code_is_handled_as_the_reference_says(code: str, handling: Handling) -> None:
    """Prefixes and exact codes, whatever the spelling of case."""
    assert advice(code).handling is handling


def test_the_longest_match_wins() -> None:
    """QuotaExceeded.Vpc has a remedy of its own although QuotaExceed* matches."""
    assert "vpc_id" in advice("QuotaExceeded.Vpc").remedy
    assert "Quota Center" in advice("QuotaExceeded.VSwitch").remedy


@pytest.mark.parametrize(
    "code",
    [
        "NotEnoughBalance",
        "InvalidAccountStatus.NotEnoughBalance",
        "InsufficientBalance",
        "Account.Arrearage",
    ],
)
def test_every_shortage_of_money_has_the_same_remedy(code: str) -> None:
    """FAQ 15."""
    assert "CNY 100" in advice(code).remedy


@pytest.mark.parametrize(
    "code",
    ["Forbidden.RAM", "Forbidden.SubUser", "IllegalTimestamp", "InvalidImageName.Duplicated",
     "InvalidAccountStatus.SnapshotServiceUnavailable", "InvalidAccessKeyId.NotFound",
     "SignatureDoesNotMatch", "UserNotInTheWhiteList", "RealNameAuthenticationError"],
)  # fmt: skip
def test_what_a_person_can_mend_has_a_remedy(code: str) -> None:
    """No bare codes for the well-known troubles."""
    assert advice(code).remedy
    assert advice(code).meaning


def test_unknown_codes_are_final_unless_the_server_failed() -> None:
    """A 5xx passes, a 4xx does not."""
    assert advice("Something.New", 400).handling is Handling.FATAL
    assert advice("Something.New", 503).handling is Handling.TRANSIENT


def test_no_code_is_listed_twice() -> None:
    """Two lines for one code would hide one of them."""
    patterns = [a.pattern for a in CATALOGUE]
    assert len(patterns) == len(set(patterns))
