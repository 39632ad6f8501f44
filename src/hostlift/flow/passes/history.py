# SPDX-License-Identifier: Apache-2.0
"""The passes in the journal: written as they end, read by steps, reports and the forecast.

A pass belongs to the instance it filled; those of an instance that is gone tell nothing.
"""

from __future__ import annotations

from dataclasses import asdict, fields

from hostlift.flow.journal import Journal, Record, State
from hostlift.flow.passes.forecast import FreezeForecast, forecast
from hostlift.flow.results import Pass

_FIELDS = tuple(f.name for f in fields(Pass))


def passes_on(state: State, instance: str) -> tuple[Pass, ...]:
    """All passes onto the disks of ``instance``, oldest first."""
    return tuple(
        Pass(**{name: body[name] for name in _FIELDS})
        for body in state.passes
        if body["instance"] == instance
    )


def note_pass(journal: Journal, instance: str, one: Pass, limit: int) -> FreezeForecast | None:
    """Write down a pass, with the forecast that it allows.

    Args:
        limit: KB/s that may be sent now, 0 for no limit.
    """
    ended = one.started + one.seconds
    foreseen = forecast((*passes_on(journal.state, instance), one), now=ended, limit=limit)
    journal.append(
        Record.COPIED,
        instance=instance,
        **asdict(one),
        forecast=asdict(foreseen) if foreseen else None,
    )
    return foreseen
