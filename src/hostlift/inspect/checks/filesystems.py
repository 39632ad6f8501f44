# SPDX-License-Identifier: Apache-2.0
"""Local file systems: of which kind, with which features."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import FileSystem, Machine

ID = "hostlift.FileSystems"
TITLE = "File systems"
MAKEABLE = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"})


def run(machine: Machine, _context: CheckContext) -> list[Finding]:
    """Every local file system, and that there is a root among them."""
    by_mount = {fs.mount_point: fs for fs in machine.file_systems}
    if "/" not in by_mount:
        remedy = "Run hostlift on the server itself, as root; containers cannot be migrated."
        return [blocker(ID, TITLE, "the root file system is not on a local disk", remedy)]
    found: list[Finding] = []
    for fs in machine.file_systems:
        if fs.kind not in MAKEABLE:
            remedy = f"Unmount {fs.mount_point} (it stays behind), or move its data."
            evidence = f"{fs.mount_point} is {fs.kind}, which cannot be made on the target"
            found.append(blocker(ID, TITLE, evidence, remedy))
        found += _features(fs)
    if found:
        return found
    return [ok(ID, TITLE, ", ".join(f"{fs.mount_point} {fs.kind}" for fs in by_mount.values()))]


def _features(fs: FileSystem) -> list[Finding]:
    found: list[Finding] = []
    features = set(fs.features)
    if "encrypt" in features:
        evidence = f"{fs.mount_point} has encrypted directories; without their keys only names copy"
        remedy = "Unlock every encrypted directory before the migration."
        found.append(warning(ID, TITLE, evidence, remedy))
    if {"project", "quota"} <= features:
        evidence = f"{fs.mount_point} has the ext4 features project and quota together"
        remedy = "Alibaba's import does not accept both; switch one off with tune2fs if it refuses."
        found.append(warning(ID, TITLE, evidence, remedy))
    return found


CHECK = Check(ID, TITLE, run)
