# SPDX-License-Identifier: Apache-2.0
"""Freezing and thawing control groups and processes. Thawing never fails: it is tried on all.

A group is a folder of the unified hierarchy (``cgroup.freeze``) or of the older freezer
(``freezer.state``); which of the two, its files tell.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from hostlift.ports.clock import Clock
from hostlift.replicate.freezing.processes import ProcessId, read_process

_POLL_SECONDS = 0.001
_PROC = Path("/proc")
_UNIFIED = "cgroup.freeze"
_FREEZER = "freezer.state"
_STILL = frozenset("TtZXx")

_T = TypeVar("_T")


def freezable(group: Path) -> bool:
    """Whether the kernel can freeze this control group."""
    return (group / _UNIFIED).exists() or (group / _FREEZER).exists()


def thawed(group: Path) -> bool:
    """Whether nobody has frozen this control group; one that is gone counts as frozen."""
    try:
        if (group / _UNIFIED).exists():
            return (group / _UNIFIED).read_text(encoding="ascii").strip() == "0"
        return (group / _FREEZER).read_text(encoding="ascii").strip() == "THAWED"
    except OSError:
        return False


def freeze_group(group: Path) -> bool:
    """Tell a control group to freeze; False when it is gone."""
    return _write(group, "1", "FROZEN")


def thaw_group(group: Path) -> None:
    """Let a control group go on; gone already is fine."""
    _write(group, "0", "THAWED")


def _write(group: Path, unified: str, freezer: str) -> bool:
    for name, value in ((_UNIFIED, unified), (_FREEZER, freezer)):
        with contextlib.suppress(OSError):
            fd = os.open(group / name, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, value.encode("ascii"))
            finally:
                os.close(fd)
            return True
    return False


def wait_frozen(groups: Iterable[Path], *, clock: Clock, timeout: float) -> tuple[Path, ...]:
    """Wait until every process of these groups stands still; a group that is gone does.

    Returns:
        Those that did not within ``timeout`` seconds.
    """
    return _wait(groups, _group_stands, clock, timeout)


def _group_stands(group: Path) -> bool:
    try:
        if (group / _UNIFIED).exists():
            return "frozen 1" in (group / "cgroup.events").read_text(encoding="ascii")
        state = (group / _FREEZER).read_text(encoding="ascii").strip()
    except OSError:
        return True
    if state == "FREEZING":  # old kernels go on only when told again
        freeze_group(group)
    return state == "FROZEN"


def stop_process(process: ProcessId) -> bool:
    """Stop a process; False when it is gone."""
    return _signal(process, signal.SIGSTOP)


def continue_process(process: ProcessId) -> None:
    """Let a process go on; gone already is fine."""
    _signal(process, signal.SIGCONT)


def end_process(process: ProcessId) -> None:
    """Kill a process; gone already is fine."""
    _signal(process, signal.SIGKILL)


def wait_stopped(
    stopped: Iterable[ProcessId], *, clock: Clock, timeout: float, proc: Path = _PROC
) -> tuple[ProcessId, ...]:
    """Wait until no thread of these processes runs; one that is gone does not.

    Returns:
        Those that did not stop within ``timeout`` seconds (they wait for a disk, for example).
    """
    return _wait(stopped, lambda process: _process_stands(proc, process.pid), clock, timeout)


def _process_stands(proc: Path, pid: int) -> bool:
    folder = f"{proc}/{pid}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return True
    return all(_thread_stands(f"{folder}/{thread}/stat") for thread in threads)


def _thread_stands(path: str) -> bool:
    try:
        with open(path, "rb") as stat:
            text = stat.read()
    except OSError:
        return True
    return chr(text[text.rindex(b")") + 2]) in _STILL


def _wait(
    things: Iterable[_T], stands: Callable[[_T], bool], clock: Clock, timeout: float
) -> tuple[_T, ...]:
    end = clock.monotonic() + timeout
    left = tuple(thing for thing in things if not stands(thing))
    while left and clock.monotonic() < end:
        clock.sleep(_POLL_SECONDS)
        left = tuple(thing for thing in left if not stands(thing))
    return left


def _signal(process: ProcessId, number: signal.Signals) -> bool:
    found = read_process(_PROC, process.pid)
    if found is None or found.id != process:
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True
