# SPDX-License-Identifier: Apache-2.0
"""A firewall of the system's own travels with it."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Firewall"
TITLE = "Firewall"
_SERVICES = ("ufw", "firewalld", "nftables", "iptables", "netfilter-persistent", "SuSEfirewall2")
_WANTS = "/etc/systemd/system/*.wants/{service}.service"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Which ones start at boot."""
    guest = context.guest(machine)
    active = [s for s in _SERVICES if guest.glob(_WANTS.format(service=s))]
    if not active:
        return [ok(ID, TITLE, "none starts at boot")]
    evidence = f"{', '.join(active)} starts at boot and keeps its rules in the copy"
    remedy = "Rules that name addresses of the old network may lock you out: keep port 22 open."
    return [note(ID, TITLE, evidence, remedy)]


CHECK = Check(ID, TITLE, run)
