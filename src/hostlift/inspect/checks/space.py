# SPDX-License-Identifier: Apache-2.0
"""Target disks must hold what is used; a file system that is full leaves no room to adapt it."""

from __future__ import annotations

from hostlift.inspect.checks.context import (
    GIB,
    Check,
    CheckContext,
    blocker,
    gib,
    ok,
    room_for,
    warning,
)
from hostlift.model.finding import Finding
from hostlift.model.machine import FileSystem, Machine
from hostlift.settings.rules import CHOOSE

ID = "hostlift.Space"
TITLE = "Space"
_FULL = 0.99


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Wished sizes against use, then how full the source is."""
    settings = context.settings
    by_mount = {fs.mount_point: fs for fs in machine.file_systems}
    listed = {d.src_path for d in settings.data_disks}
    system = _of_system_disk(machine, listed)
    found = _fits("system_disk_size", settings.system_disk_size, system)
    for i, disk in enumerate(settings.data_disks):
        fs = by_mount.get(disk.src_path)
        if fs is not None:
            found += _fits(f"data_disks[{i}].data_disk_size", disk.data_disk_size, [fs])
    full = [f for fs in machine.file_systems for f in _full(fs)]
    used = gib(sum(fs.used for fs in machine.file_systems))
    return found + full or [ok(ID, TITLE, f"{used} in use")]


def _of_system_disk(machine: Machine, listed: set[str]) -> list[FileSystem]:
    """What certainly ends on the system disk: the file systems of the root's own disk."""
    root = next((fs.device for fs in machine.file_systems if fs.mount_point == "/"), "")
    nodes = next(
        (
            {d.device, *(p.device for p in d.partitions)}
            for d in machine.disks
            if root in (d.device, *(p.device for p in d.partitions))
        ),
        {root},
    )
    return [
        fs for fs in machine.file_systems if fs.device in nodes and fs.mount_point not in listed
    ]


def _fits(key: str, wish: int, file_systems: list[FileSystem]) -> list[Finding]:
    used = sum(fs.used for fs in file_systems)
    needed = sum(room_for(fs.used) for fs in file_systems if fs.size > room_for(fs.used))
    needed += sum(fs.size for fs in file_systems if fs.size <= room_for(fs.used))
    if wish in CHOOSE or wish * GIB >= needed:
        return []
    least = -(-needed // GIB)
    where = ", ".join(fs.mount_point for fs in file_systems)
    evidence = f"{key} is {wish} GiB, but {gib(used)} are in use ({where})"
    return [blocker(ID, TITLE, evidence, f"Set {key} to {least} or more, or to -1.")]


def _full(fs: FileSystem) -> list[Finding]:
    found: list[Finding] = []
    remedy = f"Free some before the migration: the copy of {fs.mount_point} is changed to boot."
    if fs.size and fs.used >= _FULL * fs.size:
        evidence = f"{fs.mount_point} is full: {gib(fs.used)} of {gib(fs.size)}"
        found.append(warning(ID, TITLE, evidence, remedy))
    if fs.inodes and fs.used_inodes >= _FULL * fs.inodes:
        evidence = f"{fs.mount_point} has used {fs.used_inodes} of {fs.inodes} inodes"
        found.append(warning(ID, TITLE, evidence, remedy))
    return found


CHECK = Check(ID, TITLE, run)
