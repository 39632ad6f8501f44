# SPDX-License-Identifier: Apache-2.0
"""The directories that shall become data disks."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.DataDisks"
TITLE = "Data disks"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Each is there, and whether it is a file system of its own."""
    guest = context.guest(machine)
    mounts = {fs.mount_point for fs in machine.file_systems}
    found: list[Finding] = []
    for i, disk in enumerate(context.settings.data_disks):
        key = f"data_disks[{i}].src_path"
        if not guest.is_folder(disk.src_path):
            evidence = f"{key}: {disk.src_path} is not a directory of the source"
            remedy = "Correct the path, mount what belongs there, or remove the entry."
            found.append(blocker(ID, TITLE, evidence, remedy))
        elif disk.src_path not in mounts:
            evidence = f"{disk.src_path} is a plain directory: it gets a disk and a line in fstab"
            found.append(note(ID, TITLE, evidence))
        else:
            found.append(ok(ID, TITLE, disk.src_path))
    return found or [ok(ID, TITLE, "none wished")]


CHECK = Check(ID, TITLE, run)
