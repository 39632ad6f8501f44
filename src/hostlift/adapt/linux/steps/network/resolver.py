# SPDX-License-Identifier: Apache-2.0
"""Name servers: what DHCP tells must be able to reach ``/etc/resolv.conf``.

A protected file is opened for it. Where nobody will write the file and it names servers of the old
private network only, those of ECS take their place. Settings that overrule DHCP are told, not changed.
"""

from __future__ import annotations

import ipaddress
import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found import stacks

_PATH = "/etc/resolv.conf"
_OURS = ("100.100.2.136", "100.100.2.138")
_SERVER = re.compile(r"(?m)^[ \t]*nameserver[ \t]+(\S+)[^\n]*\n?")
_WRITERS = ("ifupdown", "network-manager", "network-scripts", "wicked", "dhcpcd", "netctl")
_OVERRULES = (
    ("/etc/dhcp/dhclient.conf", r"(?m)^\s*supersede\s+domain-name-servers\s+[^;]+"),
    ("/etc/NetworkManager/NetworkManager.conf", r"(?m)^\s*dns\s*=\s*none"),
    ("/etc/NetworkManager/conf.d/*.conf", r"(?m)^\s*dns\s*=\s*none"),
    ("/etc/systemd/resolved.conf", r"(?m)^\s*DNS\s*=\s*\S+"),
    ("/etc/systemd/resolved.conf.d/*.conf", r"(?m)^\s*DNS\s*=\s*\S+"),
    ("/etc/resolvconf/resolv.conf.d/head", r"(?m)^\s*nameserver\s+\S+"),
    ("/etc/sysconfig/network/config", r"(?m)^NETCONFIG_DNS_STATIC_SERVERS=\"?[^\"\n]+"),
)


def apply(bench: Bench, edit: Editor) -> None:
    """Open the file; replace servers nobody else would."""
    if bench.keeps_addresses or not _is_plain(bench):
        return
    edit.unprotect(_PATH, "DHCP must be able to write the name servers of ECS")
    text = bench.text(_PATH) or ""
    servers = _SERVER.findall(text)
    writers = [s for s in bench.tools.stacks if s.name in _WRITERS]
    if servers and all(map(_is_private, servers)) and not any(_runs(bench, s) for s in writers):
        ours = "".join(f"nameserver {server}\n" for server in _OURS)
        rest = _SERVER.sub("", text)
        edit.write_text(_PATH, rest + ours, "name servers of a network that is not there")
        bench.note(f"{_PATH} named {', '.join(servers)}; it names the servers of ECS now")
    for pattern, rule in _OVERRULES:
        for path in bench.glob(pattern):
            found = re.search(rule, bench.text(path) or "")
            if found:
                bench.note(f"{path} overrules the name servers of DHCP: {found[0].strip()}")


def _runs(bench: Bench, stack: stacks.NetworkStack) -> bool:
    return stacks.runs(bench.tree, stack)


def _is_plain(bench: Bench) -> bool:
    try:
        return bench.tree.stat(_PATH, follow=False).kind == "file"
    except OSError:
        return False


def _is_private(server: str) -> bool:
    try:
        address = ipaddress.ip_address(server)
    except ValueError:
        return False
    return address.is_private and not address.is_loopback and server not in _OURS


STEP = Step("resolver", "Name servers by DHCP, or those of ECS.", apply)
