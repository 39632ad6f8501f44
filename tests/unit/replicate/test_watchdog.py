# SPDX-License-Identifier: Apache-2.0
"""The watchdog's ears: what it hears is what it thaws."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fakes.clock import FakeClock

from hostlift.replicate.watchdog import Watch, watch


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
    hooks: list[Path] = []
    fd = said(
        {"hook": "/h/1"},
        {"group": str(groups[0])},
        b"{nonsense",
        {"what": 1},
        7,
        {"group": str(groups[1])},
        {"hook": "/h/2"},
    )
    watch(fd, Watch(FakeClock(), hooks.append))
    assert frozen(groups) == ["0", "0"]
    assert hooks == [Path("/h/2"), Path("/h/1")]


def test_done_leaves_everything_as_it_is(groups: list[Path]) -> None:
    """The freezing process has thawed by itself."""
    watch(said({"group": str(groups[0])}, {"done": True}), Watch(FakeClock(), lambda _hook: None))
    assert frozen(groups) == ["1", "1"]


def test_the_limit_thaws_while_the_line_is_open(groups: list[Path]) -> None:
    """Its process hangs."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps({"group": str(groups[0])}).encode() + b'\n{"limit": 0}\n')
    watch(reader, Watch(FakeClock(), lambda _hook: None))
    os.close(writer)
    assert frozen(groups) == ["0", "1"]
