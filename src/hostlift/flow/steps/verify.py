# SPDX-License-Identifier: Apache-2.0
"""Step 7: the signed receipt, and a trial instance that tells that the image boots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hostlift.errors import VerifyError
from hostlift.flow.context import Context
from hostlift.flow.evidence import baseline_file, write_signed
from hostlift.flow.growth import plan_of
from hostlift.flow.journal import TRIAL
from hostlift.flow.keepalive import release_time
from hostlift.flow.ledger import TRIAL_NAME
from hostlift.flow.rehearsal import role
from hostlift.flow.results import Results, Site, Verified, need
from hostlift.flow.site import network
from hostlift.flow.site.stock import beside, buy
from hostlift.model.plan import MigrationPlan
from hostlift.model.receipt import BootProof
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.instances import InstanceSpec, Placement
from hostlift.verify import signoff
from hostlift.verify.boot import judge, panic, read_beacon

_START_DEADLINE = 900.0
_BEACON_DEADLINE = 900.0
_CONSOLE_TAIL = 4000


class Verify:
    """See the module."""

    name = "verify"
    title = "Verify: receipt and trial boot"
    result = Verified
    stands_alone = False

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """The image and whether to boot it."""
        return {"image": need(so_far.capture).image, "trial": ctx.settings.trial}

    def holds(self, _ctx: Context, _so_far: Results, result: Verified) -> bool:
        """The receipt is still there."""
        return Path(result.receipt_file).exists()

    def run(self, ctx: Context, so_far: Results) -> Verified:
        """Write the receipt, boot the trial, read its beacon."""
        receipt = write_signed(ctx, so_far)
        proof = _boot(ctx, so_far) if ctx.settings.trial else None
        return Verified(receipt_file=str(receipt), boot=proof)


def _boot(ctx: Context, so_far: Results) -> BootProof:
    plan, site = plan_of(ctx, so_far), need(so_far.provision)
    image, token = need(so_far.capture).image, need(so_far.adapt).beacon
    started = ctx.clock.monotonic()
    instance = _start(ctx, plan, site, image)
    resource = Resource(ResourceKind.INSTANCE, instance)
    ctx.ledger.running(resource, deadline=_START_DEADLINE, label="start of the trial instance")

    def probe() -> tuple[dict[str, str], str] | None:
        console = ctx.cloud.instances.console(instance)
        facts = read_beacon(console, token)
        if facts is None:
            trouble = panic(console) or _halt(ctx, resource)
            if trouble:
                raise VerifyError(trouble, subject=image, hint=_hint(ctx))
            return None
        return facts, console

    facts, console = ctx.waiter.until(
        probe, deadline=_BEACON_DEADLINE, what=f"boot of trial instance {instance} from {image}"
    )
    problems = judge(facts, plan, signoff.read(baseline_file(ctx)))
    _end_trial(ctx, instance)
    proof = BootProof(
        instance_id=instance,
        kept=ctx.settings.keep_trial and not ctx.journal.state.rehearsal,
        beacon=True,
        seconds=ctx.clock.monotonic() - started,
        facts=facts,
        problems=tuple(problems),
        console=console[-_CONSOLE_TAIL:],
    )
    for problem in proof.problems:
        ctx.note(f"Trial instance: {problem}", "warning")
    return proof


def _end_trial(ctx: Context, instance: str) -> None:
    """Release it, or leave it to the user with the network it stands in."""
    if not ctx.settings.keep_trial or ctx.journal.state.rehearsal:
        ctx.ledger.release_role(role(ctx.journal.state, TRIAL))
        return
    ctx.cloud.instances.renew(instance, 0)
    for name in (*network.ROLES, TRIAL):
        ctx.ledger.hand_over(name)


def _halt(ctx: Context, instance: Resource) -> str:
    state = ctx.cloud.state(instance)
    stands = state is None or state.phase in {Phase.STOPPED, Phase.STOPPING}
    return f"the trial instance {instance.id} stopped before it had booted" if stands else ""


def _start(ctx: Context, plan: MigrationPlan, site: Site, image: str) -> str:
    name = role(ctx.journal.state, TRIAL)
    return buy(ctx, name, beside(ctx, site), lambda p: _order(ctx, plan, site, image, p))


def _order(ctx: Context, plan: MigrationPlan, site: Site, image: str, placement: Placement) -> str:
    def make(token: str, agreed: Mapping[str, Any]) -> str:
        spec = InstanceSpec(
            name=TRIAL_NAME,
            image=agreed["image"],
            placement=placement,
            vswitch=site.vswitch,
            security_group=site.security_group,
            system_gib=plan.disks[0].size_gib,
            release_at=agreed["release_at"],
            bandwidth_mbps=0,
            tags=ctx.ledger.tags,
        )
        return ctx.cloud.instances.run(spec, token=token)

    params = {"image": image, "release_at": release_time(ctx)}
    name = role(ctx.journal.state, TRIAL)
    return ctx.ledger.ensure(name, ResourceKind.INSTANCE, make, params)


def _hint(ctx: Context) -> str:
    return (
        "The image and everything else is kept. Read its console in the ECS console or with"
        f" 'hostlift data show'; the edits are under {ctx.workspace.folder / 'edits'}. Rerun to try"
        " the trial again, or 'hostlift data clear' to give up."
    )
