# SPDX-License-Identifier: Apache-2.0
"""Distribution and kernel versions: what is too old for some instance types."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.OSVersion"
TITLE = "Version of the distribution"
MOC_ID = "GUESTOS.SupportMocInstanceTypes"
_EL5 = frozenset({"centos", "rhel", "ol", "oracle", "redhat"})
_OLDEST_MOC = (3, 10)


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """EL5 before 5.11, and kernels before 3.10."""
    return [_version(machine), _bare_metal(machine)]


def _version(machine: Machine) -> Finding:
    said = f"{machine.os_id or 'unknown'} {machine.os_version}".strip()
    major, _, minor = machine.os_version.partition(".")
    if machine.os_id in _EL5 and major == "5" and minor.isdecimal() and int(minor) < 11:  # noqa: PLR2004 - 5.11
        remedy = "Update it to 5.11 first, or keep to the oldest instance families."
        return warning(ID, TITLE, f"{said}: ECS wants 5.11 of this line", remedy)
    return ok(ID, TITLE, said)


def _bare_metal(machine: Machine) -> Finding:
    title = "Instance types of the newest families"
    running = next((k.release for k in machine.kernels if k.running), "")
    release = running or next((k.release for k in machine.kernels), "")
    number = re.match(r"(\d+)\.(\d+)", release)
    if number is None:
        return note(MOC_ID, title, "kernel version not known")
    if (int(number[1]), int(number[2])) >= _OLDEST_MOC:
        return ok(MOC_ID, title, f"kernel {release}")
    evidence = f"kernel {release}: some bare-metal based families do not start kernels before 3.10"
    return note(MOC_ID, title, evidence, "Choose an instance type of an older family.")


CHECK = Check(ID, TITLE, run)
