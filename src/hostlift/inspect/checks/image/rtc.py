# SPDX-License-Identifier: Apache-2.0
"""The hardware clock: ECS keeps it in UTC."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.RtcTimeMode"
TITLE = "Hardware clock"
_FILE = "/etc/adjtime"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """The third line of adjtime, and older settings of the distributions."""
    guest = context.guest(machine)
    mode = [line.strip() for line in guest.text(_FILE).splitlines()][2:3]
    local = mode == ["LOCAL"] or "UTC=no" in guest.text("/etc/default/rcS")
    if not local:
        return [ok(ID, TITLE, "UTC")]
    return [note(ID, TITLE, f"local time by {_FILE}: the copy is set to UTC, as ECS wants it")]


CHECK = Check(ID, TITLE, run)
