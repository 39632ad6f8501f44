# SPDX-License-Identifier: Apache-2.0
"""The story of a migration: nine steps, in this order.

    1 inspect     read the source, run the checks                     changes nothing
    2 plan        decide everything, show it, ask once                changes nothing
    3 provision   network, security group, intermediate instance      undone by: release
    4 replicate   full pass, small passes, frozen last pass, re-read  goes with the disks
    5 adapt       make the copy boot on ECS; every edit recorded      replay edits backwards
    6 capture     stop, snapshot, custom image                        delete image, snapshots
    7 verify      receipt; trial instance and its beacon              delete trial instance
    8 deliver     copies, shares, a target server's new disks         delete copies
    9 clean_up    release all but the image and its snapshots         -

Each step reads the results before it, journals what it intends, does it and leaves a result: killed
anywhere, the next `migrate` goes on. `sync` tells it as far as 3 and then makes warm passes only;
`rehearse` as far as 7, keeps its image as an extra and makes the target a plain copy again.
`flow.carried.stages` tells it in two places, for a source that has no way to the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hostlift.flow import engine
from hostlift.flow.context import Context
from hostlift.flow.engine import Step
from hostlift.flow.journal import Journal, Record
from hostlift.flow.keepalive import kept_alive
from hostlift.flow.rehearsal import next_number
from hostlift.flow.reopening import reopen
from hostlift.flow.results import Results, need
from hostlift.flow.spending import capped
from hostlift.flow.steps.adapt import Adapt
from hostlift.flow.steps.capture import Capture
from hostlift.flow.steps.clean_up import CleanUp
from hostlift.flow.steps.deliver import Deliver
from hostlift.flow.steps.inspect import Inspect
from hostlift.flow.steps.plan import Plan
from hostlift.flow.steps.provision import Provision
from hostlift.flow.steps.replicate import Replicate
from hostlift.flow.steps.verify import Verify
from hostlift.flow.sync import repeat, require_open, sync_once

STORY: Final[tuple[Step[Any], ...]] = (
    Inspect(), Plan(), Provision(), Replicate(), Adapt(), Capture(), Verify(), Deliver(), CleanUp()
)  # fmt: skip


def migrate(ctx: Context, story: Sequence[Step[Any]] = STORY) -> Results:
    """The whole story, from wherever an earlier run, sync or rehearsal left it."""
    state = ctx.journal.state
    if state.finished:
        return results_of(ctx.journal)
    hours = ctx.settings.sync_keep_hours if state.kept_until else 0
    with kept_alive(ctx, hours_after=hours), capped(ctx):
        if state.rehearsal:
            ctx.note("A rehearsal did not come to its end; it is given up.", "warning")
            reopen(ctx, engine.recall(story, ctx.journal))
        results = engine.retold(ctx, lambda: engine.tell(story, ctx))
        ctx.journal.append(Record.FINISHED)
    return results


def sync(ctx: Context, *, every: float = 0.0, story: Sequence[Step[Any]] = STORY) -> Results:
    """Warm passes only, asked about once; with ``every`` seconds again and again until Ctrl-C."""
    require_open(ctx)

    def once() -> None:
        reopen(ctx, engine.recall(story, ctx.journal))
        engine.retold(ctx, lambda: sync_once(ctx, engine.tell(story, ctx, until="provision")))

    with kept_alive(ctx, hours_after=ctx.settings.sync_keep_hours), capped(ctx):
        repeat(ctx, once, every)
    return results_of(ctx.journal)


def rehearse(ctx: Context, story: Sequence[Step[Any]] = STORY) -> Results:
    """Everything up to the proof, with an image of its own; then the migration is open again."""
    require_open(ctx)
    with kept_alive(ctx, hours_after=ctx.settings.sync_keep_hours), capped(ctx):
        if not ctx.journal.state.rehearsal:
            reopen(ctx, engine.recall(story, ctx.journal))
            planned = engine.retold(ctx, lambda: engine.tell(story, ctx, until="provision"))
            number = next_number(ctx.cloud, ctx.journal.state, need(planned.plan).plan)
            ctx.journal.append(Record.REHEARSAL, number=number)
        results = engine.retold(ctx, lambda: engine.tell(story, ctx, until="verify"))
        reopen(ctx, engine.recall(story, ctx.journal), proved=True)
    return results


def results_of(journal: Journal) -> Results:
    """What the journal says, without a look at the world."""
    return engine.recall(STORY, journal)


def give_up(ctx: Context, *, delete_image: bool = False) -> list[str]:
    """Release all of an unfinished migration; with ``delete_image`` a finished one's result too."""
    return CleanUp().abandon(ctx, delete_image=delete_image)
