# SPDX-License-Identifier: Apache-2.0
"""Step 4: passes until little changes, a frozen last pass, and every byte read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from hostlift.errors import VerifyError
from hostlift.flow.agent_link import agent, part, run_job
from hostlift.flow.context import Context
from hostlift.flow.results import Copy, Pass, Results, need
from hostlift.model.plan import MigrationPlan
from hostlift.model.receipt import Difference, VolumeReceipt
from hostlift.ports.cloud import Resource
from hostlift.remote.client import AgentClient
from hostlift.remote.messages import JobKind, JobOrder, PrepareOrder, RereadOrder
from hostlift.replicate.freeze import FreezePlan, frozen
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import PassOptions, PassReport, run_pass
from hostlift.replicate.roots import private_roots
from hostlift.replicate.source import SourceVolume
from hostlift.verify.receipt import compare

_MAX_WARM_PASSES = 4
_SMALL_DELTA = 4 << 20
"""Bytes: another pass over less than this costs more than it takes off the frozen one."""
_REPAIRS = 2


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
        plan = need(so_far.plan).plan
        with (
            agent(ctx, so_far) as client,
            Manifest.open(ctx.workspace.database) as manifest,
            private_roots(plan.volumes, ctx.source_root) as sources,
        ):
            generations = _prepare(ctx, so_far, client)
            for volume, generation in generations.items():
                manifest.bind(volume, generation)
            copier = _Copier(ctx, plan, client, manifest, sources, generations)
            passes = copier.warm()
            last, services = copier.final()
            volumes = copier.prove()
        return Copy(
            passes=(*passes, last),
            volumes=volumes,
            frozen_services=services,
            freeze_seconds=last.freeze_seconds,
            notes=tuple(copier.notes),
        )
