# SPDX-License-Identifier: Apache-2.0
"""Whole stories over a cloud in memory and agents in folders, stopped wherever a test wishes."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from builders import a_machine
from fakes.agents import ADAPTED, SPOILED, FolderAgents
from fakes.clock import FakeClock
from fakes.cloud import MemoryCloud
from fakes.commands import ScriptedCommands

from hostlift.adapt.ledger import Ledger as EditLedger
from hostlift.adapt.ledger import backup_name
from hostlift.events import Event, Note, discard
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.journal import Record, State, open_journal
from hostlift.flow.ledger import Ledger
from hostlift.flow.results import Inspection, Results
from hostlift.flow.steps.adapt import beacon_token
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import Cloud, ResourceKind
from hostlift.ports.instances import InstanceSpec
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings

MIGRATION = "m-1"


class Crash(BaseException):
    """The process is gone; nothing catches this."""


@dataclass
class Countdown:
    """Crashes at the n-th call; never when n is 0."""

    at: int
    calls: int = 0

    def tick(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Crash


class CrashingClock(FakeClock):
    """The journal asks for the time right before it writes: a crash here loses the record."""

    def __init__(self, clock: FakeClock, countdown: Countdown) -> None:
        super().__init__()
        self.clock, self.countdown = clock, countdown

    def now(self) -> float:
        self.countdown.tick()
        return self.clock.now()


class RecordedInspect:
    """Step 1 from a recording: the source of these tests is a folder, not a server."""

    name, title, result, stands_alone = "inspect", "Inspect", Inspection, False

    def inputs(self, _ctx: Context, _so_far: Results) -> object:
        return "recorded"

    def holds(self, _ctx: Context, _so_far: Results, _result: Inspection) -> bool:
        return True

    def run(self, _ctx: Context, _so_far: Results) -> Inspection:
        return Inspection(machine=a_machine(), findings=())


STORY = (RecordedInspect(), *pipeline.STORY[1:])
Verb = Callable[[Context], Results]


def migrate(ctx: Context) -> Results:
    """``hostlift migrate`` and ``hostlift cutover``."""
    return pipeline.migrate(ctx, STORY)


def sync(ctx: Context) -> Results:
    """``hostlift sync``."""
    return pipeline.sync(ctx, story=STORY)


def rehearse(ctx: Context) -> Results:
    """``hostlift cutover --rehearse``."""
    return pipeline.rehearse(ctx, STORY)


def beacon(migration: str = MIGRATION) -> str:
    """What a trial instance of these stories prints."""
    said = ("begin", "hostname=a", "end")
    return "".join(f"hostlift-beacon {beacon_token(migration)} {s}\n" for s in said)


@dataclass
class Stage(ABC):
    """A source, a cloud, agents and a workspace that outlive the process of the test."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    stop: threading.Event = field(default_factory=threading.Event)
    events: list[Event] = field(default_factory=list)
    on_event: Callable[[Event], None] = discard
    answer: bool = True
    migration: str = MIGRATION
    settings: Settings = field(
        default_factory=lambda: Settings(
            region_id="cn-hangzhou", image_name="result", source_cidr="192.0.2.1/32"
        )
    )

    @abstractmethod
    def the_cloud(self) -> Cloud:
        """What the story is told on."""

    def __post_init__(self) -> None:
        self.agents = FolderAgents(self.folder / "agents")
        self.workspace = Workspace(self.folder / "workspace")
        self.workspace.ensure()
        self.source = self.folder / "source"
        for name in ("etc", "boot", "data", "home/user"):
            (self.source / name).mkdir(parents=True)
        (self.source / "etc/hostname").write_text("source\n")
        (self.source / "etc/issue").write_text("the source's own\n")
        for number in range(30):
            (self.source / f"home/{number}").write_text(str(number))
        (self.source / "boot/vmlinuz").write_bytes(os.urandom(1000))
        (self.source / "data/rows").write_bytes(os.urandom(100_000))

    def change(self, word: str) -> None:
        """The source lives on: something new, something else, something gone."""
        (self.source / "etc/motd").write_text(word)
        (self.source / f"home/user/{word}").write_text(word)
        for old in set((self.source / "home/user").iterdir()) - {self.source / f"home/user/{word}"}:
            old.unlink()
        with (self.source / "data/rows").open("ab") as rows:
            rows.write(os.urandom(1000))

    def run(self, *, after: int = 0, before: int = 0, verb: Verb = migrate) -> Results:
        """One run of the program, killed where wished."""
        return self.run_until(Countdown(after), Countdown(before), verb)

    def run_killed_in(self, step: str, row: int) -> None:
        """A migration, killed before it journals its ``row``-th row of a step, then run again."""
        asked = Countdown(0)

        def begin(event: Event) -> None:
            if getattr(event, "step", "") == step and not asked.at:
                asked.at = asked.calls + row

        self.on_event = begin
        try:
            self.run_until(Countdown(0), asked, migrate)
        except Crash:
            self.run()

    def run_until(self, written: Countdown, asked: Countdown, verb: Verb) -> Results:
        """One run of the program; the countdowns may go on from an earlier one."""
        journal_clock = CrashingClock(self.clock, asked)

        def observe(_state: State) -> None:
            written.tick()

        with open_journal(self.workspace.database, journal_clock, observe) as journal:
            if not journal.state.migration:
                journal.append(Record.MIGRATION, id=self.migration)
            waiter = Waiter(self.clock, self._told, self.stop)
            ctx = Context(
                settings=self.settings,
                workspace=self.workspace,
                source_root=self.source,
                cloud=self.the_cloud(),
                commands=ScriptedCommands(),
                clock=self.clock,
                sink=self._told,
                waiter=waiter,
                journal=journal,
                ledger=Ledger(journal, self.the_cloud(), waiter),
                agents=self.agents,
                confirm=lambda _plan: self.answer,
            )
            return verb(ctx)

    def _told(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def notes(self) -> list[str]:
        """What the user was told, all runs."""
        return [e.text for e in self.events if isinstance(e, Note)]

    def adapted_files(self) -> list[Path]:
        """What the adaptation made on the disks of the last instance."""
        return [p for p in self._target().rglob("*") if p.name == ADAPTED]

    def assert_copied(self, but: tuple[str, ...] = ()) -> None:
        """The disks of the last instance hold the source's files as they are now, and no others."""
        at_source = {p.relative_to(self.source): p for p in self.source.rglob("*") if p.is_file()}
        copies: dict[Path, bytes] = {}
        for volume in self._target().iterdir():
            for path in volume.rglob("*"):
                if path.is_file() and path.name != ADAPTED:
                    inner = path.relative_to(volume)
                    name = inner if (volume / "etc").is_dir() else self._named(inner)
                    copies[name] = path.read_bytes()
        left_out = {Path(name) for name in but}
        assert {n: c for n, c in copies.items() if n not in left_out} == {
            n: p.read_bytes() for n, p in at_source.items() if n not in left_out
        }

    def assert_edits_are_kept(self) -> None:
        """The record of every edit is at home, with what it replaced."""
        folder = self.workspace.receipts / f"{MIGRATION}.ledger"
        book = EditLedger(folder)
        assert {e.path for e in book.edits} == {f"/{ADAPTED}", f"/{SPOILED}"}
        assert all((folder / backup_name(digest)).exists() for digest in book.backups)

    def _named(self, inner: Path) -> Path:
        """A file of another volume than the root's, by where it is in the source."""
        (found,) = [f for f in ("boot", "data") if (self.source / f / inner).exists()]
        return Path(found) / inner

    def _target(self) -> Path:
        return max(self.agents.folder.iterdir(), key=lambda p: p.stat().st_mtime)


@dataclass
class World(Stage):
    """A stage with a cloud in memory."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cloud = MemoryCloud(self.clock)
        self.cloud.on_run = self.boot

    def the_cloud(self) -> Cloud:
        return self.cloud

    def boot(self, instance: str, spec: InstanceSpec) -> None:
        """What an instance says on its console."""
        if spec.name == "hostlift-trial":
            self.cloud.consoles[instance] = beacon()

    def assert_ended_well(self) -> None:
        """One image from one snapshot a disk, the copy under it complete, nothing else."""
        alive = self.cloud.alive()
        kinds = sorted(r.kind.value for r in alive)
        (image,) = [r for r in alive if r.kind is ResourceKind.IMAGE]
        spec = self.cloud.things[image.id].image
        assert spec is not None
        assert kinds == sorted(["image", *["snapshot"] * len(spec.disks)])
        assert self.adapted_files()
        self.assert_edits_are_kept()
        self.assert_copied(but=(SPOILED,))
