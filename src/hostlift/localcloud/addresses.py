# SPDX-License-Identifier: Apache-2.0
"""Private and public addresses: which a subnet has, which are free."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network

PUBLIC = IPv4Network("203.0.113.0/24")
_FIRST_PUBLIC = 10


def usable(cidr: str) -> Iterator[str]:
    """Addresses instances may have: not the first, not the last three."""
    network = IPv4Network(cidr)
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 3
    for number in range(first, last + 1):
        yield str(IPv4Address(number))


def count_usable(cidr: str) -> int:
    """How many addresses `usable` names."""
    return max(0, IPv4Network(cidr).num_addresses - 4)


def gateway(cidr: str) -> str:
    """The router's address: ``x.x.x.253`` of a /24."""
    return str(IPv4Network(cidr).broadcast_address - 2)


def is_usable(address: str, cidr: str) -> bool:
    """Whether an instance may have ``address``."""
    network = IPv4Network(cidr)
    return (
        int(network.network_address)
        < int(IPv4Address(address))
        < int(network.broadcast_address) - 2
    )


def next_private(cidr: str, taken: Collection[str]) -> str:
    """The lowest free address of a subnet, or empty."""
    return next((a for a in usable(cidr) if a not in taken), "")


def next_public(taken: Collection[str]) -> str:
    """The lowest free public address, or empty."""
    candidates = (str(PUBLIC[n]) for n in range(_FIRST_PUBLIC, PUBLIC.num_addresses - 1))
    return next((a for a in candidates if a not in taken), "")


def read_network(text: str) -> IPv4Network | None:
    """An IPv4 network without host bits, or None."""
    try:
        return IPv4Network(text)
    except ValueError:
        return None
