# SPDX-License-Identifier: Apache-2.0
"""Freezing and thawing one control group or one process. Thawing never fails: it is tried on all."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from hostlift.ports.clock import Clock
from hostlift.replicate.freezing.processes import ProcessId, read_process

_POLL_SECONDS = 0.005
_PROC = Path("/proc")


def freeze_group(group: Path) -> bool:
    """Tell a control group to freeze; False when it is gone."""
    try:
        (group / "cgroup.freeze").write_text("1", encoding="ascii")
    except OSError:
        return False
    return True


def wait_frozen(group: Path, *, clock: Clock, timeout: float) -> bool:
    """Wait until every process of a group stands still; a group that is gone does."""
    end = clock.monotonic() + timeout
    while True:
        try:
            if "frozen 1" in (group / "cgroup.events").read_text(encoding="ascii"):
                return True
        except OSError:
            return True
        if clock.monotonic() > end:
            return False
        clock.sleep(_POLL_SECONDS)


def thaw_group(group: Path) -> None:
    """Let a control group go on; gone already is fine."""
    with contextlib.suppress(OSError):
        (group / "cgroup.freeze").write_text("0", encoding="ascii")


def stop_process(process: ProcessId) -> bool:
    """Stop a process; False when it is gone."""
    return _signal(process, signal.SIGSTOP)


def continue_process(process: ProcessId) -> None:
    """Let a process go on; gone already is fine."""
    _signal(process, signal.SIGCONT)


def _signal(process: ProcessId, number: signal.Signals) -> bool:
    found = read_process(_PROC, process.pid)
    if found is None or found.id != process:
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True
