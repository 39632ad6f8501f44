# SPDX-License-Identifier: Apache-2.0
"""Faults as the official SDK meets them on a real connection."""

from __future__ import annotations

import time

import pytest
from alibabacloud_tea_openapi.exceptions import (
    ClientException,
    ServerException,
    ThrottlingException,
)
from darabonba.exceptions import UnretryableException
from fakes.sdk import Sdk

from hostlift.localcloud.faults.kinds import Fault, FaultKind

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WHERE = {"RegionId": "cn-hangzhou"}


def _arm(sdk: Sdk, kind: FaultKind, **more: object) -> None:
    sdk.paper.cloud.faults.add([Fault(kind=kind, action="CreateVpc", **more)])


def _vpcs(sdk: Sdk) -> int:
    return int(sdk.vpc("DescribeVpcs", **WHERE)["TotalCount"])


@pytest.mark.parametrize(("kind", "made"), [(FaultKind.NO_ANSWER, 0), (FaultKind.LOST_REPLY, 1)])
def test_a_connection_that_ends_without_an_answer_is_no_api_error(
    sdk: Sdk, kind: FaultKind, made: int
) -> None:
    """The SDK cannot tell the two apart; the same token can."""
    _arm(sdk, kind)
    with pytest.raises(UnretryableException):
        sdk.vpc("CreateVpc", **WHERE, ClientToken="t")
    assert _vpcs(sdk) == made
    assert sdk.vpc("CreateVpc", **WHERE, ClientToken="t")["VpcId"]
    assert _vpcs(sdk) == 1


def test_a_held_connection_ends_after_its_time(sdk: Sdk) -> None:
    """Nothing is done meanwhile."""
    _arm(sdk, FaultKind.NO_ANSWER, seconds=0.5)
    began = time.monotonic()
    with pytest.raises(UnretryableException):
        sdk.vpc("CreateVpc", **WHERE)
    assert 0.4 < time.monotonic() - began < 5
    assert _vpcs(sdk) == 0


def test_a_throttled_call_carries_its_pause(sdk: Sdk) -> None:
    """The SDK makes an exception of its own of it."""
    _arm(sdk, FaultKind.THROTTLE, seconds=1.5)
    with pytest.raises(ThrottlingException) as refused:
        sdk.vpc("CreateVpc", **WHERE)
    assert (refused.value.code, refused.value.retry_after) == ("Throttling.User", 1500)


def test_a_failing_service_and_a_bad_gateway_differ(sdk: Sdk) -> None:
    """One has a code, the other is not even JSON."""
    _arm(sdk, FaultKind.UNAVAILABLE)
    _arm(sdk, FaultKind.BAD_GATEWAY)
    with pytest.raises(ServerException) as failed:
        sdk.vpc("CreateVpc", **WHERE)
    assert (failed.value.code, failed.value.status_code) == ("ServiceUnavailable", 503)
    with pytest.raises(UnretryableException):
        sdk.vpc("CreateVpc", **WHERE)
    assert _vpcs(sdk) == 0


def test_a_missing_permission_reaches_the_sdk_with_its_detail(sdk: Sdk) -> None:
    """AccessDeniedDetail, in the exception's own field."""
    mover = sdk.of("main/mover")
    with pytest.raises(ClientException) as refused:
        mover.vpc("CreateVpc", **WHERE)
    assert refused.value.code == "Forbidden.RAM"
    assert refused.value.access_denied_detail["AuthAction"] == "vpc:CreateVpc"
    assert refused.value.access_denied_detail["NoPermissionType"] == "ImplicitDeny"
