# SPDX-License-Identifier: Apache-2.0
"""The gateway: retries, errors, the clock."""

from __future__ import annotations

import traceback

import pytest
from fakes.alibaba import ScriptedTransport, a_driver

from hostlift.clouds.alibaba import codes
from hostlift.clouds.alibaba.api import ATTEMPTS, ATTEMPTS_TO_REACH, LONGEST_SECONDS
from hostlift.clouds.alibaba.transport import Refused
from hostlift.errors import CloudError, ResourceGone, Retry
from hostlift.ports.cloud import Resource, ResourceKind

ME = {"AccountId": "1", "Arn": "acs:ram::1:root", "IdentityType": "Account"}
BUSY = Refused("Throttling.User", "slow down", request_id="R-9", status=400)


def test_a_throttled_call_is_repeated_with_growing_pauses() -> None:
    """Three throttled answers, then success: three pauses, each up to twice the last."""
    transport = ScriptedTransport({"GetCallerIdentity": [BUSY, BUSY, BUSY, ME]})
    cloud, clock = a_driver(transport)
    assert cloud.identity().account == "1"
    assert clock.slept == [0.5, 1.0, 2.0]


def test_a_call_is_not_repeated_for_ever() -> None:
    """After the last attempt the error says that it may pass."""
    transport = ScriptedTransport({"GetCallerIdentity": BUSY})
    cloud, clock = a_driver(transport)
    with pytest.raises(CloudError) as caught:
        cloud.identity()
    assert len(transport.asked) == ATTEMPTS
    assert max(clock.slept) <= LONGEST_SECONDS
    assert caught.value.retry is Retry.RETRY
    assert caught.value.request_id == "R-9"


def test_an_endpoint_that_cannot_be_reached_is_told_soon() -> None:
    """A wrong endpoint is not tried as often as a busy one."""
    transport = ScriptedTransport({"GetCallerIdentity": Refused(codes.UNREACHABLE, "none")})
    cloud, _ = a_driver(transport)
    with pytest.raises(CloudError) as caught:
        cloud.identity()
    assert len(transport.asked) == ATTEMPTS_TO_REACH
    assert "443" in caught.value.hint


def test_the_cloud_s_own_pause_is_respected() -> None:
    """retry_after is a lower limit."""
    slow = Refused("Throttling", "slow down", retry_after=7.5)
    cloud, clock = a_driver(ScriptedTransport({"GetCallerIdentity": [slow, ME]}))
    cloud.identity()
    assert clock.slept == [7.5]


def test_a_repeated_create_uses_the_same_client_token() -> None:
    """A retry can not create twice."""
    transport = ScriptedTransport({"CreateVpc": [BUSY, {"VpcId": "vpc-1"}]})
    cloud, _ = a_driver(transport)
    assert cloud.networks.create_vpc(cidr="172.16.0.0/12", tags={}, token="m1/vpc") == "vpc-1"
    first, second = transport.params("CreateVpc")
    assert first == second
    assert len(first["ClientToken"]) == 64
    assert first["ClientToken"].isascii()


def test_a_refusal_names_action_code_request_and_remedy() -> None:
    """What failed, why, and what to do next."""
    denied = Refused(
        "Forbidden.RAM", "User not authorized", request_id="R-3", missing="ecs:RunInstances"
    )
    cloud, clock = a_driver(ScriptedTransport({"GetCallerIdentity": denied}))
    with pytest.raises(CloudError) as caught:
        cloud.identity()
    error = caught.value
    assert clock.slept == []
    assert (error.action, error.api_code) == ("GetCallerIdentity", "Forbidden.RAM")
    assert str(error).startswith("GetCallerIdentity failed. (Forbidden.RAM: User not authorized")
    assert str(error).endswith("[RequestId R-3]")
    assert "ecs:RunInstances" in error.hint
    assert "hostlift policy" in error.hint
    assert error.retry is Retry.NEVER


def test_what_does_not_exist_is_gone() -> None:
    """Not-found codes become ResourceGone, which asks for a reset."""
    missing = Refused("InvalidInstanceId.NotFound", "no such instance", status=404)
    cloud, _ = a_driver(ScriptedTransport({"StartInstance": missing}))
    with pytest.raises(ResourceGone) as caught:
        cloud.instances.start("i-1")
    assert caught.value.retry is Retry.RESET


def test_an_error_carries_nothing_of_the_attempt() -> None:
    """Neither cause nor context: the SDK's exception holds the whole request."""
    cloud, _ = a_driver(
        ScriptedTransport({"GetCallerIdentity": Refused("SignatureDoesNotMatch", "x")})
    )
    with pytest.raises(CloudError) as caught:
        cloud.identity()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "Refused" not in "".join(traceback.format_exception(caught.value))


def test_an_answer_without_the_id_is_an_error_not_a_crash() -> None:
    """A create call that tells no id."""
    cloud, _ = a_driver(ScriptedTransport({"CreateVpc": {"RequestId": "R"}}))
    with pytest.raises(CloudError) as caught:
        cloud.networks.create_vpc(cidr="172.16.0.0/12", tags={}, token="t")
    assert caught.value.api_code == codes.UNEXPECTED
    assert "VpcId" in str(caught.value)


def test_the_clock_is_compared_with_the_answer_s_date() -> None:
    """An hour ahead is measured to the second."""
    transport = ScriptedTransport({"GetCallerIdentity": ME})
    cloud, clock = a_driver(transport)
    transport.answer_date = clock.time - 3600
    assert cloud.clock_skew() == pytest.approx(3600, abs=1)


def test_the_clock_is_measured_even_when_it_is_too_wrong_for_a_call() -> None:
    """IllegalTimestamp still leads to a number."""
    transport = ScriptedTransport({"GetCallerIdentity": Refused("IllegalTimestamp", "expired")})
    cloud, clock = a_driver(transport)
    transport.told_date = clock.time + 86400
    assert cloud.clock_skew() == pytest.approx(-86400, abs=1)


def test_a_wrong_clock_is_named_as_the_cause() -> None:
    """identity() proves that the clock is right."""
    cloud, _ = a_driver(ScriptedTransport({"GetCallerIdentity": Refused("IllegalTimestamp", "x")}))
    with pytest.raises(CloudError, match="clock is wrong"):
        cloud.identity()


def test_all_pages_are_read() -> None:
    """120 snapshots come in three pages."""
    rows = [{"SnapshotId": f"s-{n:03}", "Status": "accomplished"} for n in range(120)]
    pages = [
        {"Snapshots": {"Snapshot": rows[at : at + 50]}, "TotalCount": 120} for at in (0, 50, 100)
    ]
    transport = ScriptedTransport({"DescribeSnapshots": pages})
    cloud, _ = a_driver(transport)
    found = cloud.find("hostlift", "m1")
    assert len(found) == 120
    assert found[-1] == Resource(ResourceKind.SNAPSHOT, "s-119")
    assert [p["PageNumber"] for p in transport.params("DescribeSnapshots")] == ["1", "2", "3"]
