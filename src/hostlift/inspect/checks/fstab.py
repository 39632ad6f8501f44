# SPDX-License-Identifier: Apache-2.0
"""Lines of fstab that would stop the copy at boot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Fstab"
TITLE = "fstab"
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smbfs", "glusterfs", "ceph", "9p", "fuse.sshfs"})
_NOT_DEVICES = frozenset({"proc", "sysfs", "tmpfs", "devpts", "none", "overlay", "debugfs"})
_KINDS = ("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=")
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of fstab."""

    source: str
    mount_point: str
    kind: str
    options: tuple[str, ...]


def lines(text: str) -> Iterator[Line]:
    """The entries of fstab; comments and broken lines left out."""
    for row in text.splitlines():
        fields = row.split()
        if len(fields) >= _FIELDS and not fields[0].startswith("#"):
            yield Line(
                fields[0].replace('"', ""), fields[1], fields[2], tuple(fields[3].split(","))
            )


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Unknown devices, names that change, network mounts."""
    entries = list(lines(context.guest(machine).text("/etc/fstab")))
    found: list[Finding] = []
    known = _identities(machine)
    unknown = [e for e in entries if _is_unknown(e, known)]
    if unknown:
        evidence = ", ".join(f"{e.source} on {e.mount_point}" for e in unknown)
        remedy = "These are not here now: the copy mounts them only if they appear (nofail)."
        found.append(warning(ID, TITLE, evidence, remedy))
    renamed = [e.source for e in entries if e.source.startswith(("/dev/sd", "/dev/hd", "/dev/xvd"))]
    if renamed:
        evidence = f"{', '.join(renamed)}: disks have other names on ECS; written as UUID there"
        found.append(note(ID, TITLE, evidence))
    network = [f"{e.source} on {e.mount_point}" for e in entries if e.kind in _NETWORK]
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
    if "nofail" in entry.options or "noauto" in entry.options:
        return False
    key, equals, value = entry.source.partition("=")
    if f"{key}=" in _KINDS:
        word = value if key in ("LABEL", "PARTLABEL") else value.lower()
        return f"{key}{equals}{word}" not in known
    by_device = entry.source.startswith("/dev/") and "/by-" not in entry.source
    return by_device and entry.source not in known and entry.kind not in _NOT_DEVICES


CHECK = Check(ID, TITLE, run)
