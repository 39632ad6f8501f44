# SPDX-License-Identifier: Apache-2.0
"""The engine: what is skipped, what runs again, and what is journaled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.clock import FakeClock

from hostlift.errors import HostliftError, StateError
from hostlift.events import Event, StepFinished
from hostlift.flow import engine
from hostlift.flow.context import Context
from hostlift.flow.journal import Journal, Record, open_journal
from hostlift.flow.results import Captured, Cleaned, Results, Verified
from hostlift.flow.waiting import Waiter


@dataclass
class Fake:
    """A step that counts its runs."""

    name: str
    result: type[Any]
    value: Any
    title: str = "fake"
    stands_alone: bool = False
    wish: object = "same"
    world_ok: bool = True
    error: Exception | None = None
    runs: int = 0
    seen: list[object] = field(default_factory=list)

    def inputs(self, _ctx: Context, _so_far: Results) -> object:
        return self.wish

    def holds(self, _ctx: Context, _so_far: Results, _result: Any) -> bool:
        return self.world_ok

    def run(self, _ctx: Context, _so_far: Results) -> Any:
        self.runs += 1
        if self.error:
            raise self.error
        return self.value


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path / "db", FakeClock()) as opened:
        opened.append(Record.MIGRATION, id="m-1")
        yield opened


def context(journal: Journal, events: list[Event]) -> Context:
    clock = FakeClock()
    waiter = Waiter(clock, events.append, threading.Event())
    bare = SimpleNamespace(journal=journal, clock=clock, sink=events.append, waiter=waiter)
    return cast("Context", bare)


def story() -> tuple[Fake, Fake, Fake]:
    return (
        Fake("capture", Captured, Captured(image="m-1", snapshots=("s-1",))),
        Fake("verify", Verified, Verified(receipt_file="r.json", boot=None)),
        Fake("clean_up", Cleaned, Cleaned(released=("vpc v-1",))),
    )


def test_a_finished_story_told_again_runs_nothing(journal: Journal) -> None:
    """Same inputs and a world that holds: every step is skipped, results are the same."""
    steps, events = story(), list[Event]()
    first = engine.tell(steps, context(journal, events))
    events.clear()
    assert engine.tell(steps, context(journal, events)) == first
    assert [s.runs for s in steps] == [1, 1, 1]
    assert all(isinstance(e, StepFinished) and e.skipped for e in events)


def test_changed_inputs_run_the_step_again(journal: Journal) -> None:
    """Resume skips only on equal fingerprints."""
    steps = story()
    engine.tell(steps, context(journal, []))
    steps[1].wish = "another"
    engine.tell(steps, context(journal, []))
    assert [s.runs for s in steps] == [1, 2, 1]


def test_a_step_whose_world_is_gone_runs_again(journal: Journal) -> None:
    """A deleted instance is noticed although the journal says done."""
    steps = story()
    engine.tell(steps, context(journal, []))
    steps[1].world_ok = False
    engine.tell(steps, context(journal, []))
    assert [s.runs for s in steps] == [1, 2, 1]


def test_a_result_that_stands_alone_needs_nothing_before_it(journal: Journal) -> None:
    """Once the image exists, a released instance is not made again."""
    steps = story()
    engine.tell(steps, context(journal, []))
    steps[1].stands_alone = True
    steps[0].world_ok = False
    results = engine.tell(steps, context(journal, []))
    assert [s.runs for s in steps] == [1, 1, 1]
    assert results.capture == steps[0].value


def test_a_failure_is_journaled_and_the_next_run_continues_there(journal: Journal) -> None:
    """Steps before the failure are not repeated."""
    steps = story()
    steps[1].error = HostliftError("no luck")
    with pytest.raises(HostliftError, match="no luck"):
        engine.tell(steps, context(journal, []))
    assert journal.state.failure == "verify: no luck"
    steps[1].error = None
    engine.tell(steps, context(journal, []))
    assert [s.runs for s in steps] == [1, 2, 1]


def test_a_result_of_another_version_is_refused(journal: Journal) -> None:
    """A journal that cannot be understood ends in a clear error, not in a wrong skip."""
    steps = story()
    mark = engine.fingerprint("same")
    journal.append(Record.DONE, step="capture", fingerprint=mark, result='{"old": 1}')
    with pytest.raises(StateError, match="capture"):
        engine.tell(steps, context(journal, []))
