# SPDX-License-Identifier: Apache-2.0
"""A whole system with a usable layout: init, libraries, partition tables."""

from __future__ import annotations

import os

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok, warning
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.SystemImage"
TITLE = "A complete system"
LIB_ID = "hostlift.Libraries"
TABLE_ID = "hostlift.PartitionTable"
_INIT = ("/sbin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/usr/sbin/init")
_FOLDERS = ("bin", "sbin", "lib", "lib64")


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """What a container or a data disk lacks."""
    guest = context.guest(machine)
    return [_system(guest), _libraries(guest), _tables(machine)]


def _system(guest: Guest) -> Finding:
    if any(guest.exists(path) for path in _INIT):
        return ok(ID, TITLE)
    remedy = "Run it on the server itself, or name the mounted root file system with --root."
    return blocker(ID, TITLE, f"no init program ({', '.join(_INIT)})", remedy)


def _libraries(guest: Guest) -> Finding:
    title = "Links of /bin, /sbin and /lib"
    absolute = [f"/{n} -> {t}" for n in _FOLDERS if (t := _link(guest, n)).startswith("/")]
    if not absolute:
        return ok(LIB_ID, title, "relative or none")
    evidence = f"{', '.join(absolute)}: image checks refuse absolute ones"
    return warning(LIB_ID, title, evidence, "Make them relative: ln -sfn usr/lib /lib, and so on.")


def _link(guest: Guest, name: str) -> str:
    try:
        return os.readlink(guest.root / name)
    except OSError:
        return ""


def _tables(machine: Machine) -> Finding:
    title = "Partition tables"
    plain = [d.device for d in machine.disks if d.table is None]
    told = ", ".join(f"{d.device} {d.table.value.upper()}" for d in machine.disks if d.table)
    if plain:
        evidence = f"{', '.join(plain)} has none; the copy's disks get one"
        return note(TABLE_ID, title, evidence)
    return ok(TABLE_ID, title, told or "none known")


CHECK = Check(ID, TITLE, run)
