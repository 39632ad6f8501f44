# SPDX-License-Identifier: Apache-2.0
"""The metadata service in hardened mode, asked by real guests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.boxes import ONE, TWO, ask, box, network

from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.base import Metadata
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.linux import namespaces

pytestmark = pytest.mark.root

ITEM = "http://100.100.100.200/latest/meta-data/instance-id"
TOKEN = "http://100.100.100.200/latest/api/token"
TTL = "X-aliyun-ecs-metadata-token-ttl-seconds: 60"
HARD = Metadata(items={"instance-id": "i-one"}, user_data=b"", token_required=True)


@pytest.fixture
def fabric(tmp_path: Path) -> Iterator[NamespaceFabric]:
    made = NamespaceFabric(tmp_path, "meta")
    try:
        network(made, HARD)
        yield made
    finally:
        made.down()


def token(space: str, *more: str) -> str:
    """A new token, or the status of its refusal."""
    return ask(space, "-X", "PUT", "-H", TTL, *more, TOKEN)


def told(space: str, of: str, *more: str) -> str:
    """The instance id, asked for with a token."""
    return ask(space, "-H", f"X-aliyun-ecs-metadata-token: {of}", *more, ITEM)


def test_only_a_token_opens_it(fabric: NamespaceFabric) -> None:
    """A guest's own; not through a proxy; its life must be said and be in range."""
    one, two = box(fabric, "i-one", ONE), box(fabric, "i-two", TWO)
    assert ask(one, ITEM) == "403"
    own = token(one)
    assert told(one, own) == "i-one"
    assert told(one, "invented") == "403"
    assert told(two, own) == "403"
    proxied = ("-H", "X-Forwarded-For: 10.9.9.9")
    assert told(one, own, *proxied) == "403"
    assert token(one, *proxied) == "403"
    assert ask(one, "-X", "PUT", TOKEN) == "400"
    long = "X-aliyun-ecs-metadata-token-ttl-seconds: 21601"
    assert ask(one, "-X", "PUT", "-H", long, TOKEN) == "400"


def test_usual_mode_takes_both(fabric: NamespaceFabric) -> None:
    """Without a token, and with one; a bad one is refused there too."""
    fabric.down()
    network(fabric, replace(HARD, token_required=False))
    one = box(fabric, "i-one", ONE)
    assert ask(one, ITEM) == "i-one"
    assert told(one, token(one)) == "i-one"
    assert told(one, "invented") == "403"


@pytest.mark.parametrize(("limit", "arrives"), [(1, False), (2, True)])
def test_a_token_passes_no_more_routers_than_allowed(
    fabric: NamespaceFabric, limit: int, arrives: bool
) -> None:
    """A container behind the guest does not see it unless the limit is raised."""
    fabric.down()
    network(fabric, replace(HARD, hop_limit=limit))
    guest = box(fabric, "i-one", ONE)
    inner = fabric.host_namespace("inner")
    try:
        _container(guest, inner)
        assert (len(token(inner)) > 20) == arrives
        assert len(token(guest)) > 20
    finally:
        namespaces.remove(inner)


def _container(guest: str, inner: str) -> None:
    """A namespace that the guest routes and translates."""
    namespaces.make(inner, {})
    namespaces.set_sysctls(guest, {"ipv4/ip_forward": "1"})
    namespaces.configure(guest, [f"link add c0 type veth peer name eth0 netns {inner}"])
    namespaces.configure(guest, ["addr add 172.31.0.1/24 dev c0", "link set c0 up"])
    lines = [
        "addr add 172.31.0.2/24 dev eth0",
        "link set eth0 up",
        "route add default via 172.31.0.1",
    ]
    namespaces.configure(inner, lines)
    rules = f"""
table ip t {{
    chain c {{
        type nat hook postrouting priority srcnat
        oifname "eth0" snat to {ONE.private_ip}
    }}
}}
"""
    line = ["ip", "netns", "exec", guest, "nft", "-f", "-"]
    SystemCommands().run(line, stdin=rules.encode(), timeout=10)
