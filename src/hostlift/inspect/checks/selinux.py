# SPDX-License-Identifier: Apache-2.0
"""SELinux: a note, never a demand; labels travel with the files."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Selinux"
TITLE = "SELinux"


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """The state, and what becomes of it."""
    if machine.selinux in ("absent", "disabled"):
        return [ok(ID, TITLE, machine.selinux)]
    evidence = f"{machine.selinux}: stays so, labels are copied; nothing has to be switched off"
    return [note(ID, TITLE, evidence)]


CHECK = Check(ID, TITLE, run)
