# SPDX-License-Identifier: Apache-2.0
"""Agents: Alibaba's own, which may be missing, and those of other platforms, which are masked."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.inspect.guest import Guest
from hostlift.model import agents
from hostlift.model.agents import Agent
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.CloudAssistant"
TITLE = "Cloud Assistant"
SECURITY_ID = "GUESTOS.SecurityCenterAgent"
FOREIGN_ID = "hostlift.ForeignAgents"
_ASSISTANT = ("/usr/local/share/aliyun-assist", "/etc/systemd/system/aliyun.service")
_SECURITY = ("/usr/local/aegis",)
_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_SCRIPTS = "/etc/init.d"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """One finding each for Alibaba's, and one for all others."""
    guest = context.guest(machine)
    return [
        _own(guest, ID, TITLE, _ASSISTANT),
        _own(guest, SECURITY_ID, "Security Center agent", _SECURITY),
        _foreign(guest),
    ]


def _own(guest: Guest, check: str, title: str, files: tuple[str, ...]) -> Finding:
    if any(guest.exists(path) for path in files):
        return ok(check, title, "installed")
    return note(check, title, "not installed; the console offers to install it on the running copy")


def _foreign(guest: Guest) -> Finding:
    title = "Agents of other platforms"
    services = _services(guest)
    there = [agent.name for agent in agents.FOREIGN if _is_there(guest, agent, services)]
    if not there:
        return ok(FOREIGN_ID, title, "none")
    evidence = f"{', '.join(there)}: switched off in the copy, which can be undone; files stay"
    return note(FOREIGN_ID, title, evidence)


def _is_there(guest: Guest, agent: Agent, services: set[str]) -> bool:
    return any(guest.exists(f) for f in (*agent.files, *agent.schedules)) or any(
        agent.has_service(service) for service in services
    )


def _services(guest: Guest) -> set[str]:
    """What is installed, whether it starts or not."""
    units = {agents.service_of(unit) for folder in _UNITS for unit in guest.names(folder)}
    return units.union(guest.names(_SCRIPTS)) - {""}


CHECK = Check(ID, TITLE, run)
