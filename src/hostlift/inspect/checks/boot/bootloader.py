# SPDX-License-Identifier: Apache-2.0
"""The boot loader is installed anew on the copy: it has to be one that can be."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Firmware, Machine

ID = "GUESTOS.Grub"
TITLE = "Boot loader"
OLDEST = (1, 99)
OTHERS = {
    "grub-legacy": "GRUB 0.97: its menu is mended, its boot code installed anew",
    "extlinux": "its menu is mended, its boot code installed anew",
    "systemd-boot": "its entries are mended, a fallback loader is put into EFI/BOOT",
    "unified": "kernel images that the firmware starts: made anew where they lack a driver",
}
"""Loader -> what becomes of it in the copy."""
_REMEDY = "Install GRUB 2 (grub-pc, or grub-efi for UEFI) with a configuration, then check again."


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """The loader, and how the machine starts."""
    return [_loader(machine), _boot_mode(machine)]


def _loader(machine: Machine) -> Finding:
    said = f"{machine.loader or 'none found'} {machine.loader_version}".strip()
    if machine.loader in OTHERS:
        return note(ID, TITLE, f"{said}: {OTHERS[machine.loader]}")
    if machine.loader != "grub2":
        return blocker(ID, TITLE, f"{said}; {', '.join(['grub2', *OTHERS])} are known", _REMEDY)
    version = re.match(r"(?:\d+:)?(\d+)\.(\d+)", machine.loader_version)
    if version is None:
        return note(ID, TITLE, "GRUB 2 of unknown version; 1.99 or newer is needed")
    if (int(version[1]), int(version[2])) < OLDEST:
        return blocker(ID, TITLE, f"{said} is older than 1.99", _REMEDY)
    return ok(ID, TITLE, said)


def _boot_mode(machine: Machine) -> Finding:
    title = "Boot mode"
    if machine.firmware is Firmware.BIOS:
        return ok("GUESTOS.BootMode", title, "BIOS")
    evidence = "UEFI: the copy starts from EFI/BOOT, whatever the firmware remembers"
    return ok("GUESTOS.BootMode", title, evidence)


CHECK = Check(ID, TITLE, run)
