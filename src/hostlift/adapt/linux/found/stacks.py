# SPDX-License-Identifier: Apache-2.0
"""Programs that run the network, as data: how one sees that they do, and for which cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hostlift.adapt.linux.found.init_systems import is_enabled
from hostlift.adapt.linux.found.ports import FIRST
from hostlift.adapt.reading import glob, text
from hostlift.ports.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStack:
    """A program that configures interfaces.

    Attributes:
        signs: It is installed when one of these paths exists.
        services: It runs when one of these is started at boot; none: it always does.
        files: Patterns of its configuration.
        cards: Finds, in a file's path and content, the names (``cards``) it brings up.
        by_default: It asks for an address on every card that nobody configured.
    """

    name: str
    signs: tuple[str, ...]
    services: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    cards: str = ""
    by_default: bool = False


STACKS = (
    NetworkStack(
        name="ifupdown",
        signs=("/etc/network/interfaces",),
        services=("networking", "ifupdown-pre", "network"),
        files=("/etc/network/interfaces", "/etc/network/interfaces.d/*"),
        cards=r"(?m)^[ \t]*iface[ \t]+(?P<cards>\S+)[ \t]+inet[ \t]+(?!manual)",
    ),
    NetworkStack(
        name="netplan",
        signs=("/usr/sbin/netplan", "/usr/lib/netplan", "/lib/netplan"),
        files=("/etc/netplan/*.yaml", "/etc/netplan/*.yml"),
        cards=r"(?m)^[ \t]+[\"']?(?P<cards>e\w+\*?)[\"']?:|name:[ \t]*[\"']?(?P<matched>e\S*?)[\"']?$",
    ),
    NetworkStack(
        name="network-scripts",
        signs=("/etc/sysconfig/network-scripts/ifup", "/etc/sysconfig/network-scripts/ifup-eth"),
        services=("network",),
        files=("/etc/sysconfig/network-scripts/ifcfg-*",),
        cards=r"(?m)^DEVICE=[\"']?(?P<cards>[\w.*-]+)",
    ),
    NetworkStack(
        name="network-manager",
        signs=("/usr/sbin/NetworkManager",),
        services=("NetworkManager", "network-manager"),
        files=(
            "/etc/NetworkManager/system-connections/*",
            "/etc/sysconfig/network-scripts/ifcfg-*",
        ),
        cards=r"(?m)^(?:interface-name|DEVICE)=[\"']?(?P<cards>[\w.*-]+)",
        by_default=True,
    ),
    NetworkStack(
        name="networkd",
        signs=("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"),
        services=("systemd-networkd",),
        files=("/etc/systemd/network/*.network", "/usr/lib/systemd/network/*-e*.network"),
        cards=r"(?mi)^[ \t]*Name[ \t]*=[ \t]*(?P<cards>.+?)[ \t]*$",
    ),
    NetworkStack(
        name="wicked",
        signs=("/usr/sbin/wicked", "/sbin/ifup.d", "/etc/sysconfig/network/scripts"),
        services=("wicked", "network", "wickedd"),
        files=("/etc/sysconfig/network/ifcfg-*",),
        cards=r"\A/etc/sysconfig/network/ifcfg-(?P<cards>\S+)",
    ),
    NetworkStack(
        name="netctl",
        signs=("/usr/bin/netctl",),
        services=("netctl", "netctl-auto", "netctl-ifplugd"),
        files=("/etc/netctl/*",),
        cards=r"(?m)^Interface=[\"']?(?P<cards>[\w.*-]+)",
    ),
    NetworkStack(
        name="dhcpcd",
        signs=("/usr/sbin/dhcpcd", "/sbin/dhcpcd", "/usr/bin/dhcpcd"),
        services=("dhcpcd",),
        by_default=True,
    ),
    NetworkStack(
        name="connman",
        signs=("/usr/sbin/connmand",),
        services=("connman",),
        by_default=True,
    ),
)


def installed(tree: Tree) -> tuple[NetworkStack, ...]:
    """Those that are there; when none is, those that have a configuration."""
    by_sign = tuple(s for s in STACKS if any(tree.exists(sign) for sign in s.signs))
    return by_sign or tuple(s for s in STACKS if list(_configuration(tree, s)))


def runs(tree: Tree, stack: NetworkStack) -> bool:
    """True when it is started at boot, as far as that can be seen."""
    return not stack.services or any(is_enabled(tree, name) for name in stack.services)


def serves_first_card(tree: Tree, stack: NetworkStack) -> bool:
    """True when its configuration brings the first card up, or it does so by itself."""
    found = [
        m for path, content in _configuration(tree, stack) for m in _cards(stack, path, content)
    ]
    if any(fnmatchcase(FIRST, name) for name in found):
        return True
    return stack.by_default and not found


def _configuration(tree: Tree, stack: NetworkStack) -> Iterator[tuple[str, str]]:
    for pattern in stack.files:
        for path in glob(tree, pattern):
            content = text(tree, path)
            if content is not None and not path.endswith("-lo"):
                yield path, content


def _cards(stack: NetworkStack, path: str, content: str) -> Iterator[str]:
    for match in re.finditer(stack.cards, f"{path}\n{content}"):
        for names in match.groupdict().values():
            yield from (names or "").split()
