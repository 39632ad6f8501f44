# SPDX-License-Identifier: Apache-2.0
"""Which way data goes, and what the wishes for it must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.errors import ConfigError
from hostlift.flow.site.network import reached_at
from hostlift.ports.cloud import Phase, Resource, ResourceKind, ResourceState
from hostlift.settings.loading import load
from hostlift.settings.user_config import Settings

BOTH = ResourceState(
    resource=Resource(ResourceKind.INSTANCE, "i-1"),
    phase=Phase.READY,
    public_ip="203.0.113.9",
    private_ip="172.31.86.4",
)
WISHES: dict[str, object] = {"region_id": "cn-hangzhou", "image_name": "web01"}
VPC = {"vpc_id": "vpc-1", "vswitch_id": "vsw-1"}


def wishes(folder: Path, **more: object) -> Settings:
    return load(folder, overrides={**WISHES, **more}, environ={})


@pytest.mark.parametrize(
    ("wish", "address", "kind"),
    [
        ({}, BOTH.public_ip, "own"),
        ({"public_address": "elastic"}, BOTH.public_ip, "elastic"),
        ({"net_mode": 2, **VPC}, BOTH.private_ip, "none"),
        ({"net_mode": 2, "public_address": "own", **VPC}, BOTH.private_ip, "own"),
        ({"public_address": "none", **VPC}, BOTH.private_ip, "none"),
    ],
)
def test_the_instance_is_reached_as_wished(
    tmp_path: Path, wish: dict[str, object], address: str, kind: str
) -> None:
    """Public in mode 0, private over the VPC; a public address there is the user's own affair."""
    settings = wishes(tmp_path, **wish)
    assert reached_at(settings, BOTH) == address
    assert settings.address_kind == kind


@pytest.mark.parametrize("wish", [{"net_mode": 2}, {"public_address": "none"}])
def test_a_private_way_needs_a_network_that_the_source_reaches(
    tmp_path: Path, wish: dict[str, object]
) -> None:
    """One that hostlift makes is joined to nothing."""
    with pytest.raises(ConfigError) as caught:
        wishes(tmp_path, **wish)
    assert "vpc_id" in str(caught.value)
    assert "vswitch_id" in str(caught.value)


@pytest.mark.parametrize(
    "value", ["proxy.example:3128", "http://user:pa%40ss@proxy.example:3128", ""]
)
def test_a_proxy_is_an_address_with_or_without_a_user(tmp_path: Path, value: str) -> None:
    assert wishes(tmp_path, proxy=value).proxy.get_secret_value() == value


@pytest.mark.parametrize("value", ["proxy.example", "ftp://secret@proxy:21", "http://secret@p:1/x"])
def test_a_wrong_proxy_is_refused_without_telling_its_password(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wishes(tmp_path, proxy=value)
    assert caught.value.subject == "proxy"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["", "https://user:secret@proxy.example:3128"])
def test_data_goes_only_through_a_proxy_that_can_be_asked_for_it(
    tmp_path: Path, proxy: str
) -> None:
    """None at all, or one behind TLS, is refused where the wish is."""
    with pytest.raises(ConfigError) as caught:
        wishes(tmp_path, proxy=proxy, proxy_data=True)
    assert caught.value.subject == "proxy_data"
    assert "secret" not in str(caught.value) + caught.value.hint


def test_data_goes_directly_unless_wished_otherwise(tmp_path: Path) -> None:
    """A proxy for the API changes nothing for data."""
    assert not wishes(tmp_path, proxy="proxy.example:3128").proxy_data
    assert wishes(tmp_path, proxy="proxy.example:3128", proxy_data=True).proxy_data
