# SPDX-License-Identifier: Apache-2.0
"""A server that exists and gets the migrated disks: what it loses, and the exchange.

Its system disk is replaced, which cannot be undone, so it is named in the plan, agreed to by its
instance's id, and looked at once more before: only the very disk that was agreed to is erased.
Data disks are made of the image's snapshots and hung beside those it has. It is left stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hostlift.errors import ConfigError, StateError
from hostlift.flow.context import Context
from hostlift.flow.rehearsal import shortened
from hostlift.flow.results import Captured
from hostlift.flow.site import moving
from hostlift.flow.site.image import image_spec
from hostlift.model.plan import Erasure, MigrationPlan, TargetDisk
from hostlift.ports.cloud import Cloud, Resource, ResourceKind
from hostlift.ports.disks import DiskSpec
from hostlift.ports.images import ImageDisk
from hostlift.ports.instances import Server
from hostlift.settings.user_config import Settings

_KEY = "target_instance_id"
_MOST_DATA_DISKS = 16
_IMAGE_DEADLINE = 3600.0


def erasure(cloud: Cloud, settings: Settings, plan: MigrationPlan) -> Erasure | None:
    """What the target server of the wishes loses; None when there is none.

    Raises:
        ConfigError: It cannot get these disks.
    """
    name = settings.target_instance_id
    if not name:
        return None
    server = stopped(cloud, settings)
    disks = cloud.disks.of(name)
    system = next((d for d in disks if d.system), None)
    if system is None:
        raise _refusal(f"{name} has no system disk", "Attach one, or name another instance.")
    data = tuple(d.id for d in disks if not d.system)
    if len(data) + len(plan.disks) - 1 > _MOST_DATA_DISKS:
        text = f"{name} has {len(data)} data disks and would get {len(plan.disks) - 1} more"
        raise _refusal(text, f"An instance has at most {_MOST_DATA_DISKS}; detach some.")
    return Erasure(
        instance=name,
        name=server.name,
        zone=server.zone,
        disk=system.id,
        category=system.category,
        size_gib=max(system.size_gib, plan.disks[0].size_gib),
        kept=data,
    )


def exchange(
    ctx: Context, erased: Erasure, captured: Captured, plan: MigrationPlan
) -> tuple[str, ...]:
    """The disks that the server has got: the new system disk, then the data disks in order.

    Raises:
        ConfigError: It is not stopped any more.
        StateError: Its system disk is not the one that was agreed to.
    """
    data = [
        _data_disk(ctx, erased, snapshot, disk)
        for snapshot, disk in zip(captured.snapshots[1:], plan.disks[1:], strict=True)
    ]
    image = captured.image if len(plan.disks) == 1 else _system_image(ctx, captured, plan)
    return (_system_disk(ctx, erased, image), *data)


def _system_image(ctx: Context, captured: Captured, plan: MigrationPlan) -> str:
    """An image of the system disk alone: a system disk is not replaced by one with data disks."""

    def make(token: str, agreed: Mapping[str, Any]) -> str:
        system = ImageDisk(
            snapshot=agreed["snapshot"], size_gib=plan.disks[0].size_gib, system=True
        )
        spec = image_spec(ctx, plan, name=agreed["name"], disks=(system,))
        return ctx.cloud.images.create(spec, token=token)

    params = {"snapshot": captured.snapshots[0], "name": shortened(plan, "-system")}
    made = ctx.ledger.ensure("target-image", ResourceKind.IMAGE, make, params)
    ctx.ledger.ready(
        Resource(ResourceKind.IMAGE, made), deadline=_IMAGE_DEADLINE, label="image of the system"
    )
    return made


def _system_disk(ctx: Context, erased: Erasure, image: str) -> str:
    server = stopped(ctx.cloud, ctx.settings)
    now = next((d for d in ctx.cloud.disks.of(erased.instance) if d.system), None)
    if now is not None and now.id != erased.disk and server.image == image:
        return now.id  # an earlier run came so far
    if now is None or now.id != erased.disk:
        found = now.id if now else "none"
        raise StateError(
            f"its system disk is {found}, not {erased.disk} that was agreed to; nothing was erased",
            subject=erased.instance,
            hint="The image is whole: make an instance of it, or replace the disk in the console.",
        )
    new = ctx.cloud.disks.replace_system(
        erased.instance, image, erased.size_gib, token=f"{ctx.migration}/target/{image}"
    )
    ctx.note(f"{erased.instance} has the migrated system on {new}; {erased.disk} is gone.")
    return moving.settled(ctx, new).id


def _data_disk(ctx: Context, erased: Erasure, snapshot: str, disk: TargetDisk) -> str:
    def make(token: str, agreed: Mapping[str, Any]) -> str:
        spec = DiskSpec(
            name=f"hostlift-disk{disk.index}",
            zone=erased.zone,
            category=erased.category,
            size_gib=agreed["size_gib"],
            snapshot=agreed["snapshot"],
            tags=ctx.ledger.tags,
        )
        return ctx.cloud.disks.create(spec, token=token)

    role = f"target-disk-{disk.index}"
    params = {"snapshot": snapshot, "size_gib": disk.size_gib}
    made = ctx.ledger.ensure(role, ResourceKind.DISK, make, params)
    moving.attach(ctx, made, erased.instance)
    ctx.ledger.hand_over(role)
    return made


def stopped(cloud: Cloud, settings: Settings) -> Server:
    """The target server, which stands still.

    Raises:
        ConfigError: It does not, or not in the way that lets its disk be replaced.
    """
    name = settings.target_instance_id
    server = cloud.instances.describe(name)
    if server is None:
        raise _refusal(f"there is no {name} in {settings.region_id}", "Correct it.")
    if not server.stopped:
        raise _refusal(
            f"{name} ({server.name}) is {server.status}, not stopped",
            "Stop it in the console, in the standard mode that keeps charging, then run again.",
        )
    if not server.kept_charging:
        raise _refusal(
            f"{name} was stopped in economical mode, in which disks cannot be replaced",
            "Start it and stop it in the standard mode, then run again.",
        )
    return server


def _refusal(text: str, hint: str) -> ConfigError:
    return ConfigError(text, subject=_KEY, hint=f"{hint} Nothing was changed on it.")
