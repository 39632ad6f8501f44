# SPDX-License-Identifier: Apache-2.0
"""The dead man's switch: instances live only while a client renews them.

Between the passes of a `sync` no client runs: the intermediate instance is then promised a longer
life, once, and the promise is journaled. A killed client leaves two hours, as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from hostlift.errors import CostCeiling, HostliftError, Retry
from hostlift.flow.context import Context
from hostlift.flow.journal import LIFE_SECONDS, TRIAL, Held, Holding, Record
from hostlift.ports.cloud import ResourceKind

_PERIOD = 600.0
_HOUR = 3600.0


@contextmanager
def kept_alive(ctx: Context, *, hours_after: int = 0) -> Iterator[None]:
    """Renew the automatic release of our instances while the block runs.

    Args:
        hours_after: How long the intermediate instance lives on after the block, whether it ended
            well or with an error of ours; 0: as long as the last renewal says.
    """
    over = threading.Event()
    thread = threading.Thread(target=_renew_until, args=(ctx, over), name="keepalive", daemon=True)
    thread.start()
    try:
        yield
    except CostCeiling:
        raise  # a longer life would only cost more
    except HostliftError:
        _promise(ctx, hours_after)
        raise
    else:
        _promise(ctx, hours_after)
    finally:
        over.set()
        thread.join(timeout=30)


def release_time(ctx: Context) -> float:
    """The automatic release of an instance that is started or renewed now: no promise is broken."""
    return max(ctx.clock.now() + LIFE_SECONDS, ctx.journal.state.kept_until)


def _promise(ctx: Context, hours: int) -> None:
    held = ctx.journal.state.latest("intermediate")
    if not hours or held is None or held.life is not Holding.HELD:
        return
    until = max(ctx.clock.now() + hours * _HOUR, ctx.journal.state.kept_until)
    words = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"
    try:
        ctx.cloud.instances.renew(held.id, until)
    except HostliftError as error:
        ctx.note(f"the life of {held.id} could not be made longer: {error}", "warning")
        return
    ctx.journal.append(Record.KEPT, until=until)
    ctx.note(
        f"The intermediate instance {held.id} lives until {words} and is billed; go on before then,"
        " or the copy starts over."
    )


def _renew_until(ctx: Context, over: threading.Event) -> None:
    told = False
    while not over.wait(_PERIOD):
        for held in _instances(ctx):
            try:
                ctx.cloud.instances.renew(held.id, release_time(ctx))
            except HostliftError as error:
                # A missed renewal is made up by the next; the switch leaves room for eleven.
                if error.retry is Retry.NEVER and not told:
                    told = True
                    ctx.note(f"the life of {held.id} cannot be made longer: {error}", "warning")


def _instances(ctx: Context) -> list[Held]:
    live = ctx.journal.state.live()
    ours = [h for h in live if h.kind is ResourceKind.INSTANCE and h.life is Holding.HELD]
    # A trial that will be the user's loses its release time for good when it has booted.
    return [h for h in ours if not (h.role == TRIAL and ctx.settings.keep_trial)]
