# SPDX-License-Identifier: Apache-2.0
"""The namespace that plays the internet, and hosts of their own on it.

A bridge carries 198.51.100.0/24, where the machines to migrate live, and routes 203.0.113.0/24,
the public addresses of instances, into the private networks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from hostlift.localcloud.linux import namespaces, taps

BRIDGE = "inet"
HOSTS_ROUTER = "198.51.100.1"
PUBLIC_ROUTER = "203.0.113.1"
API_ADDRESSES = (HOSTS_ROUTER, PUBLIC_ROUTER)
SERVICE_ADDRESS = "100.100.0.1"
"""The API inside every private network, for instances without a public address."""
PREFIX = 24
TRANSIT_OURS = "169.254.1.1"
TRANSIT_VPC = "169.254.1.2"
"""Both ends of every uplink; the interface tells them apart."""

ROUTER_SYSCTLS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    # Else bridged frames would pass the rules for routed packets as well.
    "bridge/bridge-nf-call-iptables": "0",
    "bridge/bridge-nf-call-arptables": "0",
    "bridge/bridge-nf-call-ip6tables": "0",
}
"""Of every namespace that forwards; ``ip_forward`` first, as it resets the others."""
_HOST_SYSCTLS = {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}


class Internet:
    """The internet of one cloud, in the namespace ``name``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ensure(self) -> None:
        """Make it, or complete what a crash left of it."""
        namespaces.make(self.name, ROUTER_SYSCTLS)
        lines = []
        if BRIDGE not in namespaces.links(self.name):
            lines.append(f"link add {BRIDGE} type bridge stp_state 0 mcast_snooping 0")
        lines += [
            f"link set {BRIDGE} address 02:00:c6:33:64:01 up",
            f"addr replace {HOSTS_ROUTER}/{PREFIX} dev {BRIDGE}",
            f"addr replace {PUBLIC_ROUTER}/{PREFIX} dev {BRIDGE}",
            f"addr replace {TRANSIT_OURS}/32 dev lo",
        ]
        namespaces.configure(self.name, lines)

    def route(self, public: str, uplink: str) -> None:
        """Send a public address into a private network."""
        # The router's own visitors come from its address among the hosts, not from the uplink's.
        via = f"via {TRANSIT_VPC} dev {uplink} onlink src {HOSTS_ROUTER}"
        line = f"route replace {public}/32 {via}"
        namespaces.configure(self.name, [line])

    def unroute(self, public: str) -> None:
        """Send it nowhere; nowhere already is fine."""
        namespaces.configure(self.name, [f"route del {public}/32"], force=True)

    def open_tap(self, tap: str) -> int:
        """A tap on the bridge, for a virtual machine that is a host of its own."""
        fd = namespaces.inside(self.name, lambda: taps.open_tap(tap))
        namespaces.configure(self.name, [f"link set {tap} master {BRIDGE} up"])
        return fd


class HasInternet(Protocol):
    """A fabric whose internet is a namespace."""

    @property
    def internet_namespace(self) -> str:
        """Name of the namespace."""
        ...

    def host_namespace(self, name: str) -> str:
        """The name a host's namespace gets, so that the fabric can clean up after it."""
        ...


@contextlib.contextmanager
def internet_host(fabric: HasInternet, name: str, address: str) -> Iterator[str]:
    """A host on the internet for the length of the block; yields its namespace's name.

    Args:
        fabric: The cloud whose internet it joins.
        name: At most 12 letters, unique in this cloud.
        address: In 198.51.100.0/24.
    """
    space = fabric.host_namespace(name)
    port = f"h-{name}"[:15]
    namespaces.remove(space)
    try:
        namespaces.make(space, _HOST_SYSCTLS)
        namespaces.configure(
            fabric.internet_namespace,
            [
                f"link add {port} type veth peer name eth0 netns {space}",
                f"link set {port} master {BRIDGE} up",
            ],
        )
        namespaces.configure(
            space,
            [
                f"addr add {address}/{PREFIX} dev eth0",
                "link set eth0 up",
                f"route add default via {HOSTS_ROUTER}",
            ],
        )
        yield space
    finally:
        namespaces.remove(space)
