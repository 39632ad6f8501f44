# SPDX-License-Identifier: Apache-2.0
"""Real processes in a control group of their own stand still, and go on whatever happens to us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.cgroups import WRITER, private_group, writer

from hostlift.errors import CommandFailed, HostError, ReplicationError
from hostlift.events import Event, Note, discard
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands, end_group, spawn
from hostlift.host.mounts import mounted, private_namespace
from hostlift.replicate import held
from hostlift.replicate.freeze import FreezePlan, Ice, frozen
from hostlift.replicate.freezing.hold import wait_stopped
from hostlift.replicate.freezing.processes import read_process
from hostlift.replicate.freezing.writers import hierarchies
from hostlift.replicate.hooks.client import StayingClient
from hostlift.replicate.watchdog import Watch, watch

pytestmark = pytest.mark.root

COMMANDS, CLOCK = SystemCommands(), SystemClock()


@pytest.fixture
def group() -> Iterator[Path]:
    with private_group("freeze") as path:
        yield path


@pytest.fixture
def older_group(tmp_path: Path) -> Iterator[Path]:
    """Of the older freezer, which is mounted where the machine does not."""
    with contextlib.ExitStack() as stack:
        if hierarchies().freezer is None:
            private_namespace()
            where = tmp_path / "freezer"
            where.mkdir()
            stack.enter_context(mounted("none", where, kind="cgroup", options=("freezer",)))
        yield stack.enter_context(private_group("freeze", older=True))


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


def test_a_container_of_the_older_freezer_stands_still_too(
    older_group: Path, tmp_path: Path
) -> None:
    """``freezer.state`` instead of ``cgroup.freeze``; the promises are the same."""
    log = tmp_path / "log"
    container = older_group / "container"
    with writer(container, log):
        assert grows(log)
        with hold(FreezePlan(scope=older_group)) as ice:
            assert (ice.services, ice.processes) == (1, 0)
            assert (container / "freezer.state").read_text() == "FROZEN\n"
            assert stands(log)
        assert (container / "freezer.state").read_text() == "THAWED\n"
        assert grows(log)


def test_every_thread_of_a_stopped_process_is_waited_for(tmp_path: Path) -> None:
    """A process is still only when its last thread is."""
    log = tmp_path / "log"
    code = f"import threading; exec({WRITER!r}.split('while')[0]); import itertools\n"
    code += "work = lambda: [os.write(fd, b'x') for _ in itertools.count()]\n"
    code += "[threading.Thread(target=work).start() for _ in range(4)]"
    process = spawn([sys.executable, "-c", code, str(log)])
    try:
        found = read_process(Path("/proc"), process.pid)
        assert found is not None
        assert grows(log)
        assert wait_stopped([found.id], clock=CLOCK, timeout=0.0) == (found.id,)
        os.kill(process.pid, signal.SIGSTOP)
        assert wait_stopped([found.id], clock=CLOCK, timeout=20.0) == ()
        assert stands(log)
    finally:
        end_group(process)


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


@contextlib.contextmanager
def freezer(group: Path, folder: Path, hooks: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is within its block."""
    sign = folder / "sign"
    process = spawn(
        [sys.executable, "-c", FREEZER, str(group), str(sign), str(hooks)],
        env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    try:
        assert eventually(sign.exists)
        yield process
    finally:
        end_group(process)


def watchdogs_of(owner: int) -> list[int]:
    """By their command line, which names whom they work for."""
    wanted = f"hostlift.replicate.watchdog\0{owner}\0".encode()
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{name}/cmdline").read_bytes().endswith(wanted):
                found.append(int(name))
    return found


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_killing_the_freezing_process_thaws(group: Path, tmp_path: Path, blow: int) -> None:
    """Its whole process group is hit, within the block: services go on, hooks thaw, nobody stays."""
    log, hooks = tmp_path / "log", tmp_path / "hooks"
    calls = make_hook(hooks, "10-app", tmp_path)
    with writer(group / "service", log):
        assert grows(log)
        with freezer(group, tmp_path, hooks) as process:
            assert stands(log)
            watching = watchdogs_of(process.pid)
            assert len(watching) == 1
            os.killpg(process.pid, blow)
            assert grows(log)
            assert eventually(lambda: calls() == ["check", "freeze", "thaw"])
            assert eventually(lambda: watchdogs_of(process.pid) == [])


@pytest.mark.parametrize("blow", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_the_watchdog_outlives_what_is_sent_to_everybody(
    group: Path, tmp_path: Path, blow: int
) -> None:
    """A service manager that stops a unit asks every process of it to end, the watchdog too."""
    log, hooks = tmp_path / "log", tmp_path / "hooks"
    calls = make_hook(hooks, "10-app", tmp_path)
    with writer(group / "service", log):
        assert grows(log)
        with freezer(group, tmp_path, hooks) as process:
            (watchdog,) = watchdogs_of(process.pid)
            os.kill(watchdog, blow)
            assert stands(log)
            assert watchdogs_of(process.pid) == [watchdog]
            os.kill(process.pid, signal.SIGKILL)
            assert grows(log)
            assert eventually(lambda: calls() == ["check", "freeze", "thaw"])


def test_the_watchdog_ends_a_client_that_holds_something(tmp_path: Path) -> None:
    """We hang beyond the limit: what a hook's client holds is let go like everything else."""
    client = StayingClient(["cat"], CLOCK)
    try:
        client.ask("held", "held", 20.0)
        found = read_process(Path("/proc"), client.pid)
        assert found is not None
        reader, line = os.pipe()
        os.write(line, b'{"client": [%d, %d]}\n' % (found.id.pid, found.id.start))
        os.close(line)
        watch(reader, Watch(CLOCK, lambda _hook: None, lambda _name: None))
        os.close(reader)
        with pytest.raises(HostError, match="without a word"):
            client.ask("again", "again", 20.0)
    finally:
        client.close()


def make_hook(folder: Path, name: str, out: Path, status: str = "0") -> Callable[[], list[str]]:
    """An executable that notes how it was called; ``status`` is shell, with $1 the action."""
    folder.mkdir(exist_ok=True)
    calls = out / f"{name}.calls"
    hook = folder / name
    hook.write_text(f"#!/bin/sh\ncat >>{calls}.in\necho $1 >>{calls}\nexit {status}\n")
    hook.chmod(0o755)
    return lambda: calls.read_text().split() if calls.exists() else []


def test_what_is_held_stands_still_after_the_block_until_it_is_let_go(
    group: Path, tmp_path: Path
) -> None:
    """By another process than the one that froze it, hooks included."""
    log, file = tmp_path / "log", tmp_path / "frozen"
    calls = make_hook(tmp_path / "hooks", "10-a", tmp_path)
    with writer(group / "service", log):
        assert grows(log)
        with hold(FreezePlan(scope=group, hold=600, hooks_folder=tmp_path / "hooks")) as ice:
            assert ice.holder is None
        assert ice.holder is not None
        assert stands(log)
        held.note(file, held.Held(ice.holder, 4e9))
        assert held.held(file) == held.Held(ice.holder, 4e9)
        assert calls() == ["check", "freeze"]
        assert held.release(file, CLOCK)
        assert grows(log)
        assert calls() == ["check", "freeze", "thaw"]
        assert held.held(file) is None
        assert not held.release(file, CLOCK)


def test_what_is_held_goes_on_when_the_time_is_over(group: Path, tmp_path: Path) -> None:
    """Nobody lets it go."""
    log = tmp_path / "log"
    with writer(group / "service", log):
        assert grows(log)
        with hold(FreezePlan(scope=group, hold=0.5)):
            pass
        assert stands(log)
        assert grows(log)


def test_an_error_in_the_block_holds_nothing(group: Path, tmp_path: Path) -> None:
    """What was read is worth nothing, so nobody has to wait for it."""
    log = tmp_path / "log"
    with writer(group / "service", log):
        assert grows(log)
        with pytest.raises(KeyError), hold(FreezePlan(scope=group, hold=600)):
            raise KeyError
        assert grows(log)


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
