# SPDX-License-Identifier: Apache-2.0
"""What was used so far, by the ledger's times, and the ceiling that pauses a migration.

Time in which no client ran counts up to the instance's automatic release. What a killed client did
not write down before is not known: after a `kill -9` in the middle of hours without a journal row
the figure is too low, never too high.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import TypeAdapter

from hostlift.errors import CostCeiling, Interrupted
from hostlift.flow.before.estimate import OWN_SYSTEM_GIB
from hostlift.flow.context import Context
from hostlift.flow.journal import CARRIER, INTERMEDIATE, Held, Holding, Record, State
from hostlift.flow.results import Approved
from hostlift.model.cost import Cost, Use
from hostlift.model.plan import MigrationPlan
from hostlift.ports.cloud import ResourceKind

_PERIOD = 30.0
_HOUR = 3600.0
_ENDING = "clean_up"


def spent(state: State, plan: MigrationPlan, now: float) -> Cost | None:
    """What all instances cost until now, and what stays; None when no tariff was noted.

    Args:
        now: Seconds since 1970.
    """
    estimate = plan.forecast.cost
    if estimate is None:
        return None
    lives = [
        (_hours(held, now), _gib(held, plan))
        for held in list(state.held.values())
        if held.kind is ResourceKind.INSTANCE and held.id
    ]
    use = Use(
        instance_hours=sum(hours for hours, _ in lives),
        disk_gib_hours=sum(hours * gib for hours, gib in lives),
        snapshot_gib=estimate.use.snapshot_gib * _sets_of_snapshots(state),
    )
    return Cost(tariff=estimate.tariff, use=use)


def _hours(held: Held, now: float) -> float:
    end = held.until if held.life is Holding.GONE else now
    return max(0.0, end - held.at - held.idle) / _HOUR


def _gib(held: Held, plan: MigrationPlan) -> int:
    if held.role == CARRIER:
        return plan.disks[0].size_gib
    own = OWN_SYSTEM_GIB if held.role == INTERMEDIATE else 0
    return own + sum(disk.size_gib for disk in plan.disks)


def _sets_of_snapshots(state: State) -> int:
    """One for each image that is kept: each rehearsal's, and the real one's."""
    return sum(
        held.kind is ResourceKind.IMAGE and held.life is Holding.HELD for held in state.live()
    )


def plan_of(state: State) -> MigrationPlan | None:
    """The plan as it was approved, once it was."""
    done = state.done.get("plan")
    return TypeAdapter(Approved).validate_json(done.result).plan if done else None


@contextmanager
def capped(ctx: Context, *, every: float = _PERIOD) -> Iterator[None]:
    """Pause the block, as Ctrl-C does, once the ceiling is reached.

    Giving back is not stopped: it is what ends the cost.

    Args:
        every: Seconds between two looks.

    Raises:
        CostCeiling: It was reached, now or in an earlier run.
    """
    if ctx.journal.state.live():
        ctx.journal.append(Record.OPENED)
    watch = _Watch(ctx)
    watch.look()
    watch.raise_if_reached()
    over = threading.Event()
    thread = threading.Thread(target=watch.until, args=(over, every), name="ceiling", daemon=True)
    thread.start()
    try:
        yield
    except Interrupted:
        watch.raise_if_reached()
        raise
    else:
        watch.raise_if_reached()
    finally:
        over.set()
        thread.join(timeout=30)


class _Watch:
    """Looks every half minute; the plan is in the journal once it was approved."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._reached: Cost | None = None

    def until(self, over: threading.Event, every: float) -> None:
        """Look again and again, until the block is over or the ceiling is reached."""
        while not over.wait(every):
            if self.look():
                self._ctx.waiter.stop.set()
                return

    def look(self) -> bool:
        """Compare once; whether the ceiling is reached."""
        ctx, state = self._ctx, self._ctx.journal.state
        ceiling, plan = ctx.settings.max_cost, plan_of(state)
        if not ceiling or plan is None or state.running == _ENDING:
            return False
        cost = spent(state, plan, ctx.clock.now())
        if cost is not None and cost.total >= ceiling:
            self._reached = cost
        return self._reached is not None

    def raise_if_reached(self) -> None:
        """Say what it came to.

        Raises:
            CostCeiling: The ceiling is reached.
        """
        if self._reached is not None:
            raise CostCeiling(
                f"{self._ctx.settings.max_cost:g} is reached: {self._reached.words[0]}; paused",
                subject="max_cost",
            )
