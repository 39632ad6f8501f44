# SPDX-License-Identifier: Apache-2.0
"""Step 8: other regions, other accounts, a server that exists. Undone by deleting the copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hostlift.flow.context import Context
from hostlift.flow.growth import plan_of
from hostlift.flow.results import Delivered, Results, need
from hostlift.flow.site import target
from hostlift.ports.cloud import Resource, ResourceKind

_COPY_DEADLINE = 24 * 3600.0


class Deliver:
    """See the module."""

    name = "deliver"
    title = "Deliver the image"
    result = Delivered
    stands_alone = False

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """The image and where it shall go."""
        s = ctx.settings
        return {
            "image": need(so_far.capture).image,
            "copies": s.copy_to,
            "shared": s.share_with,
            "target": s.target_instance_id,
        }

    def holds(self, ctx: Context, _so_far: Results, result: Delivered) -> bool:
        """The copies are there. A target server is its user's from the moment it has its disks."""
        return all(ctx.cloud.state(_copy(region, image)) for region, image in result.copies)

    def run(self, ctx: Context, so_far: Results) -> Delivered:
        """Share and copy; last, for it cannot be undone, the target server."""
        plan, captured = plan_of(ctx, so_far), need(so_far.capture)
        shared = _share(ctx, captured.image)
        # All copies are under way before the first is waited for.
        copies = [_begin(ctx, captured.image, plan.image_name, to) for to in ctx.settings.copy_to]
        for copy in copies:
            _finish(ctx, copy)
        disks: tuple[str, ...] = ()
        if plan.erases is not None:
            disks = target.exchange(ctx, plan.erases, captured, plan)
        return Delivered(
            copies=tuple((copy.region, copy.id) for copy in copies),
            shared=shared,
            target=plan.erases.instance if plan.erases else "",
            disks=disks,
        )


def _share(ctx: Context, image: str) -> tuple[str, ...]:
    wanted = ctx.settings.share_with
    if not wanted:
        return ()
    have = ctx.cloud.images.shared_with(image)
    missing = [account for account in wanted if account not in have]
    if missing:
        ctx.cloud.images.share(image, missing)
    return wanted


def _begin(ctx: Context, image: str, name: str, region: str) -> Resource:
    def make(token: str, agreed: Mapping[str, Any]) -> str:
        return ctx.cloud.images.copy(
            agreed["image"], region, name=agreed["name"], tags=ctx.ledger.tags, token=token
        )

    params = {"image": image, "name": name}
    made = ctx.ledger.ensure(_role(region), ResourceKind.IMAGE, make, params, region=region)
    return _copy(region, made)


def _finish(ctx: Context, copy: Resource) -> None:
    ctx.ledger.ready(copy, deadline=_COPY_DEADLINE, label=f"copy of the image to {copy.region}")
    for number, snapshot in enumerate(ctx.cloud.images.parts(copy.id, copy.region)):
        part = Resource(ResourceKind.SNAPSHOT, snapshot, copy.region)
        ctx.ledger.adopt(f"{_role(copy.region)}-snapshot-{number}", part)


def _role(region: str) -> str:
    return f"copy-{region}"


def _copy(region: str, image: str) -> Resource:
    return Resource(ResourceKind.IMAGE, image, region)
