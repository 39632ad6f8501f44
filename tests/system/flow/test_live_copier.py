# SPDX-License-Identifier: Apache-2.0
"""The passes of a live source: they give way while it serves, and not while it stands still.

Only a control group of the test's own is ever frozen.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from builders import a_plan
from fakes.agents import FolderAgent
from fakes.cgroups import private_group, writer

from hostlift.events import Event, Progress
from hostlift.flow.context import Agent, Context
from hostlift.flow.copier import Copier
from hostlift.flow.journal import Record, open_journal
from hostlift.flow.passes.history import passes_on
from hostlift.flow.passes.limits import Limits
from hostlift.flow.waiting import Waiter
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.model.plan import SourceTree, Volume
from hostlift.replicate import held
from hostlift.replicate.freeze import FreezePlan
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.source import SourceVolume, TreeRoot
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings

pytestmark = pytest.mark.root
HOOK = """#!/bin/sh
[ "$1" = check ] && echo '{"actions": ["pre-pass", "freeze", "thaw", "cutover"]}'
echo "$1" >>"$(dirname "$0")/../said"
"""


class Scoped(Copier):
    """Freezes nobody but the test's own group."""

    scope: Path

    def _freeze_plan(self) -> FreezePlan:
        return replace(Copier._freeze_plan(self), scope=self.scope)


@dataclass
class Live:
    """A source that is written to all the time, and a copier for it."""

    copier: Scoped
    context: Context
    nice: dict[bool, set[int]] = field(default_factory=lambda: {True: set(), False: set()})
    finishing: bool = False

    def hear(self, event: Event) -> None:
        """The scan tells its progress from the thread that the streams are started by."""
        if isinstance(event, Progress) and event.label == "scan":
            self.nice[self.finishing].add(os.getpriority(os.PRIO_PROCESS, 0))


def closed_now(now: float) -> str:
    """A window that opens in two hours."""
    hour = time.localtime(now).tm_hour
    return f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "still").write_bytes(os.urandom(20_000))
    (target / "v").mkdir(parents=True)
    workspace = Workspace(tmp_path / "workspace")
    workspace.ensure()
    hook = workspace.hooks / "10-test"
    hook.write_text(HOOK)
    hook.chmod(0o700)
    clock, heard = SystemClock(), list[Live]()

    def sink(event: Event) -> None:
        heard[0].hear(event)

    volume = Volume(
        id="v",
        disk=0,
        partition=1,
        mount_point="/",
        file_system="ext4",
        trees=(SourceTree(path="/"),),
    )
    with ExitStack() as stack:
        group = stack.enter_context(private_group("copier"))
        stack.enter_context(writer(group / "service", source / "log"))
        deadline = clock.monotonic() + 20
        while not (source / "log").exists():
            assert clock.monotonic() < deadline
            clock.sleep(0.01)
        journal = stack.enter_context(open_journal(workspace.database, clock))
        journal.append(Record.MIGRATION, id="m-1")
        manifest = stack.enter_context(Manifest.open(workspace.database))
        manifest.bind("v", str(target))
        settings = Settings(
            freeze_limit=60, bandwidth_window=closed_now(clock.now()), bandwidth_limit_outside=5
        )
        bare = SimpleNamespace(
            settings=settings,
            workspace=workspace,
            live=True,
            migration="m-1",
            journal=journal,
            clock=clock,
            commands=SystemCommands(),
            sink=sink,
            note=lambda _text, _level="info": None,
            waiter=Waiter(clock, sink, threading.Event()),
        )
        context = cast("Context", bare)
        copier = Scoped(
            context,
            replace(a_plan(), volumes=(volume,), workload_hooks=()),
            cast("Agent", FolderAgent(target)),
            manifest,
            (SourceVolume("v", (TreeRoot(source),), ()),),
            instance="i-1",
            limits=Limits(workspace.user_config, settings, clock, sink),
        )
        copier.scope = group
        heard.append(Live(copier, context))
        yield heard[0]


def test_the_last_pass_is_one_point_in_time_at_full_priority(live: Live) -> None:
    """A file that grows each millisecond is equal on both sides; warm passes ran at nice 10."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    warm = live.copier.warm()
    assert warm[0].files >= 3
    live.finishing = True
    (last,), (receipt,) = live.copier.finish()
    assert receipt.source_root == receipt.target_root
    assert last.freeze_seconds > last.seconds
    assert live.nice == {False: {10}, True: {before}}
    assert live.copier.frozen_services == 1
    assert warm[0].seconds > 2, "5 KB/s outside of the window"
    assert last.seconds < 2, "no window slows a freeze"
    assert passes_on(live.context.journal.state, "i-1") == (*warm, last)


def test_hooks_are_called_around_the_passes_of_a_cutover(live: Live, tmp_path: Path) -> None:
    """Before each warm pass, around the freeze, and at the end of a move that is not taken back."""
    warm = live.copier.warm()
    live.copier.finish()
    live.copier.cut_over()
    said = (tmp_path / "workspace/said").read_text().split()
    assert [word for word in said if word != "check"] == [
        *["pre-pass"] * len(warm),
        "freeze",
        "thaw",
        "cutover",
    ]


def test_a_sync_leaves_the_services_alone(live: Live, tmp_path: Path) -> None:
    """No hook: every quarter of an hour a database would write out what it has in memory."""
    live.copier.tells = True
    live.copier.warm()
    assert not (tmp_path / "workspace/said").exists()


def test_writers_stay_frozen_after_a_cutover_on_request(live: Live) -> None:
    """`cutover --hold`: what the copy does not have is not written either, until thaw."""
    log = live.copier.sources[0].trees[0].path / "log"
    wishes = live.context.settings.model_copy(update={"hold_hours": 1})
    live.context.settings = wishes
    live.copier.warm()
    live.copier.finish()
    before = log.read_bytes()
    now = held.held(live.context.workspace.frozen)
    assert now is not None
    assert abs(now.until - live.context.clock.now() - 3600) < 60
    assert log.read_bytes() == before
    live.copier.let_go()
    assert held.held(live.context.workspace.frozen) is None
    deadline = time.monotonic() + 20
    while log.read_bytes() == before:
        assert time.monotonic() < deadline


def test_a_cutover_that_fails_holds_nothing(live: Live) -> None:
    """The source serves until a copy was proved."""
    live.context.settings = live.context.settings.model_copy(update={"hold_hours": 1})
    file = live.context.workspace.frozen
    live.copier._final()
    assert held.held(file) is not None
    with pytest.raises(KeyError), live.copier.letting_go():
        raise KeyError
    assert held.held(file) is None


def test_a_rehearsal_never_holds(live: Live) -> None:
    """It is for practice: the server goes on."""
    live.context.settings = live.context.settings.model_copy(update={"hold_hours": 1})
    live.context.journal.append(Record.REHEARSAL, number=1)
    live.copier._final()
    assert held.held(live.context.workspace.frozen) is None
