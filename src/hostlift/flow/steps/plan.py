# SPDX-License-Identifier: Apache-2.0
"""Step 2: decide everything, show it, ask once. Changes nothing."""

from __future__ import annotations

from hostlift.errors import ConfigError, WaitingForUser
from hostlift.flow.before.planning import make_plan
from hostlift.flow.context import Context
from hostlift.flow.results import Approved, Results, need
from hostlift.model.plan import MigrationPlan
from hostlift.settings import excludes
from hostlift.settings.user_config import CHANGEABLE


class Plan:
    """See the module."""

    name = "plan"
    title = "Plan the migration"
    result = Approved
    stands_alone = False

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """The source and the wishes, without secrets."""
        disks = tuple(disk.data_disk_index for disk in ctx.settings.data_disks)
        secrets = {"access_id", "secret_key"}
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
        plan = make_plan(ctx.settings, ctx.workspace, ctx.source_root, need(so_far.inspect))
        self._refuse_new_sizes(ctx, plan)
        for warning in plan.warnings:
            ctx.note(warning, "warning")
        if not ctx.confirm(plan):
            raise WaitingForUser("the plan was not accepted; nothing was created")
        return Approved(plan=plan)

    def _refuse_new_sizes(self, ctx: Context, plan: MigrationPlan) -> None:
        held = ctx.journal.state.latest("intermediate")
        if held is None:
            return
        agreed = list(held.params.get("sizes", []))
        wanted = [disk.size_gib for disk in plan.disks]
        if agreed and agreed != wanted:
            raise ConfigError(
                f"disk sizes cannot change from {agreed} to {wanted} GiB: the intermediate instance"
                " already has disks of the first sizes",
                subject="system_disk_size, data_disks",
                hint="Put the sizes back, or run 'hostlift data clear' (go2aliyun_client --cleardata)"
                " and start again.",
            )
