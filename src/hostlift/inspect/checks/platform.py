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
BOOTED = frozenset({"debian", "ubuntu"})
"""Distributions (``ID`` or ``ID_LIKE``) of which an adapted copy was booted."""
WRITTEN_FOR = frozenset(
    {"rhel", "centos", "fedora", "rocky", "almalinux", "ol", "anolis", "alinux", "amzn"}
    | {"suse", "sles", "opensuse", "arch", "alpine"}
)
"""Those whose files and tools are known, tried on recorded trees only."""


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
    families = {machine.os_id, *machine.os_like}
    if families & BOOTED:
        return ok(ID, TITLE, name)
    remedy = "Keep the source until the trial instance has shown that the copy boots."
    if families & WRITTEN_FOR or any(f.startswith("opensuse") for f in families):
        return note(ID, TITLE, f"{name}: its adaptation was tried on recorded trees only", remedy)
    evidence = f"{name}: not known by name; adapted by the tools that are found in it"
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
