# SPDX-License-Identifier: Apache-2.0
"""The process that thaws when nobody else does: ``python -m hostlift.replicate.watchdog``.

Standard input is JSON lines from the freezing process, each written *before* the thing is done:
``{"limit": seconds}`` starts the time, again when told again; ``{"hold": true}`` makes it hold on, whatever
becomes of the freezing process, until the time is over or it gets SIGUSR1; ``{"groups": [path, …]}``,
``{"processes": [[pid, start], …]}``, ``{"client": [pid, start]}`` (to be ended), ``{"hook": path}``
and ``{"built_in": name}`` name what was frozen; ``{"done": true}`` ends the watch. At the end of input
without that, when its process is gone, or when the time is over, everything named is thawed in
reverse order. Signals that end other processes do not end this one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from hostlift.errors import HostError
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.ports.clock import Clock
from hostlift.replicate.freezing.hold import continue_process, end_process, thaw_group
from hostlift.replicate.freezing.processes import ProcessId
from hostlift.replicate.hooks import BUILT_IN, folder
from hostlift.replicate.hooks.client import StayingClient
from hostlift.replicate.hooks.contract import Site

READY = b"ready\n"
_SLICE = 65_536
_DEAF_TO = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_LAST_TO_KILL = "-1000"

Thaw: TypeAlias = Callable[[], None]


class Watch:
    """What would have to be thawed, and until when to wait for it.

    Args:
        thaw_hook: Runs a user's hook's ``thaw``.
        thaw_built_in: Runs that of a built-in hook.
    """

    def __init__(
        self,
        clock: Clock,
        thaw_hook: Callable[[Path], None],
        thaw_built_in: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._thaw_hook = thaw_hook
        self._thaw_built_in = thaw_built_in
        self._thaws: list[Thaw] = []
        self._end: float | None = None
        self.done = False
        self.holds = False

    def hear(self, line: bytes) -> None:
        """Take one line; what cannot be understood is left out, not died of."""
        try:
            said = json.loads(line)
        except ValueError:
            return
        match said:
            case {"done": True}:
                self.done = True
            case {"hold": True}:
                self.holds = True
            case {"limit": int() | float() as limit}:
                self._end = self._clock.monotonic() + limit
            case _:
                self._thaws += self._undoing(said)

    def _undoing(self, said: object) -> list[Thaw]:
        match said:
            case {"groups": [*groups]}:
                return [partial(thaw_group, Path(group)) for group in groups]
            case {"processes": [*found]}:
                return [partial(continue_process, ProcessId(*process)) for process in found]
            case {"client": [int() as pid, int() as start]}:
                return [partial(end_process, ProcessId(pid, start))]
            case {"hook": str() as hook}:
                return [partial(self._thaw_hook, Path(hook))]
            case {"built_in": str() as name}:
                return [partial(self._thaw_built_in, name)]
            case _:
                return []

    def remaining(self) -> float | None:
        """Seconds until the limit; None before it was set."""
        return None if self._end is None else max(0.0, self._end - self._clock.monotonic())

    def thaw(self) -> None:
        """Thaw everything, the last first."""
        while self._thaws:
            self._thaws.pop()()


def watch(fd: int, guard: Watch, owner: int | None = None, release: int | None = None) -> None:
    """Listen on ``fd`` until the end, then thaw unless told that it is done.

    Args:
        owner: A descriptor that becomes readable when the freezing process is gone (a child of
            its may still hold the other end of ``fd``).
        release: A descriptor that becomes readable when what is held shall be let go.
    """
    pending = b""
    ends = [end for end in (owner, release) if end is not None]
    while not guard.done:
        remaining = guard.remaining()
        if remaining == 0.0:
            break
        listening = [release] if guard.holds and release is not None else [fd, *ends]
        ready = select.select(listening, [], [], remaining)[0]
        if fd not in ready:
            if ready:
                break
            continue
        data = os.read(fd, _SLICE)
        if not data:
            break
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            guard.hear(line)
    if not guard.done:
        guard.thaw()


def main(arguments: Sequence[str]) -> None:
    """Watch standard input on behalf of the process with the given number."""
    for number in _DEAF_TO:
        signal.signal(number, lambda *_: None)  # ignoring would be inherited by hooks
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_LAST_TO_KILL, encoding="ascii")
    commands, clock = SystemCommands(), SystemClock()
    site = Site(commands=commands, clock=clock, connect=lambda argv: StayingClient(argv, clock))

    def thaw_hook(hook: Path) -> None:
        with contextlib.suppress(HostError):
            patient = folder.UserHook(hook, timeout=folder.THAW_SECONDS)
            folder.call(patient, "thaw", commands, folder.Request())

    def thaw_built_in(name: str) -> None:
        with contextlib.suppress(HostError, KeyError):
            BUILT_IN[name].thaw(site)

    owner = _owner(int(arguments[0]))
    release, told = os.pipe()
    signal.signal(signal.SIGUSR1, lambda *_: os.write(told, b"x"))
    os.write(sys.stdout.fileno(), READY)
    watch(sys.stdin.fileno(), Watch(clock, thaw_hook, thaw_built_in), owner, release)


def _owner(pid: int) -> int | None:
    """Readable when that process is gone; None on kernels that cannot tell."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
