# SPDX-License-Identifier: Apache-2.0
"""Step 4: passes until little changes, a frozen last pass, and every byte read back."""

from __future__ import annotations

from dataclasses import asdict

from hostlift.flow.context import Agent, Context
from hostlift.flow.copier import Copier
from hostlift.flow.results import Copy, Results, need, part
from hostlift.remote.messages import JobKind, JobOrder, PrepareOrder, VolumeReady
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.roots import private_roots


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
        plan, site = need(so_far.plan).plan, need(so_far.provision)
        with (
            ctx.agents(ctx, site) as agent,
            Manifest.open(ctx.workspace.database) as manifest,
            private_roots(plan.volumes, ctx.source_root) as sources,
        ):
            volumes = _prepare(agent, so_far)
            for volume in volumes:
                manifest.bind(volume.volume, volume.generation)
            copier = Copier(ctx, plan, agent, manifest, tuple(sources))
            warm = copier.warm()
            last, receipts = copier.finish()
        return Copy(
            passes=(*warm, *last),
            volumes=receipts,
            frozen_services=copier.frozen_services,
            freeze_seconds=last[-1].freeze_seconds,
            notes=tuple(copier.notes),
        )


def _prepare(agent: Agent, so_far: Results) -> tuple[VolumeReady, ...]:
    plan, site = need(so_far.plan).plan, need(so_far.provision)
    order = PrepareOrder(disks=plan.disks, volumes=plan.volumes, serials=site.serials)
    done = agent.run(JobOrder(kind=JobKind.PREPARE, prepare=order), label="preparing target disks")
    return part(done.prepared).volumes
