# SPDX-License-Identifier: Apache-2.0
"""Security group rules to inbound permissions: what Accept rules open minus what Drop rules close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from hostlift.localcloud.compute.base import Admission
from hostlift.localcloud.state.records import Rule, SecurityGroup

_PORTS = (0, 65535)
_EACH = ("tcp", "udp", "icmp")


@dataclass(frozen=True, slots=True)
class _Area:
    """A block of traffic; protocol is one of tcp, udp, icmp, all."""

    protocol: str
    low: int
    high: int
    source: IPv4Network


def admissions_of(
    groups: Sequence[SecurityGroup], members: Mapping[str, Sequence[str]]
) -> tuple[Admission, ...]:
    """What may reach an instance that is in ``groups``.

    Args:
        groups: The groups of one instance.
        members: Private addresses of the instances in each group.
    """
    open_areas: list[_Area] = []
    for area, accepts in _by_weight(groups, members):
        if accepts:
            open_areas.append(area)
        else:
            open_areas = [rest for o in open_areas for rest in _minus(o, area)]
    for group in groups:
        if group.inner_policy == "Accept":
            peers = (_Area("all", *_PORTS, IPv4Network(ip)) for ip in members.get(group.id, ()))
            open_areas.extend(peers)
    unique = dict.fromkeys(open_areas)
    return tuple(Admission(a.protocol, a.low, a.high, str(a.source)) for a in unique)


def _by_weight(
    groups: Sequence[SecurityGroup], members: Mapping[str, Sequence[str]]
) -> Iterable[tuple[_Area, bool]]:
    """Areas, the weightiest last; of equal priority a Drop outweighs an Accept."""
    rules = [r for g in groups for r in g.rules if r.direction == "ingress"]
    rules.sort(key=lambda r: (-int(r.priority), r.policy.lower() == "drop"))
    for rule in rules:
        for source in _sources(rule, members):
            for area in _areas(rule, source):
                yield area, rule.policy.lower() == "accept"


def _sources(rule: Rule, members: Mapping[str, Sequence[str]]) -> list[IPv4Network]:
    if rule.group:
        return [IPv4Network(ip) for ip in members.get(rule.group, ())]
    return [IPv4Network(rule.cidr)] if rule.cidr else []


def _areas(rule: Rule, source: IPv4Network) -> list[_Area]:
    protocol = rule.protocol.lower()
    if protocol == "all":
        return [_Area("all", *_PORTS, source)]
    if protocol == "icmp":
        return [_Area("icmp", *_PORTS, source)]
    if protocol in {"tcp", "udp"}:
        low, high = (int(p) for p in rule.port_range.split("/"))
        return [_Area(protocol, *(_PORTS if low < 0 else (low, high)), source)]
    return []


def _minus(area: _Area, cut: _Area) -> list[_Area]:
    """``area`` without ``cut``."""
    if area.protocol == "all" and cut.protocol != "all":
        parts = [_Area(p, area.low, area.high, area.source) for p in _EACH]
        return [rest for part in parts for rest in _minus(part, cut)]
    apart = cut.protocol not in {"all", area.protocol} or cut.high < area.low or cut.low > area.high
    if apart or not area.source.overlaps(cut.source):
        return [area]
    left = []
    if area.low < cut.low:
        left.append(_Area(area.protocol, area.low, cut.low - 1, area.source))
    if area.high > cut.high:
        left.append(_Area(area.protocol, cut.high + 1, area.high, area.source))
    if cut.source.supernet_of(area.source):
        return left
    low, high = max(area.low, cut.low), min(area.high, cut.high)
    around = area.source.address_exclude(cut.source)
    return left + [_Area(area.protocol, low, high, network) for network in around]
