# SPDX-License-Identifier: Apache-2.0
"""What a running process shows to others, and whether one runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.clock import FakeClock

from hostlift.errors import StateError
from hostlift.events import Event, Note, Progress, StepStarted
from hostlift.service.lock import is_held, only_one
from hostlift.service.progress import read, shown_to_others


def test_rate_and_time_left_are_shown_while_it_runs(tmp_path: Path) -> None:
    """And nothing once it has ended."""
    clock, seen, file = FakeClock(), list[Event](), tmp_path / "client_data.progress"
    with shown_to_others(file, clock, seen.append) as sink:
        sink(StepStarted("replicate", "Replicate"))
        sink(Progress("replicate", "files", 0, 1000))
        clock.time += 10
        sink(Progress("replicate", "files", 250, 1000))
        found = read(file)
        assert found is not None
        assert (found.step, found.done, found.rate, found.left) == ("replicate", 250, 25.0, 30.0)
        sink(Note("said"))
        assert (read(file) or found).note == "said"
    assert read(file) is None
    assert len(seen) == 4


def test_the_file_is_written_once_a_second_at_most(tmp_path: Path) -> None:
    """Progress comes with every block."""
    clock, file = FakeClock(), tmp_path / "client_data.progress"
    with shown_to_others(file, clock, lambda _event: None) as sink:
        sink(Progress("replicate", "files", 1, 1000))
        sink(Progress("replicate", "files", 2, 1000))
        assert json.loads(file.read_text())["done"] == 1
        clock.time += 1
        sink(Progress("replicate", "files", 3, 1000))
        assert json.loads(file.read_text())["done"] == 3


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    """The line is lost, not the migration."""
    with shown_to_others(tmp_path / "none" / "progress", FakeClock(), lambda _event: None) as sink:
        sink(Progress("replicate", "files", 1, 2))


def test_what_another_version_wrote_is_not_read(tmp_path: Path) -> None:
    """Better nothing than nonsense."""
    file = tmp_path / "client_data.progress"
    file.write_text('{"unknown": 1}')
    assert read(file) is None


def test_whether_a_process_works_in_a_folder_is_seen_without_disturbing_it(tmp_path: Path) -> None:
    """Looking takes nothing away from anybody."""
    assert not is_held(tmp_path)
    with only_one(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(StateError, match="another hostlift"), only_one(tmp_path):
            pass
    assert not is_held(tmp_path)
