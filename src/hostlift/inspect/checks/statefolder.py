# SPDX-License-Identifier: Apache-2.0
"""Our own state: it may lie on the source, but it never travels."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine
from hostlift.settings.loading import file_warnings

ID = "hostlift.StateFolder"
TITLE = "State folder"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Where it is, and who can read the secrets in it."""
    folder = context.workspace.absolute()
    remedy = "Let only its owner read it: chmod 600."
    found = [warning(ID, TITLE, text, remedy) for text in file_warnings(folder)]
    if machine.live:
        found.append(note(ID, TITLE, f"{folder}: settings, keys and state in it are not copied"))
    return found or [ok(ID, TITLE, str(folder))]


CHECK = Check(ID, TITLE, run)
