# SPDX-License-Identifier: Apache-2.0
"""The driver against an embedded cloud that refuses: wrong keys, throttling, failures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fakes.clock import FakeClock
from fakes.embedded import BRISK, embedded_cloud

from hostlift.clouds import registry
from hostlift.errors import CloudError, Retry
from hostlift.localcloud.config import Fault
from hostlift.ports.cloud import Resource, ResourceKind

if TYPE_CHECKING:
    from pathlib import Path


def test_wrong_keys_are_told_apart(tmp_path: Path) -> None:
    """An unknown id and a wrong secret, each with what to check; nothing is repeated."""
    with embedded_cloud(tmp_path) as access:
        for wrong, code in (
            (replace(access, access_id="LTAInobody"), "InvalidAccessKeyId.NotFound"),
            (replace(access, secret_key="wrong"), "SignatureDoesNotMatch"),
        ):
            clock = FakeClock()
            with pytest.raises(CloudError) as caught:
                registry.open_cloud("alibaba", wrong, clock=clock).identity()
            assert caught.value.api_code == code
            assert "secret_key" in caught.value.hint
            assert clock.slept == []


def test_the_clock_is_measured_with_wrong_keys_too(tmp_path: Path) -> None:
    """By an unsigned request."""
    with embedded_cloud(tmp_path) as access:
        cloud = registry.open_cloud("alibaba", replace(access, secret_key="wrong"))
        assert abs(cloud.clock_skew()) < 3


def test_a_busy_cloud_creates_one_vpc_only(tmp_path: Path) -> None:
    """Throttled, failed, then served."""
    busy = replace(
        BRISK,
        faults=(
            Fault(action="CreateVpc", code="Throttling.User", times=2),
            Fault(action="CreateVpc", code="InternalError", status=500),
            Fault(action="DescribeVpcs", code="ServiceUnavailable", status=503),
        ),
    )
    clock = FakeClock()
    with embedded_cloud(tmp_path, busy) as access:
        cloud = registry.open_cloud("alibaba", access, clock=clock)
        vpc = cloud.networks.create_vpc(cidr="172.16.0.0/16", tags={"hostlift": "m"}, token="t")
        assert cloud.find("hostlift", "m") == [Resource(ResourceKind.VPC, vpc)]
    assert len(clock.slept) == 4


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("InvalidAccountStatus.NotEnoughBalance", "CNY 100"),
        ("Forbidden.RAM", "hostlift policy"),
        ("Forbidden.SubUser", "Alibaba Cloud account"),
        ("QuotaExceeded.Vpc", "vpc_id"),
    ],
)
def test_a_refusal_comes_with_its_remedy(tmp_path: Path, code: str, word: str) -> None:
    """FAQ 15 to 17, over the wire."""
    refusing = replace(BRISK, faults=(Fault(action="CreateVpc", code=code, status=403),))
    with embedded_cloud(tmp_path, refusing) as access:
        cloud = registry.open_cloud("alibaba", access)
        with pytest.raises(CloudError) as caught:
            cloud.networks.create_vpc(cidr="172.16.0.0/16", tags={}, token="t")
    assert caught.value.retry is Retry.NEVER
    assert word in caught.value.hint
    assert caught.value.request_id


def test_an_account_that_was_throttled_for_good_may_be_asked_again(tmp_path: Path) -> None:
    """The error says so."""
    hopeless = replace(
        BRISK, faults=(Fault(action="GetCallerIdentity", code="Throttling", times=99),)
    )
    with embedded_cloud(tmp_path, hopeless) as access:
        cloud = registry.open_cloud("alibaba", access, clock=FakeClock())
        with pytest.raises(CloudError) as caught:
            cloud.identity()
    assert caught.value.retry is Retry.RETRY
