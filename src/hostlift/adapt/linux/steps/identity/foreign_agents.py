# SPDX-License-Identifier: Apache-2.0
"""Agents of other hypervisors and clouds: kept off, not removed; that needs no network and is undone."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found import init_systems
from hostlift.model import agents

_WHY = "an agent of another cloud or hypervisor"


def apply(bench: Bench, edit: Editor) -> None:
    """Keep those that are there from starting, with whatever starts services."""
    init_systems.keep_off(bench.tree, edit, agents.is_foreign, _WHY)
    for schedule in (path for agent in agents.FOREIGN for path in agent.schedules):
        edit.remove(schedule, f"{_WHY}: cron would start it again")


def check(bench: Bench) -> Iterator[str]:
    """None of them starts with the copy."""
    for service in init_systems.started(bench.tree):
        if agents.is_foreign(service):
            yield f"{service} still starts with the copy"


STEP = Step(
    "foreign-agents", "Keep agents of other clouds and hypervisors from starting.", apply, check
)
