# SPDX-License-Identifier: Apache-2.0
"""Names what never goes quiet while a pass runs, when the user wishes to know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hostlift.flow.context import Context
from hostlift.model.plan import MigrationPlan
from hostlift.replicate.changes.heat import Hot, heat
from hostlift.verify.compare import show_path

_SHOWN = 5
_LEAST_SECONDS = 3
"""A file that changed in fewer different seconds is not worth a word."""


@contextmanager
def unrest_told(ctx: Context, plan: MigrationPlan) -> Iterator[None]:
    """At the end of the block, note the files that changed most often in it, and who did it."""
    if not (ctx.live and ctx.settings.heat_map):
        yield
        return
    roots = [ctx.source_root / tree.path.lstrip("/") for v in plan.volumes for tree in v.trees]
    with heat(roots, ctx.clock) as found:
        yield
    for hot in found.hottest(_SHOWN):
        if hot.seconds >= _LEAST_SECONDS:
            ctx.note(line(hot))


def line(hot: Hot) -> str:
    """A hot file for a person."""
    writers = ", ".join(f"{w.name} ({w.pid})" for w in hot.processes) or "nobody who is still there"
    return f"never quiet: {show_path(hot.path)}, changed in {hot.seconds} seconds, by {writers}"
