# SPDX-License-Identifier: Apache-2.0
"""Machines on premises, joined to a private network as a VPN or a leased line would.

A veth pair carries the link. The machine routes the private network's addresses and that of the API
there over it and nothing else; what it sends is judged by the security groups, by its own address: nothing is translated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Interface

from hostlift.localcloud.fabric.internet import SERVICE_ADDRESS
from hostlift.localcloud.linux import namespaces

_OUR_END, _THEIR_END = "169.254.2.1", "169.254.2.2"
"""Of every link; the interface tells them apart."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a machine.

    Attributes:
        host: The network namespace that is the machine.
        address: Of the machine, with the length of its network.
    """

    id: str
    host: str
    address: str

    @property
    def device(self) -> str:
        """Name of both ends of the pair."""
        return device_of(self.id)


def device_of(link: str) -> str:
    """Name of the interface of a link; names have 15 letters at most."""
    return "vpn" + hashlib.sha256(link.encode()).hexdigest()[:11]


def connect(vpc: str, cidr: str, link: Link) -> None:
    """Make a link between the namespaces of a private network and a machine, or make it anew.

    Raises:
        CommandFailed: The kernel refused a part of it.
    """
    there = IPv4Interface(link.address)
    namespaces.make(link.host, {})
    disconnect(vpc, link.id)
    namespaces.configure(
        vpc,
        [
            f"link add {link.device} type veth peer name {link.device} netns {link.host}",
            f"addr add {_OUR_END}/32 dev {link.device}",
            f"link set {link.device} up",
        ],
    )
    namespaces.configure(
        link.host,
        [
            f"addr add {_THEIR_END}/32 dev {link.device}",
            f"addr replace {there.ip}/32 dev {link.device}",
            f"link set {link.device} up",
            *(
                f"route replace {there_too} via {_OUR_END} dev {link.device} onlink src {there.ip}"
                for there_too in (cidr, f"{SERVICE_ADDRESS}/32")
            ),
        ],
    )
    line = f"route replace {there.network} via {_THEIR_END} dev {link.device} onlink"
    namespaces.configure(vpc, [line])


def disconnect(vpc: str, link: str) -> None:
    """Cut a link: both ends go; cut already is fine."""
    device = device_of(link)
    if device in namespaces.links(vpc):
        namespaces.configure(vpc, [f"link del {device}"], force=True)
