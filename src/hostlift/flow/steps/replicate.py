# SPDX-License-Identifier: Apache-2.0
"""Step 4: passes until little changes, a frozen last pass, and every byte read back."""

from __future__ import annotations

from dataclasses import asdict

from hostlift.flow.context import Context
from hostlift.flow.copier import copier_at
from hostlift.flow.growth import with_room
from hostlift.flow.passes.history import passes_on
from hostlift.flow.results import Copy, Results, Site, need
from hostlift.model.plan import MigrationPlan


class Replicate:
    """See the module."""

    name = "replicate"
    title = "Replicate"
    result = Copy
    stands_alone = False

    def inputs(self, _ctx: Context, so_far: Results) -> object:
        """What is copied, and onto which disks."""
        plan = need(so_far.plan).plan
        return {
            "instance": need(so_far.provision).instance,
            "volumes": [asdict(v) for v in plan.volumes],
            "disks": [asdict(d) for d in plan.disks],
        }

    def holds(self, _ctx: Context, _so_far: Results, _result: Copy) -> bool:
        """The copy lives on the disks of the instance, which provision looked at."""
        return True

    def run(self, ctx: Context, so_far: Results) -> Copy:
        """Prepare the disks, copy, freeze, copy the rest, read back."""
        return with_room(ctx, so_far, lambda plan: _copy(ctx, plan, need(so_far.provision)))


def _copy(ctx: Context, plan: MigrationPlan, site: Site) -> Copy:
    with copier_at(ctx, plan, site) as copier:
        copier.warm()
        last, receipts = copier.finish()
        if not ctx.journal.state.rehearsal:
            with copier.letting_go():
                copier.cut_over()
    return Copy(
        passes=passes_on(ctx.journal.state, site.instance),
        volumes=receipts,
        frozen_services=copier.frozen_services,
        freeze_seconds=last[-1].freeze_seconds,
        notes=tuple(copier.notes),
        differences=copier.losses.accepted,
    )
