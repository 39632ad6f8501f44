# SPDX-License-Identifier: Apache-2.0
"""Local file systems that the default excludes would leave out without a word."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, gib, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Excludes"
TITLE = "Local file systems that are not copied"
_SYSTEM_DISK = 0


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """The original tool drops /mnt and /media: data that lives there must be seen to be lost."""
    listed = {d.src_path for d in context.settings.data_disks}
    patterns = set(context.excludes(_SYSTEM_DISK))
    found = []
    for fs in machine.file_systems:
        place = fs.mount_point
        hit = next((p for p in _patterns_for(place) if p in patterns), "")
        if hit and place not in listed:
            evidence = f"{place} ({fs.device}, {gib(fs.used)}) is excluded by {hit!r}"
            remedy = (
                f"List {place} in data_disks, or remove {hit!r} from"
                " Excludes/rsync_excludes_linux.txt; leave it to go without this data."
            )
            found.append(warning(ID, TITLE, evidence, remedy))
    return found or [ok(ID, TITLE, "none")]


def _patterns_for(place: str) -> list[str]:
    """The plain ways to exclude a directory: itself, or everything in one above it."""
    parts = place.strip("/").split("/")
    folders = ["/" + "/".join(parts[:n]) for n in range(1, len(parts) + 1)] if parts[0] else []
    return [f"{f}{end}" for f in folders for end in ("/*", "/", "", "/**")]


CHECK = Check(ID, TITLE, run)
