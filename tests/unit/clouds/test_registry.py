# SPDX-License-Identifier: Apache-2.0
"""The door to the clouds, addresses, and the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hostlift.clouds import registry
from hostlift.clouds.access import CloudAccess
from hostlift.clouds.alibaba import environment
from hostlift.errors import ConfigError
from hostlift.ports.market import Feature

if TYPE_CHECKING:
    from pathlib import Path

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "ALIBABA_CLOUD_ECS_METADATA_DISABLED"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)


def test_an_unknown_cloud_is_a_configuration_error() -> None:
    """With the ones that are known."""
    with pytest.raises(ConfigError, match="alibaba"):
        registry.open_cloud("nimbus", CloudAccess("r"))


def test_the_endpoints_to_reach_are_listed() -> None:
    """One per service, or the one that was given."""
    usual = registry.open_cloud("alibaba", CloudAccess("eu-central-1")).market.endpoints()
    regional = tuple(f"{s}.eu-central-1.aliyuncs.com" for s in ("ecs", "vpc", "sts"))
    assert usual == (*regional, "business.ap-southeast-1.aliyuncs.com", "quotas.aliyuncs.com")
    ours = CloudAccess("cn-hangzhou", endpoint="http://127.0.0.1:18801")
    assert registry.open_cloud("alibaba", ours).market.endpoints() == ("127.0.0.1:18801",)


def test_the_policy_is_asked_for_at_the_door() -> None:
    """Without a key, without a call."""
    assert registry.policy("alibaba", {Feature.CORE})["Version"] == "1"


def test_outside_ecs_the_metadata_service_is_not_asked(tmp_path: Path) -> None:
    """It would hang, and print tracebacks."""
    product = tmp_path / "product_name"
    product.write_text("KVM\n")
    environment.prepare(CloudAccess("r"), product=product)
    assert os.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] == "true"


def test_on_ecs_the_metadata_service_is_left_alone(tmp_path: Path) -> None:
    """The instance's RAM role may be the credentials."""
    product = tmp_path / "product_name"
    product.write_text("Alibaba Cloud ECS\n")
    environment.prepare(CloudAccess("r"), product=product)
    assert "ALIBABA_CLOUD_ECS_METADATA_DISABLED" not in os.environ


def test_the_user_s_own_setting_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Someone may know better."""
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "false")
    environment.prepare(CloudAccess("r"), product=tmp_path / "none")
    assert os.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] == "false"


@pytest.mark.parametrize(
    ("access", "kept"),
    [
        (CloudAccess("r", endpoint="http://127.0.0.1:1"), False),
        (CloudAccess("r", endpoint="http://localhost:1"), False),
        (CloudAccess("r", endpoint="http://203.0.113.1:1"), True),
        (CloudAccess("r", endpoint="http://127.0.0.1:1", proxy="proxy:3128"), True),
        (CloudAccess("r"), True),
    ],
)
def test_an_endpoint_on_loopback_is_reached_directly(
    monkeypatch: pytest.MonkeyPatch, access: CloudAccess, kept: bool
) -> None:
    """The SDK would ask the proxy for 127.0.0.1."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    environment.prepare(access)
    assert ("HTTP_PROXY" in os.environ) is kept


def test_no_proxy_is_respected_for_a_given_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK itself does not."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "203.0.113.1")
    environment.prepare(CloudAccess("r", endpoint="http://203.0.113.1:18801"))
    assert "HTTP_PROXY" not in os.environ
