# SPDX-License-Identifier: Apache-2.0
"""rsync, which the original tool needed."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Rsync"
TITLE = "rsync"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Either way is fine."""
    there = context.guest(machine).exists("/usr/bin/rsync")
    return [ok(ID, TITLE, f"{'installed' if there else 'not installed'}; not needed")]


CHECK = Check(ID, TITLE, run)
