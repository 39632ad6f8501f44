# SPDX-License-Identifier: Apache-2.0
"""What error codes mean."""

from __future__ import annotations

import pytest

from hostlift.clouds.alibaba.catalogue import CATALOGUE, Handling, advice


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
        ("QuotaExceed.ElasticQuota", Handling.FATAL),
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
    assert "Quota Center" in advice("QuotaExceeded.PrivateIpAddress").remedy


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
