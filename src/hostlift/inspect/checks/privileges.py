# SPDX-License-Identifier: Apache-2.0
"""Everything of the source must be readable: only root reads all files and devices."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Privileges"
TITLE = "Run as root"


def run(_machine: Machine, context: CheckContext) -> list[Finding]:
    """Root or not."""
    if context.uid == 0:
        return [ok(ID, TITLE)]
    return [
        blocker(ID, TITLE, f"running as user id {context.uid}", "Run it as root, or with sudo.")
    ]


CHECK = Check(ID, TITLE, run)
