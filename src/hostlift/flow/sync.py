# SPDX-License-Identifier: Apache-2.0
"""Warm passes while the source serves: once, or again and again until Ctrl-C.

A round is journaled like a step, but is none: any number of them may come before the cutover, which
continues from what they left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from hostlift.errors import HostliftError, Interrupted, Retry, StateError
from hostlift.events import StepFinished, StepStarted
from hostlift.flow.context import Context
from hostlift.flow.copier import copier_at
from hostlift.flow.growth import with_room
from hostlift.flow.journal import SYNC, Record
from hostlift.flow.results import Results, Site, need
from hostlift.model.plan import MigrationPlan
from hostlift.model.quantity import duration


def require_open(ctx: Context) -> None:
    """Refuse to begin passes for a migration that is finished, or is carried by hand.

    Raises:
        StateError: It is.
    """
    if ctx.settings.net_mode == 1:
        raise StateError(
            "net_mode 1 has no passes beforehand and no rehearsal",
            subject="net_mode",
            hint="Run 'hostlift migrate' in each of its three stages.",
        )
    if ctx.journal.state.finished:
        raise StateError(
            "this migration is finished",
            subject="client_data",
            hint="Run 'hostlift data clear' to begin another one; the image stays.",
        )


def sync_once(ctx: Context, so_far: Results) -> None:
    """Passes until the next would hardly be smaller; each is told, with the forecast."""
    before = ctx.clock.monotonic()
    ctx.sink(StepStarted(SYNC, "Copy while the source serves"))
    ctx.journal.append(Record.STARTED, step=SYNC, fingerprint="")
    try:
        with_room(ctx, so_far, lambda plan: _warm(ctx, plan, need(so_far.provision)))
    except HostliftError as error:
        ctx.journal.append(Record.FAILED, step=SYNC, code=error.code, message=str(error))
        raise
    ctx.sink(StepFinished(SYNC, ctx.clock.monotonic() - before))


def _warm(ctx: Context, plan: MigrationPlan, site: Site) -> None:
    with copier_at(ctx, plan, site) as copier:
        copier.tells = True
        copier.warm()


def repeat(ctx: Context, once: Callable[[], None], every: float) -> None:
    """Call ``once``; with ``every``, begin it again after so many seconds until Ctrl-C.

    Ctrl-C between two rounds is the end; within one it is an interruption, as ever. An error that
    passes by itself only costs the round.
    """
    while True:
        begun = ctx.clock.monotonic()
        try:
            once()
        except HostliftError as error:
            if not every or error.retry is not Retry.RETRY:
                raise
            ctx.note(f"{error}; trying again with the next round", "warning")
        if not every:
            return
        wait = max(0.0, begun + every - ctx.clock.monotonic())
        at = datetime.fromtimestamp(ctx.clock.now() + wait, UTC)
        ctx.note(f"next round at {at:%Y-%m-%d %H:%M:%S} UTC, in {duration(wait)}; Ctrl-C ends")
        try:
            ctx.waiter.pause(wait)
        except Interrupted:
            return
