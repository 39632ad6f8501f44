# SPDX-License-Identifier: Apache-2.0
"""Limits that change while a pass runs, and windows that open and close."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from fakes.clock import FakeClock

from hostlift.events import Event, Note
from hostlift.flow.passes.limits import Limits, WindowStop
from hostlift.settings.user_config import Settings

MIDNIGHT = 1_800_000_000 // 86400 * 86400.0


class World:
    """A file, a clock that starts at midnight, and limits over both."""

    def __init__(self, folder: Path, written: dict[str, object], **options: object) -> None:
        self.file = folder / "user_config.json"
        self.write(written)
        self.clock = FakeClock(MIDNIGHT)
        self.told: list[Event] = []
        settings = Settings.model_validate({**written, **options})
        self.limits = Limits(
            self.file, settings, self.clock, self.told.append, lambda now: now - MIDNIGHT
        )

    def write(self, wishes: dict[str, object]) -> None:
        self.file.write_text(json.dumps(wishes))

    def rewrite(self, wishes: dict[str, object]) -> None:
        """Another file in its place, as an editor leaves it, and the time until it is seen."""
        new = self.file.with_name("new")
        new.write_text(json.dumps(wishes))
        new.replace(self.file)
        self.clock.time += 1.0


def test_a_limit_that_changes_in_the_file_is_followed_within_a_second(tmp_path: Path) -> None:
    """And the user is told."""
    world = World(tmp_path, {"bandwidth_limit": 100, "source_cpu_limit": 50})
    assert (world.limits.bandwidth(), world.limits.cpu()) == (100, 50)
    world.rewrite({"bandwidth_limit": 2000, "source_cpu_limit": 20})
    assert (world.limits.bandwidth(), world.limits.cpu()) == (2000, 20)
    assert Note("bandwidth_limit is now 2000") in world.told


def test_the_file_is_looked_at_no_more_than_once_a_second(tmp_path: Path) -> None:
    """The limit is asked for with every block that is sent."""
    world = World(tmp_path, {"bandwidth_limit": 100})
    world.rewrite({"bandwidth_limit": 200})
    world.clock.time -= 0.5
    assert world.limits.bandwidth() == 100
    world.clock.time += 0.5
    assert world.limits.bandwidth() == 200


def test_an_option_of_the_command_line_holds_until_the_file_is_written(tmp_path: Path) -> None:
    """What was said last counts: ``hostlift limit 0`` lifts a limit that only a flag had set."""
    world = World(tmp_path, {"bandwidth_limit": 0}, bandwidth_limit=700, source_cpu_limit=10)
    world.clock.time += 5
    assert world.limits.bandwidth() == 700
    world.rewrite({"bandwidth_limit": 0})
    assert world.limits.bandwidth() == 0
    assert world.limits.cpu() == 10, "a key that is not in the file says nothing"


def test_a_key_that_is_taken_out_of_the_file_is_at_its_default_again(tmp_path: Path) -> None:
    """As the next run would read it."""
    world = World(tmp_path, {"bandwidth_limit": 100})
    world.rewrite({})
    assert world.limits.bandwidth() == 0


@pytest.mark.parametrize(
    "broken", ["{", '{"bandwidth_limit": "much"}', '{"bandwidth_limit": 1, "bandwidth_limit": 2}']
)
def test_a_file_that_cannot_be_understood_changes_nothing(tmp_path: Path, broken: str) -> None:
    """It is told once; the pass goes on as it was."""
    world = World(tmp_path, {"bandwidth_limit": 100})
    world.file.write_text(broken)
    for _ in range(3):
        world.clock.time += 1.0
        assert world.limits.bandwidth() == 100
    assert len(world.told) == 1
    world.rewrite({"bandwidth_limit": 5})
    assert world.limits.bandwidth() == 5


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    """The wishes of the start stay."""
    world = World(tmp_path, {"bandwidth_limit": 100})
    world.file.unlink()
    world.clock.time += 5
    assert world.limits.bandwidth() == 100


def test_outside_of_the_window_nothing_is_sent(tmp_path: Path) -> None:
    """From six in the morning it takes sixteen hours until it opens again."""
    world = World(tmp_path, {"bandwidth_window": "22:00-06:00", "bandwidth_limit": 9})
    assert (world.limits.closed_for(), world.limits.bandwidth()) == (0.0, 9)
    world.clock.time = MIDNIGHT + 6 * 3600
    assert world.limits.closed_for() == 16 * 3600


def test_outside_of_the_window_another_limit_may_hold(tmp_path: Path) -> None:
    """Then passes go on; while writers stand still no window counts."""
    world = World(
        tmp_path,
        {"bandwidth_window": "22:00-06:00", "bandwidth_limit": 0, "bandwidth_limit_outside": 50},
    )
    world.clock.time = MIDNIGHT + 12 * 3600
    assert (world.limits.closed_for(), world.limits.bandwidth()) == (0.0, 50)
    assert world.limits.bandwidth_frozen() == 0


def test_a_window_that_closes_ends_the_pass_and_says_so(tmp_path: Path) -> None:
    """The user's own wish is something else."""
    world = World(tmp_path, {"bandwidth_window": "22:00-06:00"})
    user = threading.Event()
    stop = WindowStop(user, world.limits)
    assert not stop.is_set()
    world.clock.time = MIDNIGHT + 7 * 3600
    assert stop.is_set()
    assert stop.closed
    world.clock.time = MIDNIGHT + 23 * 3600
    assert stop.is_set(), "a pass that was told to end does not change its mind"
    user.set()
    assert WindowStop(user, world.limits).is_set()
    assert WindowStop(user, world.limits).wait(0)
