# SPDX-License-Identifier: Apache-2.0
"""Step 1: read the source, run the checks. Changes nothing."""

from __future__ import annotations

from hostlift.errors import CheckBlocked
from hostlift.flow.before.inspection import Look, inspect_source
from hostlift.flow.context import Context
from hostlift.flow.results import Inspection, Results
from hostlift.model.finding import Severity


class Inspect:
    """See the module."""

    name = "inspect"
    title = "Inspect the source"
    result = Inspection
    stands_alone = False

    def inputs(self, ctx: Context, _so_far: Results) -> object:
        """Which system is looked at."""
        return {"root": str(ctx.source_root)}

    def holds(self, ctx: Context, _so_far: Results, _result: Inspection) -> bool:
        """The facts are frozen once something was made for them."""
        return bool(ctx.journal.state.held)

    def run(self, ctx: Context, _so_far: Results) -> Inspection:
        """Survey and check; blockers end the story here."""
        look = Look(
            source_root=ctx.source_root,
            settings=ctx.settings,
            workspace=ctx.workspace,
            commands=ctx.commands,
            clock=ctx.clock,
            cloud=None if ctx.settings.net_mode == 1 else ctx.cloud,
            preflight=True,
            new=not ctx.journal.state.live(),
        )
        inspection = inspect_source(look, ctx.sink)
        blockers = [f for f in inspection.findings if f.severity is Severity.BLOCKER]
        if blockers:
            raise CheckBlocked(
                "; ".join(f"{f.title}: {f.evidence}" if f.evidence else f.title for f in blockers),
                hint=" ".join(f.remedy for f in blockers),
            )
        return inspection
