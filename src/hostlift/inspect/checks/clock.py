# SPDX-License-Identifier: Apache-2.0
"""The clock: the cloud refuses signatures that are 15 minutes off (IllegalTimestamp)."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Clock"
TITLE = "Clock"
REFUSED = 900
NOTICEABLE = 60
_REMEDY = "Set the clock (chronyc makestep, or timedatectl set-ntp true), then check again."


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """How far off, and what that means."""
    skew = machine.clock_skew
    if skew is None:
        return [note(ID, TITLE, "not compared with the cloud's")]
    said = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the cloud's clock"
    if abs(skew) >= REFUSED:
        evidence = f"{said}: every API call fails with IllegalTimestamp"
        return [blocker(ID, TITLE, evidence, _REMEDY)]
    if abs(skew) >= NOTICEABLE:
        return [warning(ID, TITLE, said, _REMEDY)]
    return [ok(ID, TITLE, said)]


CHECK = Check(ID, TITLE, run)
