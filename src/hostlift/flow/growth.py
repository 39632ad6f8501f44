# SPDX-License-Identifier: Apache-2.0
"""Target disks follow a source that grows while it is copied.

A volume that is full ends the pass; its disk is made larger in the cloud, the agent makes partition
and file system longer, and the passes go on with what is there. The larger size is journaled before
it is asked for, and asked for again before each copy, so that a crash anywhere is mended. A new
intermediate instance begins with the sizes of the plan again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hostlift.errors import TargetFull
from hostlift.flow.context import Context
from hostlift.flow.journal import Record
from hostlift.flow.results import Results, Site, need
from hostlift.model.plan import GIB, MigrationPlan
from hostlift.plan.growth import grown, size_for

Done = TypeVar("Done")
_MOST = 8
"""Growths for one command: more than that is no growth but something that never ends."""
_STEP = 3 / 2
"""What is excluded counts as used on the source: a step is bounded by what there is already."""


def plan_of(ctx: Context, so_far: Results) -> MigrationPlan:
    """The approved plan, with the disks that have grown since."""
    return grown(need(so_far.plan).plan, ctx.journal.state.grown)


def with_room(ctx: Context, so_far: Results, copy: Callable[[MigrationPlan], Done]) -> Done:
    """Copy; when a volume is full, let its disk grow and go on.

    Raises:
        ConfigError: It cannot grow; the hint says what can be done.
    """
    site = need(so_far.provision)
    for _ in range(_MOST):
        plan = plan_of(ctx, so_far)
        _assure(ctx, site)
        try:
            return copy(plan)
        except TargetFull as error:
            _grow(ctx, plan, error.subject)
    _assure(ctx, site)
    return copy(plan_of(ctx, so_far))


def _grow(ctx: Context, plan: MigrationPlan, volume: str) -> None:
    index, gib = size_for(plan, volume, _used(ctx, plan, volume))
    name = "the system disk" if index == 0 else f"data disk {index}"
    ctx.note(
        f"{volume} is full because the source grew: {name} of the target grows to {gib} GiB",
        "warning",
    )
    ctx.journal.append(Record.GROWN, disk=index, size_gib=gib)


def _assure(ctx: Context, site: Site) -> None:
    """Every disk that has grown is that large in the cloud."""
    for index, gib in sorted(ctx.journal.state.grown.items()):
        disk, _ = site.disks[index]
        token = f"{ctx.migration}/grow/{disk}/{gib}"
        ctx.cloud.disks.grow(disk, gib, token=token)


def _used(ctx: Context, plan: MigrationPlan, volume_id: str) -> int:
    """Bytes that the volume's source uses now, within the bounds of one step."""
    volume = next(v for v in plan.volumes if v.id == volume_id)
    disk = next(d for d in plan.disks if d.index == volume.disk)
    has = max(disk.area(volume).size, GIB)
    used = 0
    for tree in volume.trees:
        space = os.statvfs(ctx.source_root / tree.path.lstrip("/"))
        used += (space.f_blocks - space.f_bfree) * space.f_frsize
    return min(max(used, has), int(has * _STEP))
