# SPDX-License-Identifier: Apache-2.0
"""What a run watches on a live source besides copying it, when that is wished."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from builders import a_plan

from hostlift.flow.context import Context
from hostlift.flow.passes.traced import traced
from hostlift.flow.passes.unrest import unrest_told
from hostlift.host.clock import SystemClock
from hostlift.host.command import end_group, spawn
from hostlift.replicate.source import SourceVolume, TreeRoot
from hostlift.settings.user_config import Settings

pytestmark = pytest.mark.root


def a_context(root: Path, said: list[str], **wishes: bool) -> Context:
    bare = SimpleNamespace(
        live=True,
        source_root=root,
        settings=Settings(**wishes),
        clock=SystemClock(),
        note=lambda text, _level="info": said.append(text),
    )
    return cast("Context", bare)


WRITER = """
import sys, time
with open(sys.argv[1], "a", buffering=1) as log:
    while True:
        log.write(f"{time.time():.0f}\\n")
        time.sleep(0.05)
"""


@contextmanager
def busy(file: Path) -> Iterator[None]:
    """Another process appends to a file all the time, each line the second it was written in."""
    process = spawn([sys.executable, "-c", WRITER, str(file)])
    try:
        yield
    finally:
        end_group(process)


def test_a_file_that_never_goes_quiet_is_named_when_the_pass_is_over(tmp_path: Path) -> None:
    """Only when the user wishes to know."""
    said: list[str] = []
    plan, clock, file = a_plan(), SystemClock(), tmp_path / "never-quiet"
    with (
        unrest_told(a_context(tmp_path, said, heat_map=True), plan),
        unrest_told(a_context(tmp_path, said), plan),
        busy(file),
    ):
        deadline = clock.monotonic() + 60
        while not file.exists() or len(set(file.read_text().split())) < 6:
            assert clock.monotonic() < deadline
            clock.sleep(0.05)
    assert sum("never-quiet, changed in" in line for line in said) == 1, said


def test_nobody_is_traced_who_did_not_ask_for_it(tmp_path: Path) -> None:
    """No wish, no trace."""
    source = SourceVolume("v", (TreeRoot(tmp_path),))
    said: list[str] = []
    with traced(a_context(tmp_path, said), [source]) as written:
        assert written is None
    assert said == []


def test_a_file_system_that_cannot_be_traced_is_named_and_nothing_else_happens() -> None:
    """Memory has no blocks."""
    said: list[str] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        source = SourceVolume("v", (TreeRoot(Path(folder)),))
        with traced(a_context(Path(folder), said, block_trace=True), [source]) as written:
            assert written is not None
            assert len(written.refused) == 1
    (line,) = said
    assert line.startswith("Large files are read whole: ")
