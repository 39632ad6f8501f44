# SPDX-License-Identifier: Apache-2.0
"""Step 6: stop, snapshot every target disk, make the custom image. Undone by deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hostlift.errors import CloudError, Retry
from hostlift.flow.context import Context
from hostlift.flow.growth import plan_of
from hostlift.flow.rehearsal import image_name, role
from hostlift.flow.results import Captured, Results, Site, need
from hostlift.model.plan import MigrationPlan
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.images import ImageDisk, ImageSpec

_STOP_DEADLINE = 120.0
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
        _stop(ctx, site)
        snapshots = tuple(_snapshot(ctx, plan, site, disk.index) for disk in plan.disks)
        for snapshot in snapshots:
            ctx.ledger.ready(
                Resource(ResourceKind.SNAPSHOT, snapshot),
                deadline=_SNAPSHOT_DEADLINE,
                label="snapshot",
            )
        image = _image(ctx, plan, snapshots)
        ctx.ledger.ready(
            Resource(ResourceKind.IMAGE, image), deadline=_IMAGE_DEADLINE, label="custom image"
        )
        return Captured(image=image, snapshots=snapshots)


def _drop_stale(ctx: Context, site: Site) -> None:
    """Snapshots of disks that are gone show an earlier copy: not the one the receipt speaks of."""
    disks = {disk for disk, _ in site.disks}
    mine = role(ctx.journal.state, "snapshot-")
    live = [h for h in ctx.journal.state.live() if h.role.startswith(mine)]
    if any(h.params["disk"] not in disks for h in live):
        image = role(ctx.journal.state, "image")
        ctx.ledger.discard(lambda name: name.startswith(mine) or name == image)


def _stop(ctx: Context, site: Site) -> None:
    resource = Resource(ResourceKind.INSTANCE, site.instance)
    # The volumes are sealed: nothing on the target disks is lost by pulling the plug, and an ACPI
    # request can be lost before logind runs.
    ctx.cloud.instances.stop(site.instance, force=True)
    ctx.ledger.reach(
        resource, Phase.STOPPED, deadline=_STOP_DEADLINE, label="stop of the intermediate instance"
    )


def _snapshot(ctx: Context, plan: MigrationPlan, site: Site, index: int) -> str:
    disk, _ = site.disks[index]

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

    name = role(ctx.journal.state, f"snapshot-{index}")
    return ctx.ledger.ensure(name, ResourceKind.SNAPSHOT, make, {"disk": disk})


def _image(ctx: Context, plan: MigrationPlan, snapshots: tuple[str, ...]) -> str:
    def make(token: str, agreed: Mapping[str, Any]) -> str:
        disks = tuple(
            ImageDisk(snapshot=snapshot, size_gib=disk.size_gib, system=disk.index == 0)
            for snapshot, disk in zip(agreed["snapshots"], plan.disks, strict=True)
        )
        spec = ImageSpec(
            name=agreed["name"],
            description=f"{plan.hostname}, migrated by hostlift ({ctx.migration})",
            platform=plan.platform,
            architecture=plan.architecture,
            firmware=plan.firmware.value,
            disks=disks,
            tags=ctx.ledger.tags,
        )
        return ctx.cloud.images.create(spec, token=token)

    params = {"snapshots": list(snapshots), "name": image_name(ctx.journal.state, plan)}
    return ctx.ledger.ensure(role(ctx.journal.state, "image"), ResourceKind.IMAGE, make, params)
