# SPDX-License-Identifier: Apache-2.0
"""The dead man's switch: instances live only while a client renews them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hostlift.errors import HostliftError
from hostlift.flow.context import Context
from hostlift.flow.journal import Holding
from hostlift.ports.cloud import ResourceKind

LIFE_SECONDS = 2 * 3600.0
"""How long an instance outlives its client."""
_PERIOD = 600.0


@contextmanager
def kept_alive(ctx: Context) -> Iterator[None]:
    """Renew the automatic release of our instances while the block runs."""
    over = threading.Event()
    thread = threading.Thread(target=_renew_until, args=(ctx, over), name="keepalive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=30)


def release_time(ctx: Context) -> float:
    """The automatic release of an instance that is started now."""
    return ctx.clock.now() + LIFE_SECONDS


def _renew_until(ctx: Context, over: threading.Event) -> None:
    while not over.wait(_PERIOD):
        for held in ctx.journal.state.live():
            if held.kind is ResourceKind.INSTANCE and held.life is Holding.HELD:
                # A missed renewal is made up by the next; the switch leaves room for eleven.
                with suppress(HostliftError):
                    ctx.cloud.renew(held.id, release_time(ctx))
