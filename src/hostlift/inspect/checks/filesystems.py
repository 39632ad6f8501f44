# SPDX-License-Identifier: Apache-2.0
"""Local file systems: on what they lie, of which kind, with which features."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import FileSystem, Machine

ID = "hostlift.FileSystems"
TITLE = "File systems"
MAKEABLE = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"})


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Every local file system, and that there is a root among them."""
    by_mount = {fs.mount_point: fs for fs in machine.file_systems}
    if "/" not in by_mount:
        remedy = "Run hostlift on the server itself, as root; containers cannot be migrated."
        return [blocker(ID, TITLE, "the root file system is not on a local disk", remedy)]
    listed = {d.src_path for d in context.settings.data_disks}
    plain = {d.device for d in machine.disks}
    plain |= {p.device for d in machine.disks for p in d.partitions}
    found: list[Finding] = []
    for fs in machine.file_systems:
        if fs.device not in plain and fs.mount_point not in listed:
            found.append(_stacked(fs))
        if fs.kind not in MAKEABLE:
            remedy = f"Unmount {fs.mount_point} (it stays behind), or move its data."
            evidence = f"{fs.mount_point} is {fs.kind}, which cannot be made on the target"
            found.append(blocker(ID, TITLE, evidence, remedy))
        found += _features(fs)
    if found:
        return found
    return [ok(ID, TITLE, ", ".join(f"{fs.mount_point} {fs.kind}" for fs in by_mount.values()))]


def _stacked(fs: FileSystem) -> Finding:
    evidence = f"{fs.mount_point} lies on {fs.device} (LVM, RAID or encryption)"
    if fs.mount_point == "/":
        remedy = (
            "Choose: move the root file system to a plain partition, or wait for a release that"
            " rebuilds LVM; it is not flattened without asking."
        )
    else:
        remedy = (
            f"Choose: list {fs.mount_point} in data_disks, then it becomes a plain disk of its own"
            " (same file system UUID, no LVM); or unmount it, then it stays behind."
        )
    return blocker(ID, TITLE, evidence, remedy)


def _features(fs: FileSystem) -> list[Finding]:
    found: list[Finding] = []
    features = set(fs.features)
    subvolume = next((o for o in fs.options if o.startswith("subvol=") and o != "subvol=/"), "")
    if fs.kind == "btrfs" and subvolume:
        evidence = f"{fs.mount_point} is a btrfs subvolume ({subvolume})"
        remedy = "Subvolumes cannot be rebuilt yet: wait for a release that does."
        found.append(blocker(ID, TITLE, evidence, remedy))
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
