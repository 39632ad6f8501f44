# SPDX-License-Identifier: Apache-2.0
"""Holds the source's writers still for the last pass, and lets them go whatever happens.

    watchdog starts -> hooks freeze -> control groups, processes stop -> (the block) -> all thaw

The block sees one point in time: what a frozen process wrote is visible to our reads, and no more
comes. Thawing runs backwards through what was done, also after errors; when this very process
dies, or the limit passes, the watchdog does it, and the end of the block says that it was broken.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hostlift.errors import HostError, ReplicationError
from hostlift.events import EventSink, Note
from hostlift.host.command import end_group, spawn
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands
from hostlift.replicate.freezing import hold
from hostlift.replicate.freezing.processes import ProcessId
from hostlift.replicate.freezing.writers import unified_root, writers
from hostlift.replicate.hooks import BUILT_IN, folder
from hostlift.replicate.watchdog import READY

_START_SECONDS = 60.0
_FREEZE_SECONDS = 3.0
_SETTLE_SECONDS = 0.03
"""For writes that were already on their way when their process stopped."""
_MARGIN_SECONDS = 0.1
"""The watchdog's clock started a little earlier."""
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezePlan:
    """What to do for a freeze.

    Attributes:
        hooks: Names of built-in hooks.
        hooks_folder: The user's own hooks, see `hooks.folder`.
        limit: Seconds after which the watchdog thaws, come what may.
        scope: Only this control group and those below it; None: the whole machine.
    """

    hooks: tuple[str, ...] = ()
    hooks_folder: Path | None = None
    limit: float = 30.0
    scope: Path | None = None


@dataclass(slots=True)
class Ice:
    """What was frozen, and for how long.

    Attributes:
        services: Control groups.
        processes: Processes that were stopped one by one.
        hook_seconds: How long the hooks took before anything stood still.
        freezing_seconds: From the first that was stopped until all stood still.
        seconds: From the first that was stopped to the last that was thawed; 0 until then.
    """

    services: int = 0
    processes: int = 0
    hook_seconds: float = 0.0
    freezing_seconds: float = 0.0
    seconds: float = 0.0


@contextlib.contextmanager
def frozen(plan: FreezePlan, *, commands: Commands, clock: Clock, sink: EventSink) -> Iterator[Ice]:
    """Writers stand still for the length of the block.

    Raises:
        HostError: A hook of the user's failed, or there is no watchdog; nothing stays frozen.
        ReplicationError: The limit passed before the block ended: what was read is worth nothing.
    """
    ice = Ice()
    began = clock.monotonic()
    stopped_at: list[float] = []
    with contextlib.ExitStack() as undo:
        leash = undo.enter_context(_watchdog())
        _run_hooks(plan, commands, sink, leash, undo)
        ice.hook_seconds = clock.monotonic() - began
        leash.tell({"limit": plan.limit})
        stopped_at.append(clock.monotonic())
        _stop_all(plan, clock, sink, _Grip(leash, undo, ice))
        clock.sleep(_SETTLE_SECONDS)
        ice.freezing_seconds = clock.monotonic() - stopped_at[0]
        yield ice
        held = clock.monotonic() - stopped_at[0]
    ice.seconds = clock.monotonic() - stopped_at[0]
    if held + _MARGIN_SECONDS >= plan.limit:
        raise ReplicationError(
            f"the freeze was broken: the last pass took {held:.1f} s, the limit is {plan.limit:g} s",
            subject="freeze",
            hint="Run again when less is written, or raise freeze_limit.",
        )


class _Leash:
    """The line to the watchdog."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def tell(self, said: dict[str, object]) -> None:
        """Before it is done, so that the watchdog never knows too little."""
        try:
            self._pipe.write(json.dumps(said).encode() + b"\n")
            self._pipe.flush()
        except OSError as error:
            raise HostError("the freeze watchdog has died", subject="watchdog") from error


@dataclass(frozen=True, slots=True)
class _Grip:
    """Stops things so that they are certainly let go again."""

    leash: _Leash
    undo: contextlib.ExitStack
    ice: Ice

    def group(self, group: Path) -> bool:
        self.leash.tell({"group": str(group)})
        self.undo.callback(hold.thaw_group, group)
        done = hold.freeze_group(group)
        self.ice.services += done
        return done

    def process(self, process: ProcessId) -> None:
        self.leash.tell({"pid": process.pid, "start": process.start})
        self.undo.callback(hold.continue_process, process)
        self.ice.processes += hold.stop_process(process)


@contextlib.contextmanager
def _watchdog() -> Iterator[_Leash]:
    """Its process, ready; it is told that all is done after everything else was undone."""
    reader, writer = os.pipe()
    try:
        process = spawn(
            [sys.executable, "-m", "hostlift.replicate.watchdog"],
            stdout=writer,
            env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            stdin_pipe=True,
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    try:
        pipe = process.stdin
        if pipe is None or not _says_ready(reader):
            raise HostError("the freeze watchdog does not start", subject="watchdog")
        leash = _Leash(pipe)
        yield leash
        with contextlib.suppress(HostError):
            leash.tell({"done": True})
    finally:
        os.close(reader)
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        end_group(process)


def _says_ready(reader: int) -> bool:
    ready = select.select([reader], [], [], _START_SECONDS)[0]
    return bool(ready) and os.read(reader, len(READY)) == READY


def _run_hooks(
    plan: FreezePlan,
    commands: Commands,
    sink: EventSink,
    leash: _Leash,
    undo: contextlib.ExitStack,
) -> None:
    for name in plan.hooks:
        hook = BUILT_IN.get(name)
        if hook is None:
            sink(Note(f"there is no freeze hook {name!r}", "warning"))
            continue
        try:
            hook.freeze(commands)
        except HostError as error:
            sink(Note(f"hook {name}: {error}", "warning"))
    hooks, left = folder.found(plan.hooks_folder)
    for text in left:
        sink(Note(text, "warning"))
    for path in hooks:
        if folder.applies(path, commands, plan.limit):
            leash.tell({"hook": str(path)})
            undo.callback(_thaw_hook, path, commands, sink)
            folder.call(path, "freeze", commands, plan.limit)


def _thaw_hook(hook: Path, commands: Commands, sink: EventSink) -> None:
    try:
        folder.call(hook, "thaw", commands, 0.0)
    except HostError as error:
        sink(Note(f"hook {hook.name} did not thaw: {error}", "warning"))


def _stop_all(plan: FreezePlan, clock: Clock, sink: EventSink, grip: _Grip) -> None:
    """Rounds, until one finds nobody new: who was about to be started must not get away."""
    root = plan.scope or unified_root()
    held: set[Path | ProcessId] = set()
    for _ in range(_MOST_ROUNDS):
        found = writers(root, us=os.getpid())
        groups = [g for g in found.groups if g not in held]
        single = [p for p in found.processes if p not in held]
        if not groups and not single:
            return
        held.update(groups, single)
        waiting = [g for g in groups if grip.group(g)]
        for process in single:
            grip.process(process)
        for group in waiting:
            if not hold.wait_frozen(group, clock=clock, timeout=_FREEZE_SECONDS):
                sink(Note(f"{group.name} does not stand still; it may still write", "warning"))
    sink(Note("new processes kept appearing while the writers were stopped", "warning"))
