# SPDX-License-Identifier: Apache-2.0
"""The plan for a person to read, and for a script."""

from __future__ import annotations

from dataclasses import asdict

from hostlift.formats.names import shown
from hostlift.model.plan import (
    GIB,
    Area,
    MigrationPlan,
    TargetDisk,
    TargetLogical,
    TargetPartition,
    Volume,
)

_MIB = 1 << 20
_MINUTE = 60

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def lines(plan: MigrationPlan) -> list[str]:
    """The plan as text, one line per decision; nothing in it is an abbreviation of the real plan."""
    told = [
        f"Migrate {plan.hostname} ({plan.os_id}, {plan.architecture}, {plan.firmware})",
        f"to the custom image {plan.image_name!r} in {plan.region}, platform {plan.platform}.",
        "",
    ]
    for disk in plan.disks:
        told += _disk(disk, plan.volumes)
    forecast = plan.forecast
    told += [
        "",
        f"To copy:   {size(forecast.bytes)} in {forecast.files:,} files",
        f"Takes:     about {duration(forecast.seconds)} at {_rate(plan)}",
        f"Freeze:    about {duration(forecast.freeze_seconds)} at the end"
        + (f", with hooks for {', '.join(plan.workload_hooks)}" if plan.workload_hooks else ""),
    ]
    if forecast.cost is not None:
        told += [
            f"{head:11}{text}"
            for head, text in zip(("Costs:", ""), forecast.cost.words, strict=True)
        ]
    if plan.erases is not None:
        told += [f"Erases:    {plan.erases.words}"]
    told += [f"Note:      {w}" for w in plan.warnings]
    told += [f"Network:   {line}" for line in plan.network]
    return told


def as_json(plan: MigrationPlan) -> dict[str, Json]:
    """The whole plan as JSON-able values."""
    converted = _plain(asdict(plan))
    if not isinstance(converted, dict):
        raise TypeError("a plan is an object")
    return converted


def size(count: int) -> str:
    """Bytes for a person."""
    if count >= GIB:
        return f"{count / GIB:.1f} GiB"
    return f"{count / _MIB:.1f} MiB"


def duration(seconds: float) -> str:
    """Seconds for a person."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} min" if minutes < 2 * _MINUTE else f"{minutes / _MINUTE:.1f} h"


def _rate(plan: MigrationPlan) -> str:
    if plan.bandwidth_limit:
        return f"no more than {plan.bandwidth_limit} KB/s"
    return "an assumed 100 Mbit/s"


def _disk(disk: TargetDisk, volumes: tuple[Volume, ...]) -> list[str]:
    name = "System disk" if disk.index == 0 else f"Data disk {disk.index}"
    table = {"gpt": "GPT", "dos": "MBR", "None": "no partition table"}[str(disk.table)]
    told = [f"{name}: {disk.size_gib} GiB, {table}"]
    for partition in disk.partitions:
        told.append("  " + _partition(partition))
        for area in partition.areas:
            if isinstance(area, TargetLogical):
                told.append(
                    f"     {size(area.size):>10}  {_what(area)}, logical volume {area.name}"
                )
            mine = [v for v in volumes if v.disk == disk.index and disk.area(v) is area]
            told += ["      " + line for volume in mine for line in _volume(volume, area)]
    return told


def _partition(partition: TargetPartition) -> str:
    group = f" group {partition.physical.group}" if partition.physical else ""
    return f"{partition.number or '-'}  {size(partition.size):>10}  {_what(partition)}{group}"


def _what(area: Area) -> str:
    what = f"{area.content}"
    if area.file_system and area.file_system != area.content:
        what = f"{area.file_system}"
    where = f" on {area.mount_point}" if area.mount_point else ""
    label = f" label {area.fs_label}" if area.fs_label else ""
    return f"{what}{where}{label}"


def _volume(volume: Volume, area: Area) -> list[str]:
    told = []
    if volume.subvolume and volume.mount_point != area.mount_point:
        told.append(f"subvolume {shown(volume.subvolume)} on {volume.mount_point}")
    told += [f"from {t.path} into {t.prefix}" for t in volume.trees if t.prefix != "/"]
    if volume.excludes:
        told.append("without " + " ".join(shown(p) for p in volume.excludes))
    return told


def _plain(value: object) -> Json:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, str):
        return shown(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"not JSON-able: {type(value).__name__}")
