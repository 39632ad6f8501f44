# SPDX-License-Identifier: Apache-2.0
"""Static addresses: the network of the cloud is another one, so they will change."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, ok, warning
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Dhcp"
TITLE = "Network addresses"
NAMED_ID = "hostlift.NamedAddresses"
_SHOWN = 8
STATIC = (
    ("/etc/network/interfaces", r"^\s*iface\s+(?!lo\b)\S+\s+inet6?\s+static\b"),
    ("/etc/network/interfaces.d/*", r"^\s*iface\s+(?!lo\b)\S+\s+inet6?\s+static\b"),
    ("/etc/netplan/*.yaml", r"\d+\.\d+\.\d+\.\d+/(?!0\b)\d+"),
    ("/etc/systemd/network/*.network", r"^\s*Address\s*="),
    ("/run/systemd/network/*.network", r"^\s*Address\s*="),
    ("/etc/NetworkManager/system-connections/*", r"^\s*address\d*\s*="),
    ("/etc/sysconfig/network-scripts/ifcfg-*", r"^\s*IPADDR\d*\s*=\s*[\"']?(?!127\.)\d"),
    ("/etc/sysconfig/network/ifcfg-*", r"^\s*IPADDR\S*\s*=\s*[\"']?(?!127\.)\d"),
)
"""Where each network stack keeps addresses, and how a static one looks."""


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Names every file that holds one."""
    guest = context.guest(machine)
    files = [path for pattern, sign in STATIC for path in _with(guest, pattern, sign)]
    own = ", ".join(a for i in machine.interfaces for a in i.addresses)
    named = _named(machine)
    if not files:
        return [ok(ID, TITLE, "no static address configured"), *named]
    evidence = f"static addresses in {', '.join(files)}" + (f" (now {own})" if own else "")
    remedy = (
        "The copy gets its address by DHCP; the old configuration is kept aside. Update DNS,"
        " licences, firewalls and configurations that name the old address."
    )
    return [warning(ID, TITLE, evidence, remedy), *named]


def _named(machine: Machine) -> list[Finding]:
    """Files that name an address or interface, but those that are mended in the copy."""
    mended = tuple(pattern.split("*")[0] for pattern, _ in STATIC)
    paths = dict.fromkeys(m.path for m in machine.mentions if not m.path.startswith(mended))
    if not paths:
        return []
    evidence = f"{len(paths)} files name an address or interface: {', '.join([*paths][:_SHOWN])}"
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    remedy = "'hostlift plan' quotes the lines; they are copied as they are: mend them in the copy."
    return [warning(NAMED_ID, "Configuration that names this network", evidence + more, remedy)]


def _with(guest: Guest, pattern: str, sign: str) -> list[str]:
    return [p for p in guest.glob(pattern) if re.search(sign, guest.text(p), re.MULTILINE)]


CHECK = Check(ID, TITLE, run)
