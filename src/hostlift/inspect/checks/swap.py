# SPDX-License-Identifier: Apache-2.0
"""Swap: its content is not copied."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, gib, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import FileSystem, Machine

ID = "hostlift.Swap"
TITLE = "Swap"


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """Partitions are made anew with the same UUID, files are left out."""
    return [_one(s) for s in machine.swaps] or [ok(ID, TITLE, "none")]


def _one(swap: FileSystem) -> Finding:
    if swap.device.startswith("/dev/"):
        evidence = f"{swap.device} ({gib(swap.size)}) is made anew with the same UUID"
    else:
        evidence = f"the file {swap.device} ({gib(swap.size)}) is not copied"
    return note(ID, TITLE, evidence)


CHECK = Check(ID, TITLE, run)
