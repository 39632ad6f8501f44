# SPDX-License-Identifier: Apache-2.0
"""Real processes in a control group of their own stand still, and go on whatever happens to us."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.cgroups import private_group, writer

from hostlift.errors import CommandFailed, ReplicationError
from hostlift.events import Event, Note, discard
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands, end_group, spawn
from hostlift.replicate.freeze import FreezePlan, Ice, frozen

pytestmark = pytest.mark.root

COMMANDS, CLOCK = SystemCommands(), SystemClock()


@pytest.fixture
def group() -> Iterator[Path]:
    with private_group("freeze") as path:
        yield path


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def grows(path: Path) -> bool:
    size = path.stat().st_size if path.exists() else 0
    return eventually(lambda: path.exists() and path.stat().st_size > size)


def stands(path: Path) -> bool:
    size = path.stat().st_size
    time.sleep(0.15)
    return path.stat().st_size == size


def hold(
    plan: FreezePlan, sink: Callable[[Event], None] = discard
) -> contextlib.AbstractContextManager[Ice]:
    return frozen(plan, commands=COMMANDS, clock=CLOCK, sink=sink)


def test_a_service_stands_still_within_the_block_and_goes_on_after(
    group: Path, tmp_path: Path
) -> None:
    """Its control group is frozen whole; the freeze is measured."""
    log = tmp_path / "log"
    with writer(group / "service", log):
        assert grows(log)
        with hold(FreezePlan(scope=group)) as ice:
            assert (ice.services, ice.processes) == (1, 0)
            assert stands(log)
        assert 0.15 < ice.seconds < 30
        assert ice.freezing_seconds < ice.seconds
        assert grows(log)


def test_a_neighbour_of_a_spared_process_is_stopped_alone(group: Path, tmp_path: Path) -> None:
    """We are in the same group: the group stays, the other process gets SIGSTOP."""
    log = tmp_path / "log"
    shared = group / "shared"
    shared.mkdir()
    home = Path("/proc/self/cgroup").read_text().split("0::")[1].split("\n")[0].strip("/")
    with writer(shared, log):
        (shared / "cgroup.procs").write_text(str(os.getpid()))
        try:
            with hold(FreezePlan(scope=group)) as ice:
                assert (ice.services, ice.processes) == (0, 1)
                assert stands(log)
        finally:
            (group.parent / home / "cgroup.procs").write_text(str(os.getpid()))
        assert grows(log)


def test_an_error_in_the_block_thaws(group: Path, tmp_path: Path) -> None:
    """The error comes through, nothing stays frozen."""
    log = tmp_path / "log"
    with writer(group / "service", log):
        assert grows(log)
        with pytest.raises(KeyError), hold(FreezePlan(scope=group)):
            raise KeyError
        assert grows(log)


def test_a_block_beyond_the_limit_is_thawed_and_refused(group: Path, tmp_path: Path) -> None:
    """The watchdog thaws at the limit although we hang; the pass is worth nothing."""
    log = tmp_path / "log"
    with writer(group / "service", log):
        assert grows(log)
        seen: list[bool] = []
        block = hold(FreezePlan(scope=group, limit=0.5))
        with pytest.raises(ReplicationError, match="broken"), block:
            seen.extend((stands(log), grows(log)))
        assert seen == [True, True]


FREEZER = """
import sys
from pathlib import Path
from hostlift.events import discard
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.replicate.freeze import FreezePlan, frozen
plan = FreezePlan(scope=Path(sys.argv[1]), hooks_folder=Path(sys.argv[3]))
with frozen(plan, commands=SystemCommands(), clock=SystemClock(), sink=discard):
    Path(sys.argv[2]).touch()
    SystemClock().sleep(60)
"""


def test_killing_the_freezing_process_thaws(group: Path, tmp_path: Path) -> None:
    """SIGKILL within the block: the watchdog thaws services and runs the hooks' thaw."""
    log, sign, hooks = tmp_path / "log", tmp_path / "sign", tmp_path / "hooks"
    calls = make_hook(hooks, "10-app", tmp_path)
    with writer(group / "service", log):
        assert grows(log)
        process = spawn(
            [sys.executable, "-c", FREEZER, str(group), str(sign), str(hooks)],
            env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        try:
            assert eventually(sign.exists)
            assert stands(log)
            os.kill(process.pid, signal.SIGKILL)
            assert grows(log)
            assert eventually(lambda: calls() == ["check", "freeze", "thaw"])
        finally:
            end_group(process)


def make_hook(folder: Path, name: str, out: Path, status: str = "0") -> Callable[[], list[str]]:
    """An executable that notes how it was called; ``status`` is shell, with $1 the action."""
    folder.mkdir(exist_ok=True)
    calls = out / f"{name}.calls"
    hook = folder / name
    hook.write_text(f"#!/bin/sh\ncat >>{calls}.in\necho $1 >>{calls}\nexit {status}\n")
    hook.chmod(0o755)
    return lambda: calls.read_text().split() if calls.exists() else []


def test_hooks_run_in_order_and_thaw_in_reverse(group: Path, tmp_path: Path) -> None:
    """check and freeze by name, thaw backwards, JSON on standard input; others' files are not run."""
    hooks = tmp_path / "hooks"
    first = make_hook(hooks, "10-a", tmp_path)
    second = make_hook(hooks, "20-b", tmp_path)
    other = make_hook(hooks, "30-elsewhere", tmp_path, "$([ $1 = check ] && echo 1 || echo 0)")
    loose = make_hook(hooks, "40-loose", tmp_path)
    (hooks / "40-loose").chmod(0o777)
    notes: list[Event] = []
    with hold(FreezePlan(scope=group, hooks_folder=hooks, hooks=("nonesuch",)), notes.append):
        assert (first(), second()) == (["check", "freeze"], ["check", "freeze"])
    assert (first(), second()) == (["check", "freeze", "thaw"],) * 2
    assert other() == ["check"]
    assert loose() == []
    assert '"action": "freeze"' in (tmp_path / "10-a.calls.in").read_text()
    texts = [n.text for n in notes if isinstance(n, Note)]
    assert len(texts) == 2
    assert "nonesuch" in texts[0]
    assert "40-loose" in texts[1]


def test_a_hook_that_fails_to_freeze_ends_it(group: Path, tmp_path: Path) -> None:
    """The user's hook says no: hooks before it thaw, nothing is frozen, the error names it."""
    hooks = tmp_path / "hooks"
    first = make_hook(hooks, "10-a", tmp_path)
    make_hook(hooks, "20-b", tmp_path, "$([ $1 = freeze ] && echo 3 || echo 0)")
    with (
        pytest.raises(CommandFailed, match="20-b"),
        hold(FreezePlan(scope=group, hooks_folder=hooks)),
    ):
        pytest.fail("the block must not run")
    assert first() == ["check", "freeze", "thaw"]
