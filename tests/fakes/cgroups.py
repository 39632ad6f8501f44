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
from hostlift.replicate.freezing.writers import unified_root

WRITER = """
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    os.write(fd, b"%d\\n" % time.monotonic_ns())
    time.sleep(0.001)
"""


@contextlib.contextmanager
def private_group(name: str) -> Iterator[Path]:
    """A control group of our own; empty at the end."""
    root = unified_root()
    assert root is not None, "the kernel has no unified hierarchy"
    group = root / f"hostlift-test-{name}-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        for path in sorted(group.rglob("cgroup.freeze"), reverse=True):
            path.write_text("0")
        for path in sorted({p.parent for p in group.rglob("cgroup.procs")}, reverse=True):
            path.rmdir()


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
        (group / "cgroup.freeze").write_text("0")
        for pid in (group / "cgroup.procs").read_text().split():
            if int(pid) != os.getpid():
                os.kill(int(pid), signal.SIGKILL)
        while (group / "cgroup.procs").read_text().split() not in ([], [str(os.getpid())]):
            time.sleep(0.01)
