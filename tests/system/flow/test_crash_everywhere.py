# SPDX-License-Identifier: Apache-2.0
"""Stop after and before every journal record, resume: the same end, and nothing left over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from builders import a_machine
from fakes.agents import ADAPTED, FolderAgents
from fakes.clock import FakeClock
from fakes.cloud import MemoryCloud
from fakes.commands import ScriptedCommands

from hostlift.errors import CloudError, HostliftError
from hostlift.events import discard
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.journal import Record, State, open_journal
from hostlift.flow.ledger import Ledger
from hostlift.flow.results import Inspection, Results
from hostlift.flow.steps.adapt import beacon_token
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import InstanceSpec, ResourceKind
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings

pytestmark = pytest.mark.root


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


@dataclass
class World:
    """A source, a cloud, agents and a workspace that outlive the process of the test."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.cloud = MemoryCloud(self.clock)
        self.cloud.on_run = self._boot
        self.agents = FolderAgents(self.folder / "agents")
        self.workspace = Workspace(self.folder / "workspace")
        self.workspace.ensure()
        self.source = self.folder / "source"
        for name in ("etc", "boot", "data", "home/user"):
            (self.source / name).mkdir(parents=True)
        (self.source / "etc/hostname").write_text("source\n")
        (self.source / "boot/vmlinuz").write_bytes(os.urandom(1000))
        (self.source / "data/rows").write_bytes(os.urandom(100_000))

    def _boot(self, instance: str, spec: InstanceSpec) -> None:
        if spec.name == "hostlift-trial":
            token = self._token
            said = ("begin", "hostname=a", "end")
            self.cloud.consoles[instance] = "".join(f"hostlift-beacon {token} {s}\n" for s in said)

    def run(self, *, after: int = 0, before: int = 0) -> Results:
        """One run of the program, killed where wished."""
        written = Countdown(after)
        journal_clock = CrashingClock(self.clock, Countdown(before))

        def observe(_state: State) -> None:
            written.tick()

        with open_journal(self.workspace.database, journal_clock, observe) as journal:
            if not journal.state.migration:
                journal.append(Record.MIGRATION, id="m-1")
            waiter = Waiter(self.clock, discard, threading.Event())
            ctx = Context(
                settings=Settings(
                    region_id="cn-hangzhou", image_name="result", source_cidr="192.0.2.1/32"
                ),
                workspace=self.workspace,
                source_root=self.source,
                cloud=self.cloud,
                commands=ScriptedCommands(),
                clock=self.clock,
                sink=discard,
                waiter=waiter,
                journal=journal,
                ledger=Ledger(journal, self.cloud, waiter),
                agents=self.agents,
                confirm=lambda _plan: True,
            )
            self._token = _beacon_token()
            return pipeline.migrate(ctx, STORY)

    def assert_ended_well(self) -> None:
        """One image from one snapshot a disk, the copy under it complete, nothing else."""
        alive = self.cloud.alive()
        kinds = sorted(r.kind.value for r in alive)
        (image,) = [r for r in alive if r.kind is ResourceKind.IMAGE]
        spec = self.cloud.things[image.id].image
        assert spec is not None
        assert kinds == sorted(["image", *["snapshot"] * len(spec.disks)])
        root = max(self.agents.folder.iterdir(), key=lambda p: p.stat().st_mtime)
        copies = {p.relative_to(v): p for v in root.iterdir() for p in v.rglob("*") if p.is_file()}
        assert (Path(ADAPTED)) in copies
        for name in ("etc/hostname", "data/rows"):
            found = copies.get(Path(name)) or copies[Path(Path(name).name)]
            assert found.read_bytes() == (self.source / name).read_bytes()


def _beacon_token() -> str:
    return beacon_token("m-1")


def _crash_points(folder: Path, run: Callable[[World, int], object]) -> int:
    points = 0
    while True:
        world = World(folder / str(points))
        try:
            run(world, points + 1)
        except Crash:
            points += 1
            world.run()
            world.assert_ended_well()
            continue
        world.assert_ended_well()
        return points


def test_an_undisturbed_story_leaves_image_and_snapshots_only(tmp_path: Path) -> None:
    """The way things go when nothing goes wrong."""
    world = World(tmp_path)
    results = world.run()
    assert results.verify is not None
    assert results.verify.boot is not None
    world.assert_ended_well()


@pytest.mark.slow
def test_a_crash_after_any_record_ends_in_the_same_image(tmp_path: Path) -> None:
    """What was journaled is not done twice."""
    points = _crash_points(tmp_path, lambda world, n: world.run(after=n))
    assert points > 20


@pytest.mark.slow
def test_a_crash_before_any_record_ends_in_the_same_image(tmp_path: Path) -> None:
    """What was done but not journaled is found again."""
    points = _crash_points(tmp_path, lambda world, n: world.run(before=n))
    assert points > 20


def test_a_released_intermediate_instance_is_made_again(tmp_path: Path) -> None:
    """FAQ 14: nothing has to be cleared by hand."""
    world = World(tmp_path)
    broken = CloudError("no", api_code="InvalidParameter", action="StopInstance")
    world.cloud.fail_next("stop_instance", broken)
    with pytest.raises(CloudError):
        world.run()
    (first,) = [r for r in world.cloud.alive() if r.kind is ResourceKind.INSTANCE]
    world.cloud.lose(first.id)
    world.run()
    world.assert_ended_well()
    assert world.cloud.count("run_instance") == 3


def test_an_instance_that_vanishes_under_way_is_made_again_at_once(tmp_path: Path) -> None:
    """Its deletion was still going on when the run began: no second command is needed."""
    world = World(tmp_path)
    lost: list[str] = []

    def lose(instance: str, spec: InstanceSpec) -> None:
        world._boot(instance, spec)
        if not lost and spec.name != "hostlift-trial":
            lost.append(instance)
            thing = world.cloud.things[instance]
            thing.gone_at = world.clock.now() + 21

    world.cloud.on_run = lose
    world.run()
    world.assert_ended_well()
    assert lost
    assert world.cloud.count("run_instance") == 3


@pytest.mark.parametrize(
    "method",
    [
        "create_vpc",
        "create_vswitch",
        "create_security_group",
        "run_instance",
        "create_snapshot",
        "create_image",
        "delete",
        "stop_instance",
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_refused_or_unanswered_call_is_made_good_by_the_next_run(
    tmp_path: Path, method: str, *, after: bool
) -> None:
    """Whether the call had its effect or not, the rerun ends in one image."""
    world = World(tmp_path)
    error = CloudError("lost", api_code="InvalidParameter", action=method)
    world.cloud.fail_next(method, error, after=after)
    with pytest.raises(HostliftError):
        world.run()
    world.run()
    world.assert_ended_well()
