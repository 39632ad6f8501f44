# SPDX-License-Identifier: Apache-2.0
"""A private part of the unified control group hierarchy with processes that write."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hostlift.host.command import SystemCommands
from hostlift.replicate.freezing.hold import thaw_group
from hostlift.replicate.freezing.writers import hierarchies

WRITER = """
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    os.write(fd, b"%d\\n" % time.monotonic_ns())
    time.sleep(0.001)
"""


@contextlib.contextmanager
def private_group(name: str, *, older: bool = False) -> Iterator[Path]:
    """A control group of our own; empty at the end.

    ``older``: of the freezer that came before the unified hierarchy.
    """
    found = hierarchies()
    root = found.freezer if older else found.unified
    assert root is not None, "the kernel has no such hierarchy, or it is not mounted"
    group = root / f"hostlift-test-{name}-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        groups = sorted({p.parent for p in group.rglob("cgroup.procs")}, reverse=True)
        for path in groups:
            thaw_group(path)
        for path in groups:
            _remove(path)


def _remove(group: Path) -> None:
    """A group stays busy for a moment after its last process has gone from the list."""
    end = time.monotonic() + 20
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


@contextlib.contextmanager
def writer(group: Path, output: Path) -> Iterator[None]:
    """A process in ``group`` (made when missing) that appends a line each millisecond.

    It is nobody's descendant but init's: what a freezing process has started itself is spared.
    """
    group.mkdir(exist_ok=True)
    join = 'echo $$ >"$1/cgroup.procs"; exec "$2" -c "$3" "$4"'
    words = ["sh", "-c", join, "sh", str(group), sys.executable, WRITER, str(output)]
    SystemCommands().run(
        ["setsid", "--fork", "sh", "-c", '"$@" >/dev/null 2>&1 &', "sh", *words], timeout=20
    )
    try:
        yield
    finally:
        thaw_group(group)
        for pid in (group / "cgroup.procs").read_text().split():
            if int(pid) != os.getpid():
                os.kill(int(pid), signal.SIGKILL)
        while (group / "cgroup.procs").read_text().split() not in ([], [str(os.getpid())]):
            time.sleep(0.01)
