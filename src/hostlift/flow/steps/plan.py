# SPDX-License-Identifier: Apache-2.0
"""Step 2: decide everything, show it, ask once. Changes nothing."""

from __future__ import annotations

from dataclasses import replace

from hostlift.errors import ConfigError, WaitingForUser
from hostlift.flow.before.estimate import asked_tariff, refuse_dear, with_cost
from hostlift.flow.before.planning import make_plan
from hostlift.flow.context import Context
from hostlift.flow.journal import Holding
from hostlift.flow.results import Approved, Results, need
from hostlift.flow.site import target
from hostlift.model.plan import MigrationPlan
from hostlift.settings import excludes
from hostlift.settings.rules import CHOOSE
from hostlift.settings.user_config import CHANGEABLE, Settings


class Plan:
    """See the module."""

    name = "plan"
    title = "Plan the migration"
    result = Approved
    stands_alone = False

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """The source and the wishes, without secrets."""
        disks = tuple(disk.data_disk_index for disk in ctx.settings.data_disks)
        secrets = {"access_id", "secret_key", "proxy"}
        wishes = ctx.settings.model_dump(mode="json", exclude=secrets | CHANGEABLE)
        return {
            "machine": repr(need(so_far.inspect).machine),
            "wishes": wishes,
            "excludes": repr(excludes.read(ctx.workspace.excludes, disks)),
        }

    def holds(self, ctx: Context, _so_far: Results, _result: Approved) -> bool:
        """An approved plan stays approved once something was made for it."""
        return bool(ctx.journal.state.held)

    def run(self, ctx: Context, so_far: Results) -> Approved:
        """Plan and ask."""
        agreed = _agreed_sizes(ctx)
        wishes = _as_agreed(ctx.settings, agreed)
        plan = make_plan(wishes, ctx.workspace, ctx.source_root, need(so_far.inspect))
        _refuse_new_sizes(agreed, plan)
        tariff = asked_tariff(ctx.cloud, ctx.settings, plan)
        plan = replace(plan, erases=target.erasure(ctx.cloud, ctx.settings, plan))
        plan = with_cost(plan, tariff, trial=ctx.settings.trial)
        refuse_dear(plan, ctx.settings.max_cost)
        for warning in plan.warnings:
            ctx.note(warning, "warning")
        if not ctx.confirm(plan):
            raise WaitingForUser("the plan was not accepted; nothing was created")
        return Approved(plan=plan)


def _agreed_sizes(ctx: Context) -> list[int]:
    """Sizes in GiB of the disks that the intermediate instance has; empty when there is none."""
    held = ctx.journal.state.latest("intermediate")
    if held is None or held.life is Holding.GONE:
        return []
    if held.life is Holding.HELD and ctx.cloud.state(held.resource) is None:
        return []
    return list(held.params.get("sizes", []))


def _as_agreed(wishes: Settings, agreed: list[int]) -> Settings:
    """What was left to hostlift was decided when the disks were made."""
    disks = sorted(wishes.data_disks, key=lambda d: d.data_disk_index)
    if len(agreed) != 1 + len(disks):
        return wishes
    chosen = {d.data_disk_index: size for d, size in zip(disks, agreed[1:], strict=True)}
    kept = tuple(
        d.model_copy(update={"data_disk_size": chosen[d.data_disk_index]})
        if d.data_disk_size in CHOOSE
        else d
        for d in wishes.data_disks
    )
    system = agreed[0] if wishes.system_disk_size in CHOOSE else wishes.system_disk_size
    return wishes.model_copy(update={"system_disk_size": system, "data_disks": kept})


def _refuse_new_sizes(agreed: list[int], plan: MigrationPlan) -> None:
    """FAQ 9: once the intermediate instance exists, its disks are what they are."""
    wanted = [disk.size_gib for disk in plan.disks]
    if agreed and agreed != wanted:
        raise ConfigError(
            f"disk sizes cannot change from {agreed} to {wanted} GiB: the intermediate instance"
            " was made with disks of the first sizes",
            subject="system_disk_size, data_disks",
            hint="Put the sizes back. To use others, clear client_data first ('hostlift data clear',"
            " or go2aliyun_client --cleardata), then migrate again from the start.",
        )
