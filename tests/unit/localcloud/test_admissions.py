# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ipaddress import ip_address, ip_network

from hostlift.localcloud.admissions import admissions_of
from hostlift.localcloud.compute.base import Admission
from hostlift.localcloud.state.records import Rule, SecurityGroup


def _rule(
    protocol: str = "TCP", ports: str = "8080/8080", cidr: str = "0.0.0.0/0", **more: str
) -> Rule:
    return Rule(
        id="",
        created=0,
        direction="ingress",
        protocol=protocol,
        port_range=ports,
        cidr=cidr,
        **more,
    )


def _group(*rules: Rule, key: str = "sg-1", inner: str = "Drop") -> SecurityGroup:
    return SecurityGroup(
        id=key, account="1", region="", created=0, vpc="v", inner_policy=inner, rules=rules
    )


def _passes(found: tuple[Admission, ...], source: str, port: int, protocol: str = "tcp") -> bool:
    return any(
        a.protocol in {protocol, "all"}
        and a.low <= port <= a.high
        and ip_address(source) in ip_network(a.source)
        for a in found
    )


def test_without_rules_only_members_of_the_group_pass() -> None:
    """As long as the inner policy accepts."""
    found = admissions_of([_group(inner="Accept")], {"sg-1": ["10.0.0.1", "10.0.0.2"]})
    assert [(a.protocol, a.source) for a in found] == [
        ("all", "10.0.0.1/32"),
        ("all", "10.0.0.2/32"),
    ]
    assert admissions_of([_group()], {"sg-1": ["10.0.0.1"]}) == ()


def test_an_accept_rule_opens_its_ports_to_its_source_only() -> None:
    """Protocol, ports, address."""
    found = admissions_of([_group(_rule(cidr="198.51.100.20"))], {})
    assert found == (Admission("tcp", 8080, 8080, "198.51.100.20/32"),)


def test_all_ports_and_all_protocols_are_understood() -> None:
    """-1/-1."""
    assert admissions_of([_group(_rule("ICMP", "-1/-1"))], {}) == (
        Admission("icmp", 0, 65535, "0.0.0.0/0"),
    )
    assert admissions_of([_group(_rule("ALL", "-1/-1"))], {}) == (
        Admission("all", 0, 65535, "0.0.0.0/0"),
    )


def test_a_rule_of_another_group_opens_to_its_members() -> None:
    """As they are now."""
    found = admissions_of([_group(_rule(cidr="", group="sg-2"))], {"sg-2": ["10.0.0.9"]})
    assert found == (Admission("tcp", 8080, 8080, "10.0.0.9/32"),)


def test_a_drop_of_higher_priority_cuts_a_hole() -> None:
    """In ports and in addresses, and nowhere else."""
    drop = _rule(ports="100/200", cidr="10.1.0.0/16", policy="Drop", priority="1")
    accept = _rule(ports="1/1000", cidr="10.0.0.0/8", priority="2")
    found = admissions_of([_group(accept, drop)], {})
    assert not _passes(found, "10.1.2.3", 150)
    assert all(_passes(found, "10.1.2.3", p) for p in (1, 99, 201, 1000))
    assert _passes(found, "10.2.2.3", 150)
    assert not _passes(found, "11.0.0.1", 150)


def test_of_equal_priority_the_drop_wins_and_of_lower_it_does_not() -> None:
    """Smaller numbers weigh more."""
    accept = _rule(priority="5")
    same = _rule(policy="Drop", priority="5")
    lower = _rule(policy="Drop", priority="6")
    assert admissions_of([_group(accept, same)], {}) == ()
    assert admissions_of([_group(accept, lower)], {}) == (
        Admission("tcp", 8080, 8080, "0.0.0.0/0"),
    )


def test_a_drop_of_one_protocol_leaves_the_others_open() -> None:
    """ALL minus TCP."""
    drop = _rule("TCP", "1/65535", policy="Drop")
    found = admissions_of([_group(_rule("ALL", "-1/-1", priority="9"), drop)], {})
    assert not _passes(found, "1.2.3.4", 80)
    assert _passes(found, "1.2.3.4", 80, "udp")
    assert _passes(found, "1.2.3.4", 0, "icmp")
