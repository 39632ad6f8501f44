# SPDX-License-Identifier: Apache-2.0
"""Step 6: stop, snapshot every target disk, make the custom image. Undone by deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hostlift.errors import CloudError, NotOffered, Retry
from hostlift.flow.context import Context
from hostlift.flow.growth import plan_of
from hostlift.flow.journal import SNAPSHOT, Holding
from hostlift.flow.rehearsal import image_name, role
from hostlift.flow.results import Captured, Results, Site, need
from hostlift.flow.site import detour
from hostlift.flow.site.image import image_spec
from hostlift.model.plan import MigrationPlan
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.images import ImageDisk

_SYSTEM = f"{SNAPSHOT}0"
_SNAPSHOT_PATIENCE = 3600.0
"""A fresh disk may refuse its first snapshot for up to an hour (CreateSnapshot reference)."""
_SNAPSHOT_DEADLINE = 6 * 3600.0
_IMAGE_DEADLINE = 2 * 3600.0


class Capture:
    """See the module."""

    name = "capture"
    title = "Capture the custom image"
    result = Captured
    stands_alone = True

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """The disks as adapted, and the name."""
        return {
            "site": asdict(need(so_far.provision)),
            "beacon": need(so_far.adapt).beacon,
            "image": image_name(ctx.journal.state, need(so_far.plan).plan),
            "migration": ctx.migration,
        }

    def holds(self, ctx: Context, _so_far: Results, result: Captured) -> bool:
        """The image is there and whole."""
        state = ctx.cloud.state(Resource(ResourceKind.IMAGE, result.image))
        return state is not None and state.phase is Phase.READY

    def run(self, ctx: Context, so_far: Results) -> Captured:
        """Stop, snapshot, image."""
        plan, site = plan_of(ctx, so_far), need(so_far.provision)
        _drop_stale(ctx, site)
        detour.stop(ctx, site.instance)
        image, snapshots = _capture(ctx, plan, site)
        ctx.ledger.ready(
            Resource(ResourceKind.IMAGE, image), deadline=_IMAGE_DEADLINE, label="custom image"
        )
        detour.end(ctx)
        return Captured(image=image, snapshots=snapshots)


def _capture(ctx: Context, plan: MigrationPlan, site: Site) -> tuple[str, tuple[str, ...]]:
    """The image, being made, and its snapshots, which are whole."""
    if not detour.needed(ctx):
        snapshots = _snapshots(ctx, plan, site)
        try:
            return _image(ctx, plan, snapshots), snapshots
        except NotOffered:
            ctx.ledger.withdraw(role(ctx.journal.state, "image"))
            ctx.ledger.release_role(role(ctx.journal.state, _SYSTEM))
    snapshots = _snapshots(ctx, plan, site, system=_carried(ctx, plan, site))
    return _image(ctx, plan, snapshots), snapshots


def _carried(ctx: Context, plan: MigrationPlan, site: Site) -> str:
    """The system disk that the longer way led to; once it was captured it is not changed again."""
    held = ctx.journal.state.latest(role(ctx.journal.state, _SYSTEM))
    if held is not None and held.life is not Holding.GONE and "of" in held.params:
        return str(held.params["disk"])
    return detour.system_disk(ctx, plan, site)


def _snapshots(
    ctx: Context, plan: MigrationPlan, site: Site, *, system: str = ""
) -> tuple[str, ...]:
    """Whole snapshots of all target disks; ``system`` stands in for the first."""
    made = [_snapshot(ctx, plan, site, disk.index, system) for disk in plan.disks]
    for snapshot in made:
        resource = Resource(ResourceKind.SNAPSHOT, snapshot)
        ctx.ledger.ready(resource, deadline=_SNAPSHOT_DEADLINE, label="snapshot")
    return tuple(made)


def _drop_stale(ctx: Context, site: Site) -> None:
    """Snapshots of disks that are gone show an earlier copy: not the one the receipt speaks of."""
    disks = {disk for disk, _ in site.disks}
    mine = role(ctx.journal.state, SNAPSHOT)
    live = [h for h in ctx.journal.state.live() if h.role.startswith(mine)]
    if any(h.params.get("of", h.params["disk"]) not in disks for h in live):
        image = role(ctx.journal.state, "image")
        ctx.ledger.discard(lambda name: name.startswith(mine) or name == image)


def _snapshot(ctx: Context, plan: MigrationPlan, site: Site, index: int, system: str) -> str:
    disk, _ = site.disks[index]
    stand_in = {"disk": system, "of": disk} if system and index == 0 else {"disk": disk}

    def make(token: str, agreed: Mapping[str, Any]) -> str:
        def attempt() -> str | None:
            try:
                return ctx.cloud.images.snapshot(
                    agreed["disk"],
                    name=f"hostlift-{plan.hostname}-disk{index}",
                    tags=ctx.ledger.tags,
                    token=token,
                )
            except CloudError as error:
                if error.retry is not Retry.RETRY:
                    raise
                return None

        return ctx.waiter.until(
            attempt, deadline=_SNAPSHOT_PATIENCE, what=f"the first snapshot of {disk}"
        )

    name = role(ctx.journal.state, f"{SNAPSHOT}{index}")
    return ctx.ledger.ensure(name, ResourceKind.SNAPSHOT, make, stand_in)


def _image(ctx: Context, plan: MigrationPlan, snapshots: tuple[str, ...]) -> str:
    def make(token: str, agreed: Mapping[str, Any]) -> str:
        disks = tuple(
            ImageDisk(snapshot=snapshot, size_gib=disk.size_gib, system=disk.index == 0)
            for snapshot, disk in zip(agreed["snapshots"], plan.disks, strict=True)
        )
        spec = image_spec(ctx, plan, name=agreed["name"], disks=disks)
        return ctx.cloud.images.create(spec, token=token)

    params = {"snapshots": list(snapshots), "name": image_name(ctx.journal.state, plan)}
    return ctx.ledger.ensure(role(ctx.journal.state, "image"), ResourceKind.IMAGE, make, params)
