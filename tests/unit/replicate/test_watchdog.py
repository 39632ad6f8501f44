# SPDX-License-Identifier: Apache-2.0
"""The watchdog's ears: what it hears is what it thaws."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fakes.clock import FakeClock

from hostlift.replicate.watchdog import Watch, watch


def deaf(_what: object) -> None:
    """A hook that is not expected to matter."""


@pytest.fixture
def groups(tmp_path: Path) -> list[Path]:
    made = []
    for name in ("a", "b"):
        group = tmp_path / name
        group.mkdir()
        (group / "cgroup.freeze").write_text("1")
        made.append(group)
    return made


def said(*lines: object) -> int:
    """A pipe with these lines, closed by its writer."""
    reader, writer = os.pipe()
    for line in lines:
        os.write(writer, (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
    os.close(writer)
    return reader


def frozen(groups: list[Path]) -> list[str]:
    return [(g / "cgroup.freeze").read_text() for g in groups]


def test_the_end_of_input_thaws(groups: list[Path]) -> None:
    """Its process died: groups and hooks, the last first; nonsense in between is passed over."""
    hooks: list[object] = []
    fd = said(
        {"hook": "/h/1"},
        {"groups": [str(groups[0])]},
        b"{nonsense",
        {"what": 1},
        7,
        {"built_in": "mongodb"},
        {"groups": [str(groups[1])]},
        {"hook": "/h/2"},
    )
    watch(fd, Watch(FakeClock(), hooks.append, hooks.append))
    assert frozen(groups) == ["0", "0"]
    assert hooks == [Path("/h/2"), "mongodb", Path("/h/1")]


def test_done_leaves_everything_as_it_is(groups: list[Path]) -> None:
    """The freezing process has thawed by itself."""
    watch(said({"groups": [str(groups[0])]}, {"done": True}), Watch(FakeClock(), deaf, deaf))
    assert frozen(groups) == ["1", "1"]


def test_the_limit_thaws_while_the_line_is_open(groups: list[Path]) -> None:
    """Its process hangs."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps({"groups": [str(groups[0])]}).encode() + b'\n{"limit": 0}\n')
    watch(reader, Watch(FakeClock(), deaf, deaf))
    os.close(writer)
    assert frozen(groups) == ["0", "1"]


def test_the_limit_starts_anew_when_told_anew() -> None:
    """While hooks run, each has its time and the freeze's own after that."""
    clock = FakeClock()
    guard = Watch(clock, deaf, deaf)
    guard.hear(b'{"limit": 5}')
    clock.sleep(4)
    guard.hear(b'{"limit": 5}')
    clock.sleep(4)
    assert guard.remaining() == 1


def test_the_end_of_its_process_thaws_although_the_line_is_open(groups: list[Path]) -> None:
    """A child of the freezing process may have inherited the line."""
    reader, writer = os.pipe()
    gone, end = os.pipe()
    os.close(end)
    os.write(writer, json.dumps({"groups": [str(g) for g in groups]}).encode() + b"\n")
    watch(reader, Watch(FakeClock(), deaf, deaf), owner=gone)
    os.close(writer)
    assert frozen(groups) == ["0", "0"]
