# SPDX-License-Identifier: Apache-2.0
"""What is wrong between the keys of user_config.json, each of which is right by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostlift.settings import rules
from hostlift.settings.problems import Problem

if TYPE_CHECKING:
    from hostlift.settings.user_config import Settings


def missing(settings: Settings) -> list[Problem]:
    """What a migration cannot do without."""
    keys = ("region_id", "image_name")
    return [
        Problem(key, f"is empty; it must be {type(settings).model_fields[key].description}")
        for key in keys
        if not getattr(settings, key)
    ]


def conflicts(settings: Settings) -> list[Problem]:
    """Keys that do not go together."""
    problems: list[Problem] = []
    for key, name in (("data_disk_index", "index"), ("src_path", "path")):
        seen: dict[object, int] = {}
        for i, disk in enumerate(settings.data_disks):
            value = getattr(disk, key)
            if value in seen:
                text = (
                    f"{value!r} is also the {name} of data_disks[{seen[value]}]; each must differ"
                )
                problems.append(Problem(f"data_disks[{i}].{key}", text))
            seen.setdefault(value, i)
    problems += _delivery_conflicts(settings)
    problems += _carried_conflicts(settings) if settings.net_mode == 1 else []
    if settings.over_vpc:
        problems += [
            Problem(key, f"is empty; {_why_private(settings)} needs a network the source can reach")
            for key in ("vpc_id", "vswitch_id")
            if not getattr(settings, key)
        ]
    for key in ("vswitch_id", "security_group_id"):
        if getattr(settings, key) and not settings.vpc_id:
            text = "is given without vpc_id; name the VPC it belongs to, or leave it empty"
            problems.append(Problem(key, text))
    return problems


def _delivery_conflicts(settings: Settings) -> list[Problem]:
    problems = []
    for key, rule, text in (
        ("share_with", rules.ACCOUNT, "must be the number of another account, given once"),
        ("copy_to", rules.REGION, "must be a region such as eu-central-1, given once"),
    ):
        values = getattr(settings, key)
        problems += [
            Problem(f"{key}[{i}]", f"{value!r} is not allowed; it {text}")
            for i, value in enumerate(values)
            if not rule.fullmatch(value) or value in values[:i]
        ]
    if settings.region_id in settings.copy_to:
        problems.append(Problem("copy_to", f"{settings.region_id!r} has the image anyhow"))
    if settings.keep_trial and not settings.trial:
        problems.append(Problem("keep_trial", "is true, but trial is false: there is none to keep"))
    return problems


def _carried_conflicts(settings: Settings) -> list[Problem]:
    """Stage 1 makes the disks before anybody has seen the source."""
    text = "is left to hostlift, but in net_mode 1 the disks are made before the source is seen"
    sizes = {"system_disk_size": settings.system_disk_size}
    sizes |= {
        f"data_disks[{i}].data_disk_size": d.data_disk_size
        for i, d in enumerate(settings.data_disks)
    }
    problems = [
        Problem(key, f"{text}; give a size in GiB")
        for key, size in sizes.items()
        if size in rules.CHOOSE
    ]
    if settings.target_instance_id:
        problems.append(Problem("target_instance_id", "does not go with net_mode 1"))
    return problems


def _why_private(settings: Settings) -> str:
    return f"net_mode {settings.net_mode}" if settings.net_mode else 'public_address "none"'


def unique(problems: list[Problem]) -> list[Problem]:
    """Each problem once."""
    return list({p.key + "\0" + p.text: p for p in problems}.values())
