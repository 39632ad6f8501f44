# SPDX-License-Identifier: Apache-2.0
"""A proxy of the system: it may be meant for the old network only."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Proxy"
TITLE = "System-wide proxy"
_FILES = (
    "/etc/environment",
    "/etc/profile.d/*.sh",
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/*",
    "/etc/yum.conf",
    "/etc/dnf/dnf.conf",
    "/etc/sysconfig/proxy",
)
_SET = re.compile(
    r"^\s*(?:export\s+)?(?:https?_proxy|Acquire::https?::Proxy|proxy)\s*[= ]\s*[\"']?\w",
    re.IGNORECASE | re.MULTILINE,
)


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Files that set one."""
    guest = context.guest(machine)
    files = [p for pattern in _FILES for p in guest.glob(pattern) if _SET.search(guest.text(p))]
    if not files:
        return [ok(ID, TITLE, "none")]
    evidence = f"set in {', '.join(files)}: the copy has it too, and may not reach it"
    return [note(ID, TITLE, evidence)]


CHECK = Check(ID, TITLE, run)
