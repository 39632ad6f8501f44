# SPDX-License-Identifier: Apache-2.0
"""The process that thaws when nobody else does: ``python -m hostlift.replicate.watchdog``.

Standard input is JSON lines from the freezing process, each written *before* the thing is done:
``{"limit": seconds}`` starts the time, ``{"group": path}``, ``{"pid": n, "start": n}`` and
``{"hook": path}`` name what was frozen, ``{"done": true}`` ends the watch. At the end of input without
that (its process died) or when the time is over, everything named is thawed in reverse order.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from hostlift.errors import HostError
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.ports.clock import Clock
from hostlift.replicate.freezing.hold import continue_process, thaw_group
from hostlift.replicate.freezing.processes import ProcessId
from hostlift.replicate.hooks import folder

READY = b"ready\n"
_SLICE = 65_536

Thaw: TypeAlias = Callable[[], None]


class Watch:
    """What would have to be thawed, and until when to wait for it.

    Args:
        thaw_hook: Runs a hook's ``thaw``.
    """

    def __init__(self, clock: Clock, thaw_hook: Callable[[Path], None]) -> None:
        self._clock = clock
        self._thaw_hook = thaw_hook
        self._thaws: list[Thaw] = []
        self._end: float | None = None
        self.done = False

    def hear(self, line: bytes) -> None:
        """Take one line; what cannot be understood is left out, not died of."""
        try:
            said = json.loads(line)
        except ValueError:
            return
        match said:
            case {"done": True}:
                self.done = True
            case {"limit": int() | float() as limit}:
                self._end = self._clock.monotonic() + limit
            case {"group": str() as group}:
                self._thaws.append(lambda: thaw_group(Path(group)))
            case {"pid": int() as pid, "start": int() as start}:
                self._thaws.append(lambda: continue_process(ProcessId(pid, start)))
            case {"hook": str() as hook}:
                self._thaws.append(lambda: self._thaw_hook(Path(hook)))
            case _:
                return

    def remaining(self) -> float | None:
        """Seconds until the limit; None before it was set."""
        return None if self._end is None else max(0.0, self._end - self._clock.monotonic())

    def thaw(self) -> None:
        """Thaw everything, the last first."""
        while self._thaws:
            self._thaws.pop()()


def watch(fd: int, guard: Watch) -> None:
    """Listen on ``fd`` until the end, then thaw unless told that it is done."""
    pending = b""
    while not guard.done:
        remaining = guard.remaining()
        if remaining == 0.0:
            break
        if not select.select([fd], [], [], remaining)[0]:
            continue
        data = os.read(fd, _SLICE)
        if not data:
            break
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            guard.hear(line)
    if not guard.done:
        guard.thaw()


def main() -> None:
    """Watch standard input."""
    commands = SystemCommands()

    def thaw_hook(hook: Path) -> None:
        with contextlib.suppress(HostError):
            folder.call(hook, "thaw", commands, 0.0)

    os.write(sys.stdout.fileno(), READY)
    watch(sys.stdin.fileno(), Watch(SystemClock(), thaw_hook))


if __name__ == "__main__":
    main()
