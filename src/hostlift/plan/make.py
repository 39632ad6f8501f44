# SPDX-License-Identifier: Apache-2.0
"""From the machine and the wishes to the plan. Pure: the same input gives the same plan.

`hostlift.plan.placing` decides which file system goes where, `system_disk` and `data_disk` give
each volume a partition, and here the parts become one plan with a forecast.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import Firmware, Machine
from hostlift.model.plan import (
    Area,
    Content,
    Forecast,
    MigrationPlan,
    SourceTree,
    TargetDisk,
    TargetLogical,
    TargetPartition,
    Volume,
)
from hostlift.plan import (
    data_disk,
    layers,
    lodgers,
    placing,
    subvolumes,
    system_disk,
    words,
)
from hostlift.plan.placing import MAKEABLE, Seat, Seating, relative
from hostlift.plan.promise import promise
from hostlift.settings.user_config import Settings

MOST_DISKS = 16
"""Data disks of an ECS instance; on the intermediate one the target's system disk is one of them."""
ASSUMED_LINK = 12_500_000
"""Bytes per second of the forecast: 100 Mbit/s, the public inbound rate of a small instance."""
_KIB = 1024
_LONGEST_NAME = 40
_SECONDS_PER_FILE = 0.0003
_FIXED_SECONDS = 300.0
"""Provisioning, adaptation, snapshots, image, trial."""
_FREEZE_FIXED = 3.0
_CHANGED_SHARE = 0.002
"""Of the bytes, what the last pass is assumed to find changed."""


def make(
    machine: Machine,
    settings: Settings,
    excludes: Mapping[int, tuple[str, ...]],
    private: tuple[str, ...] = (),
) -> MigrationPlan:
    """Decide everything that is decided before anything is created.

    Args:
        machine: What inspection found.
        settings: What the user wishes.
        excludes: rsync patterns by disk, anchored at the disk's root.
        private: Absolute patterns on the source of what must never travel: our own state and
            secrets (`hostlift.settings.folder.Workspace.own_patterns`).

    Raises:
        ConfigError: A size does not hold what is used, or there are too many disks; the error
            names the key.
        CheckBlocked: The source cannot be mirrored as it is.
    """
    _demand_room_for(len(settings.data_disks))
    seating = _seating(machine, settings, excludes, private)
    _demand_makeable(seating)
    firmware = Firmware(settings.boot_mode or machine.firmware)
    wish = settings.system_disk_size
    system, warnings = system_disk.plan(machine, seating, wish, firmware=firmware)
    disks = [system]
    for seat in sorted((s for s in seating.seats if s.wish and not s.of), key=lambda s: s.disk):
        disk, told = data_disk.plan(machine, seating, seat)
        disks.append(disk)
        warnings += told
    warnings += [*lodgers.changes(machine, seating), *layers.changes(machine, seating)]
    warnings += [
        f"the swap file {f} is not copied and its line in fstab is switched off; make a new one there"
        for f in placing.swap_files(machine)
    ]
    return MigrationPlan(
        hostname=machine.hostname,
        region=settings.region_id,
        image_name=settings.image_name,
        platform=words.platform(machine, settings),
        architecture=words.architecture(machine, settings),
        os_id=machine.os_id,
        os_like=machine.os_like,
        firmware=firmware,
        disks=tuple(disks),
        volumes=tuple(_volume(seat, disks) for seat in seating.seats),
        forecast=_forecast(seating, settings),
        workload_hooks=_hooks(machine, settings),
        listening=machine.listening,
        bandwidth_limit=settings.bandwidth_limit,
        warnings=(*seating.warnings, *warnings),
        network=promise(machine),
    )


def _demand_room_for(data_disks: int) -> None:
    if data_disks >= MOST_DISKS:
        raise ConfigError(
            f"{data_disks} data disks and the system disk are {data_disks + 1} target disks; the"
            f" intermediate instance can carry {MOST_DISKS}",
            subject="data_disks",
            hint=f"List at most {MOST_DISKS - 1} and let the other directories travel with the disk"
            " they lie on, or migrate them to an instance of their own afterwards.",
        )


def _demand_makeable(seating: Seating) -> None:
    for seat in seating.seats:
        kind = seat.source.kind if seat.source else "ext4"
        if kind not in MAKEABLE:
            known = ", ".join(sorted(MAKEABLE))
            raise CheckBlocked(
                f"the file system {kind} cannot be made on the target; these can: {known}",
                subject=seat.mount_point,
                hint=f"Unmount {seat.mount_point}, then it stays behind."
                if seat.mount_point != "/"
                else "",
            )


def _seating(
    machine: Machine,
    settings: Settings,
    excludes: Mapping[int, tuple[str, ...]],
    private: tuple[str, ...],
) -> Seating:
    """Every seat, btrfs subvolumes that nobody mounts included."""
    seating = placing.seat(machine, settings, excludes, private)
    seats, told = subvolumes.with_all(seating.seats)
    root = next(s for s in seats if s.mount_point == "/")
    return replace(seating, root=root, seats=tuple(seats), warnings=(*seating.warnings, *told))


def _volume(seat: Seat, disks: list[TargetDisk]) -> Volume:
    partition, area = _place(seat, disks)
    logical = area.name if isinstance(area, TargetLogical) else ""
    trees = [SourceTree(path=seat.mount_point)]
    trees += [
        SourceTree(path=g.mount_point, prefix=relative(g.mount_point, seat.mount_point))
        for g in seat.guests
    ]
    return Volume(
        id=f"disk{seat.disk}p{partition.number}{_suffix(logical or seat.subvolume)}",
        disk=seat.disk,
        partition=partition.number,
        logical=logical,
        subvolume=seat.subvolume,
        mount_point=seat.mount_point,
        file_system=area.file_system,
        trees=tuple(trees),
        excludes=seat.excludes,
    )


def _suffix(name: str) -> str:
    """A name within a partition as a part of an id, which names files and folders too."""
    if not name:
        return ""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "_.+") else "-" for c in name)
    if plain == name and len(name) <= _LONGEST_NAME:
        return f"-{name}"
    return f"-{plain[:_LONGEST_NAME]}-{zlib.crc32(name.encode('utf-8', 'surrogateescape')):08x}"


def _place(seat: Seat, disks: list[TargetDisk]) -> tuple[TargetPartition, Area]:
    disk = next(d for d in disks if d.index == seat.disk)
    mount_point = seat.of or seat.mount_point
    return next(
        (p, area)
        for p in disk.partitions
        for area in p.areas
        if area.mount_point == mount_point and area.content in (Content.FILES, Content.ESP)
    )


def _hooks(machine: Machine, settings: Settings) -> tuple[str, ...]:
    if settings.hooks != "auto":
        return settings.hooks
    return tuple(dict.fromkeys(w.hook for w in machine.workloads if w.hook and w.pids))


def _forecast(seating: Seating, settings: Settings) -> Forecast:
    size = sum(s.used for s in seating.seats)
    files = sum(s.used_inodes for s in seating.seats)
    limit = settings.bandwidth_limit * _KIB
    rate = min(limit, ASSUMED_LINK) if limit else ASSUMED_LINK
    return Forecast(
        bytes=size,
        files=files,
        seconds=round(_FIXED_SECONDS + size / rate + files * _SECONDS_PER_FILE, 1),
        freeze_seconds=round(_FREEZE_FIXED + size * _CHANGED_SHARE / rate, 1),
    )
