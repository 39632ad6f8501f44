# SPDX-License-Identifier: Apache-2.0
"""Who can ask for an address in the copy. A server with static addresses may have nobody."""

from __future__ import annotations

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.found.init_systems import unit_folder
from hostlift.adapt.reading import has_program

_CLIENTS = ("dhclient", "dhcpcd", "udhcpc", "pump")
NETWORKD = "systemd-networkd.service"


def ifupdown_asks(bench: Bench) -> bool:
    """True when ifupdown finds a DHCP client to call."""
    return any(has_program(bench.tree, name) for name in _CLIENTS)


def networkd_unit(bench: Bench) -> str:
    """Path of systemd-networkd's unit, which asks by itself; empty when it is not installed."""
    folder = unit_folder(bench.tree, NETWORKD)
    return f"{folder}/{NETWORKD}" if folder else ""


def networkd_must_ask(bench: Bench) -> bool:
    """True when ifupdown runs the network, has no client, and networkd can do it instead."""
    ifupdown = bench.text("/etc/network/interfaces") is not None
    return ifupdown and not ifupdown_asks(bench) and bool(networkd_unit(bench))
