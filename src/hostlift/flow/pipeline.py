# SPDX-License-Identifier: Apache-2.0
"""The story of a migration: eight steps, in this order.

    1 inspect     read the source, run the checks                     changes nothing
    2 plan        decide everything, show it, ask once                changes nothing
    3 provision   network, security group, intermediate instance      undone by: release
    4 replicate   full pass, small passes, frozen last pass, re-read  goes with the disks
    5 adapt       make the copy boot on ECS; every edit recorded      replay edits backwards
    6 capture     stop, snapshot, custom image                        delete image, snapshots
    7 verify      receipt; trial instance and its beacon              delete trial instance
    8 clean_up    release all but the image and its snapshots         -

Each step reads the results of those before it, journals what it intends before it does it, and
leaves a result. Killing the process anywhere and calling `migrate` again continues the story.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hostlift.errors import HostliftError, Retry
from hostlift.flow import engine
from hostlift.flow.context import Context
from hostlift.flow.engine import Step
from hostlift.flow.journal import Journal, Record
from hostlift.flow.keepalive import kept_alive
from hostlift.flow.results import Results
from hostlift.flow.steps.adapt import Adapt
from hostlift.flow.steps.capture import Capture
from hostlift.flow.steps.clean_up import CleanUp
from hostlift.flow.steps.inspect import Inspect
from hostlift.flow.steps.plan import Plan
from hostlift.flow.steps.provision import Provision
from hostlift.flow.steps.replicate import Replicate
from hostlift.flow.steps.verify import Verify

STORY: Final[tuple[Step[Any], ...]] = (
    Inspect(),
    Plan(),
    Provision(),
    Replicate(),
    Adapt(),
    Capture(),
    Verify(),
    CleanUp(),
)


_RESETS = 2


def migrate(ctx: Context, story: Sequence[Step[Any]] = STORY) -> Results:
    """The whole story, from wherever an earlier run left it."""
    if ctx.journal.state.finished:
        return results_of(ctx.journal)
    with kept_alive(ctx):
        results = _told(ctx, story)
    ctx.journal.append(Record.FINISHED)
    return results


def _told(ctx: Context, story: Sequence[Step[Any]]) -> Results:
    """Tell the story; what vanished while it was told is noticed by telling it again."""
    for _ in range(_RESETS):
        try:
            return engine.tell(story, ctx)
        except HostliftError as error:
            if error.retry is not Retry.RESET:
                raise
            ctx.note(f"{error}; looking at everything again", "warning")
    return engine.tell(story, ctx)


def results_of(journal: Journal) -> Results:
    """What the journal says, without a look at the world."""
    return engine.recall(STORY, journal)


def give_up(ctx: Context) -> list[str]:
    """Release everything an unfinished migration made; the next one starts afresh."""
    return CleanUp().abandon(ctx)
