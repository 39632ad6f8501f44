# SPDX-License-Identifier: Apache-2.0
"""Step 5: make the copy boot on ECS. Every edit is recorded and can be played backwards."""

from __future__ import annotations

import hashlib

from hostlift.adapt.homecoming import bring_home
from hostlift.errors import StateError
from hostlift.flow.context import Agent, Context
from hostlift.flow.evidence import write_baseline
from hostlift.flow.growth import plan_of
from hostlift.flow.rehearsal import suffix
from hostlift.flow.results import Adapted, Results, need, part
from hostlift.host.tree import RootTree
from hostlift.model.adaptation import AdaptOrder
from hostlift.remote.messages import JobKind, JobOrder, SealOrder


class Adapt:
    """See the module."""

    name = "adapt"
    title = "Adapt the copy to ECS"
    result = Adapted
    stands_alone = False

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """The copy as it was proved, and where it is."""
        return {
            "instance": need(so_far.provision).instance,
            "roots": [v.target_root for v in need(so_far.replicate).volumes],
            "trial": ctx.settings.trial,
        }

    def holds(self, _ctx: Context, _so_far: Results, _result: Adapted) -> bool:
        """The edits live on the disks of the instance, which provision looked at."""
        return True

    def run(self, ctx: Context, so_far: Results) -> Adapted:
        """Adapt, check, flush and unmount; what the source is now is written beside it."""
        plan, site = plan_of(ctx, so_far), need(so_far.provision)
        order = AdaptOrder(
            os_id=plan.os_id,
            os_like=plan.os_like,
            architecture=plan.architecture,
            firmware=plan.firmware.value,
            disks=plan.disks,
            volumes=plan.volumes,
            serials=site.serials,
            beacon=beacon_token(ctx.migration) if ctx.settings.trial else "",
        )
        with ctx.agents(ctx, site) as agent:
            done = agent.run(JobOrder(kind=JobKind.ADAPT, adapt=order), label="adapting")
            report = part(done.adapted)
            _keep_ledger(ctx, agent)
            seal = SealOrder(nonce=f"{ctx.migration}/{len(ctx.journal.history())}")
            sealed = agent.run(JobOrder(kind=JobKind.SEAL, seal=seal), label="checking disks")
        write_baseline(ctx)
        return Adapted(
            edits=report.edits,
            notes=report.notes,
            file_system_checks=part(sealed.sealed).checks,
            beacon=order.beacon,
        )


def _keep_ledger(ctx: Context, agent: Agent) -> None:
    """The instance goes, and its ledger with it: every edit with what it replaced stays here."""
    folder = ctx.workspace.receipts / f"{ctx.migration}{suffix(ctx.journal.state)}.ledger"
    try:
        bring_home(folder, agent.file, RootTree(ctx.source_root))
    except OSError as error:
        raise StateError(
            f"the ledger of edits cannot be kept: {error.strerror}",
            subject=str(error.filename or folder),
            hint="Make room in the state folder, then run the same command again.",
        ) from error


def beacon_token(migration: str) -> str:
    """What the trial instance prints on its console, so that no other boot is taken for it."""
    return hashlib.sha256(f"beacon/{migration}".encode()).hexdigest()[:16]
