# SPDX-License-Identifier: Apache-2.0
"""Security groups and leases as text."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.localcloud.compute.base import Admission, Nic
from hostlift.localcloud.fabric.dhcp import Subnet, command_line
from hostlift.localcloud.fabric.rules import Port, device_of, render

NIC = Nic(
    vpc="vpc",
    vswitch="vsw",
    mac="00:16:3E:00:00:01",
    private_ip="10.0.0.5",
    prefix=24,
    gateway="10.0.0.253",
)


def group(*admissions: Admission) -> list[str]:
    text = render([Port(NIC, admissions)])
    body = text.partition("chain to_10_0_0_5 {\n")[2].partition("}")[0]
    return [line.strip() for line in body.splitlines() if line.strip()]


def test_nothing_is_admitted_by_default() -> None:
    """An instance without rules drops everything new."""
    assert group() == ["drop"]


def test_each_kind_of_admission_becomes_one_rule() -> None:
    """Protocols, single ports, ranges, every port, host bits in a network."""
    assert group(
        Admission("tcp", 8080, 8080, "198.51.100.7/32"),
        Admission("udp", 1000, 2000, "10.1.2.3/8"),
        Admission("tcp", -1, -1, "0.0.0.0/0"),
        Admission("icmp", -1, -1, "0.0.0.0/0"),
        Admission("all", -1, -1, "10.0.0.0/24"),
    ) == [
        "ip saddr 198.51.100.7/32 tcp dport 8080 accept",
        "ip saddr 10.0.0.0/8 udp dport 1000-2000 accept",
        "ip saddr 0.0.0.0/0 tcp dport 0-65535 accept",
        "ip saddr 0.0.0.0/0 ip protocol icmp accept",
        "ip saddr 10.0.0.0/24 accept",
        "drop",
    ]


@pytest.mark.parametrize(
    "wrong", [Admission("sctp", 1, 1, "0.0.0.0/0"), Admission("tcp", 1, 1, "::/0 accept; }")]
)
def test_what_cannot_be_expressed_is_refused(wrong: Admission) -> None:
    """Never a rule that says something else, whatever is in the text."""
    with pytest.raises(HostError):
        group(wrong)


def test_only_instances_with_a_public_address_are_translated() -> None:
    """Both directions for one, none for the other."""
    hidden = replace(NIC, mac="00:16:3e:00:00:02", private_ip="10.0.0.6")
    text = render([Port(replace(NIC, public_ip="203.0.113.5")), Port(hidden)])
    assert "elements = { 203.0.113.5 : 10.0.0.5 }" in text
    assert "elements = { 10.0.0.5 : 203.0.113.5 }" in text


def test_interface_names_fit() -> None:
    """The kernel takes 15 letters."""
    assert device_of(NIC) == "p00163e000001"
    assert len(device_of(NIC)) <= 15


def test_a_subnet_hands_out_known_addresses_only() -> None:
    """A static range with its own router; no subnets, no server."""
    subnet = Subnet("vsw-1", ipaddress.IPv4Network("10.0.0.0/24"), "10.0.0.253")
    words = command_line("space", Path("/f"), [subnet])
    assert words[:5] == ["ip", "netns", "exec", "space", "dnsmasq"]
    assert "--dhcp-range=set:vsw-1,10.0.0.0,static,255.255.255.0,infinite" in words
    assert "--dhcp-option=tag:vsw-1,option:router,10.0.0.253" in words
    assert command_line("space", Path("/f"), []) == []
