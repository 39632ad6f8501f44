# SPDX-License-Identifier: Apache-2.0
"""What lies between the file systems and the disks: LVM, arrays, encryption, subvolumes."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.inspect.checks.context import (
    Check,
    CheckContext,
    blocker,
    gib,
    note,
    ok,
    warning,
)
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine, StackKind, VolumeGroup
from hostlift.model.spots import spots
from hostlift.settings.user_config import Settings

ID = "hostlift.Storage"
TITLE = "Storage"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Each layer: kept, looked through, or refused until the user has chosen."""
    settings = context.settings
    found = [
        *_unknown(machine, settings),
        *_encrypted(machine, settings),
        *(f for g in machine.groups for f in _group(machine, g, settings)),
        *_arrays(machine),
        *_subvolumes(machine),
    ]
    return found or [ok(ID, TITLE, "plain partitions")]


def _unknown(machine: Machine, settings: Settings) -> Iterator[Finding]:
    listed = {d.src_path for d in settings.data_disks}
    for fs in machine.file_systems:
        if spots(machine, fs.device) or fs.mount_point in listed:
            continue
        evidence = f"{fs.mount_point} lies on {fs.device}; on which disk that lies is not known"
        remedy = (
            "Report this machine with 'hostlift check --json'."
            if fs.mount_point == "/"
            else f"Choose: list {fs.mount_point} in data_disks, then it becomes a disk of its own; or"
            " unmount it, then it stays behind."
        )
        yield blocker(ID, TITLE, evidence, remedy)


def _encrypted(machine: Machine, settings: Settings) -> Iterator[Finding]:
    for fs in machine.file_systems:
        found = spots(machine, fs.device)
        if not found or not found[0].is_encrypted:
            continue
        if settings.luks == "plain":
            evidence = f"{fs.mount_point} ({fs.device}) is stored unencrypted on the target"
            remedy = "Let ECS encrypt the target's disks, or encrypt anew there; see luks."
            yield warning(ID, TITLE, evidence, remedy)
            continue
        evidence = f"{fs.mount_point} lies on the encrypted device {fs.device}"
        remedy = (
            'Choose: set luks to "plain", then its files are stored unencrypted on the target (ECS can'
            f" encrypt whole disks below); or unmount {fs.mount_point}, then it stays behind."
        )
        yield blocker(ID, TITLE, evidence, remedy)


def _group(machine: Machine, group: VolumeGroup, settings: Settings) -> Iterator[Finding]:
    used = {fs.device: fs.mount_point for fs in machine.file_systems}
    swaps = {s.device for s in machine.swaps}
    mounted = [v for v in group.logical if v.device in used]
    if not mounted:
        return
    if settings.flatten_lvm:
        evidence = f"the LVM group {group.name} becomes plain partitions, as flatten_lvm says"
        yield note(ID, TITLE, evidence)
    elif _is_homeless(machine, [used[v.device] for v in mounted], settings):
        evidence = f"the LVM group {group.name} lies on another disk than the system"
        remedy = (
            f"Choose: list {used[mounted[0].device]} in data_disks, then the group moves to that disk;"
            " or set flatten_lvm to true, then its volumes become directories."
        )
        yield blocker(ID, TITLE, evidence, remedy)
    else:
        evidence = f"the LVM group {group.name} is made again with the same names"
        yield note(ID, TITLE, evidence)
    for volume in group.logical:
        if volume.device not in used and volume.device not in swaps:
            holds = f", {volume.holds}" if volume.holds else ""
            evidence = f"{volume.device} ({volume.kind}{holds}, {gib(volume.size)}) is not mounted"
            remedy = "Mount it to have it copied; a snapshot or a pool is left out in any case."
            yield warning(ID, TITLE, evidence, remedy)
        elif volume.kind != "linear":
            yield note(ID, TITLE, f"{volume.device} ({volume.kind}) becomes a linear volume")


def _is_homeless(machine: Machine, places: list[str], settings: Settings) -> bool:
    """None of its volumes is on the disk of the root, and none is listed."""
    devices = {fs.mount_point: fs.device for fs in machine.file_systems}
    system = {s.disk.device for s in spots(machine, devices.get("/", "")) if s.disk}
    own = {s.disk.device for p in places for s in spots(machine, devices[p]) if s.disk}
    return not system & own and not {d.src_path for d in settings.data_disks} & set(places)


def _arrays(machine: Machine) -> Iterator[Finding]:
    for layer in machine.stacked:
        if layer.kind is StackKind.ARRAY:
            evidence = (
                f"{layer.device} ({layer.level} of {', '.join(layer.beneath)}) becomes a plain"
                " partition: a disk of ECS is kept in several copies already"
            )
            yield note(ID, TITLE, evidence)


def _subvolumes(machine: Machine) -> Iterator[Finding]:
    by_device = {fs.device: fs for fs in machine.file_systems if fs.subvolumes}
    for device, fs in by_device.items():
        mounted = {f.subvolume.strip("/") for f in machine.file_systems if f.device == device}
        copies = [
            s.path for s in fs.subvolumes if (s.snapshot or s.read_only) and s.path not in mounted
        ]
        if copies:
            evidence = f"{len(copies)} btrfs snapshots on {device} are left out: {_some(copies)}"
            remedy = "Copy what you need of them into a subvolume that is mounted."
            yield warning(ID, TITLE, evidence, remedy)


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (" …" if len(paths) > 3 else "")  # noqa: PLR2004 - three do


CHECK = Check(ID, TITLE, run)
