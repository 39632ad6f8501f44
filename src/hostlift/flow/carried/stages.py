# SPDX-License-Identifier: Apache-2.0
"""``net_mode`` 1: a source that reaches nothing but the VPC. The story is told in two places.

    1  machine A, online     provision                             no look at the source
       -- the folder is carried to the source --
    2  the source            inspect, plan, replicate, adapt       no call of the API
       -- the folder is carried back --
    3  machine A, online     capture, verify, deliver, clean_up    no look at the source

The journal is carried along and says which stage is next. What was told elsewhere is taken as it is
written there. Each stage may be killed and run again where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from hostlift.errors import ConfigError
from hostlift.flow import engine
from hostlift.flow.context import Context
from hostlift.flow.engine import Step
from hostlift.flow.journal import CAPTURING, COPYING, PROVISIONING, Record, State
from hostlift.flow.keepalive import kept_alive
from hostlift.flow.results import HandOver, Results
from hostlift.flow.spending import capped

_STEPS: Final = {
    PROVISIONING: frozenset({"provision"}),
    COPYING: frozenset({"inspect", "plan", "replicate", "adapt"}),
    CAPTURING: frozenset({"capture", "verify", "deliver", "clean_up"}),
}


def tell(ctx: Context, story: Sequence[Step[Any]]) -> Results | HandOver:
    """The next stage; the results when it was the last.

    Raises:
        ConfigError: It cannot be told on this machine.
    """
    state = ctx.journal.state
    if state.finished:
        return engine.recall(story, ctx.journal)
    stage = state.stage
    here = _machine(ctx)
    _refuse_machine(state, stage, here)
    if stage == COPYING:
        with capped(ctx):
            results = _tell(ctx, story, stage)
    else:
        with kept_alive(ctx, hours_after=_hours(ctx, stage)), capped(ctx):
            results = engine.retold(ctx, lambda: _tell(ctx, story, stage))
    if stage == CAPTURING:
        ctx.journal.append(Record.FINISHED)
        ctx.note("Stage 3 Is Done!")
        return results
    ctx.journal.append(Record.STAGE, number=stage, machine=here)
    return HandOver(stage=stage, folder=str(ctx.workspace.folder), lives_until=state.kept_until)


def _tell(ctx: Context, story: Sequence[Step[Any]], stage: int) -> Results:
    told_before = frozenset().union(*(_STEPS[n] for n in _STEPS if n < stage))
    told_here = [step for step in story if step.name in told_before | _STEPS[stage]]
    return engine.tell(told_here, ctx, taken=told_before)


def _hours(ctx: Context, stage: int) -> int:
    return ctx.settings.carry_hours if stage == PROVISIONING else 0


def _machine(ctx: Context) -> str:
    """A word for this machine that tells nothing about it; empty when it has no id."""
    try:
        text = (ctx.source_root / "etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(f"{ctx.migration}/{text}".encode()).hexdigest()[:16] if text else ""


def _refuse_machine(state: State, stage: int, here: str) -> None:
    """Stage 2 copies the machine it runs on: that must not be machine A, nor stage 3's the source."""
    before = state.stages.get(stage - 1, "")
    if stage == PROVISIONING or not here or here != before:
        return
    if stage == COPYING:
        text = "stage 1 is done on this machine; stage 2 copies the machine it runs on"
        hint = "Carry the whole folder to the source and run the same command there."
    else:
        text = "stage 2 is done on this machine, which has no way to the API"
        hint = "Carry the whole folder back to the machine of stage 1 and run the command there."
    raise ConfigError(text, subject="net_mode", hint=hint)
