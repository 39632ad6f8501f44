# SPDX-License-Identifier: Apache-2.0
"""Lines of fstab that would stop the copy at boot."""

from __future__ import annotations

from hostlift.formats import fstab
from hostlift.formats.fstab import Line
from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Fstab"
TITLE = "fstab"
_NOT_DEVICES = frozenset({"proc", "sysfs", "tmpfs", "devpts", "none", "overlay", "debugfs"})
_CASELESS = ("UUID", "PARTUUID")


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Unknown devices, names that change, network mounts."""
    entries = fstab.entries(context.guest(machine).data("/etc/fstab"))
    found: list[Finding] = []
    known = _identities(machine)
    unknown = [e for e in entries if _is_unknown(e, known)]
    if unknown:
        evidence = ", ".join(f"{e.spec} on {e.file}" for e in unknown)
        remedy = "These are not here now: the copy mounts them only if they appear (nofail)."
        found.append(warning(ID, TITLE, evidence, remedy))
    renamed = [e.spec for e in entries if e.spec.startswith(("/dev/sd", "/dev/hd", "/dev/xvd"))]
    if renamed:
        evidence = f"{', '.join(renamed)}: disks have other names on ECS; written as UUID there"
        found.append(note(ID, TITLE, evidence))
    network = [f"{e.spec} on {e.file}" for e in entries if e.kind in fstab.NETWORK]
    if network:
        evidence = f"{', '.join(network)}: not copied; the copy waits for it no longer (nofail)"
        found.append(note(ID, TITLE, evidence))
    return found or [ok(ID, TITLE, f"{len(entries)} entries")]


def _identities(machine: Machine) -> frozenset[str]:
    names = (*machine.file_systems, *machine.swaps)
    words = [f"UUID={fs.uuid.lower()}" for fs in names] + [f"LABEL={fs.label}" for fs in names]
    words += [fs.device for fs in names]
    for disk in machine.disks:
        for p in disk.partitions:
            uuid = p.uuid or f"{disk.table_id.removeprefix('0x')}-{p.number:02x}"
            words += [f"PARTUUID={uuid.lower()}", f"PARTLABEL={p.name}", p.device]
    return frozenset(words)


def _is_unknown(entry: Line, known: frozenset[str]) -> bool:
    if not entry.is_needed:
        return False
    if entry.spec.startswith(fstab.TAGS):
        tag, _, value = entry.spec.partition("=")
        return f"{tag}={value.lower() if tag in _CASELESS else value}" not in known
    by_device = entry.spec.startswith("/dev/") and "/by-" not in entry.spec
    return by_device and entry.spec not in known and entry.kind not in _NOT_DEVICES


CHECK = Check(ID, TITLE, run)
