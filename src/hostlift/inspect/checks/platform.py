# SPDX-License-Identifier: Apache-2.0
"""Operating system and processor: what the cloud runs, and what was tried."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Platform"
TITLE = "Operating system"
ARCHITECTURE_ID = "GUESTOS.Architecture"
ARCHITECTURES = frozenset({"x86_64", "amd64", "i386", "i486", "i586", "i686", "aarch64", "arm64"})
FAMILIES = frozenset({"debian", "ubuntu"})
"""Distributions (``ID`` or ``ID_LIKE``) whose adaptation exists."""


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """Both, each with its own finding."""
    return [_system(machine), _architecture(machine)]


def _system(machine: Machine) -> Finding:
    name = machine.os_name or machine.os_id
    if not name:
        return blocker(
            ID,
            TITLE,
            f"no os-release below {machine.root}",
            "Is this the root of a Linux system? Mount its root file system there first.",
        )
    if {machine.os_id, *machine.os_like} & FAMILIES:
        return ok(ID, TITLE, name)
    evidence = f"{name}: unproven, only Debian and Ubuntu are adapted so far"
    remedy = (
        "The copy may not boot: keep the source until the trial instance has shown that it does."
    )
    return warning(ID, TITLE, evidence, remedy)


def _architecture(machine: Machine) -> Finding:
    title = "Processor architecture"
    word = machine.architecture
    if word in ARCHITECTURES:
        known = word in ("x86_64", "amd64")
        if known:
            return ok(ARCHITECTURE_ID, title, word)
        return note(ARCHITECTURE_ID, title, f"{word}: unproven, only x86_64 was tried")
    return blocker(
        ARCHITECTURE_ID,
        title,
        f"{word or 'unknown'}: the cloud has no such instances",
        "Only x86_64, i386 and aarch64 systems can be migrated.",
    )


CHECK = Check(ID, TITLE, run)
