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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hostlift.errors import HostError, ReplicationError
from hostlift.events import EventSink, Note
from hostlift.host.command import disown, end_group, spawn
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands
from hostlift.replicate.freezing import hold
from hostlift.replicate.freezing.plan import FreezePlan, Ice
from hostlift.replicate.freezing.processes import ProcessId, read_process
from hostlift.replicate.freezing.writers import Hierarchies, Writers, hierarchies, writers
from hostlift.replicate.hooks.client import StayingClient
from hostlift.replicate.hooks.contract import Client, Site
from hostlift.replicate.hooks.rounds import Rounds
from hostlift.replicate.watchdog import READY

__all__ = ["FreezePlan", "Ice", "before_pass", "cut_over", "frozen"]

_START_SECONDS = 60.0
_FREEZE_SECONDS = 3.0
_SETTLE_SECONDS = 0.03
"""For writes that were already on their way when their process stopped."""
_MARGIN_SECONDS = 0.1
"""The watchdog's clock started a little earlier."""
_MOST_ROUNDS = 20


def before_pass(plan: FreezePlan, *, commands: Commands, clock: Clock, sink: EventSink) -> None:
    """Let services write out what they have in memory, so that it is no part of the freeze.

    To be called before the last warm pass, or before each; what fails is a warning.
    """
    _rounds(plan, commands, clock, sink).before_pass()


def cut_over(plan: FreezePlan, *, commands: Commands, clock: Clock, sink: EventSink) -> None:
    """Tell the user's hooks that the source will not be used again.

    Raises:
        HostError: One of them failed.
    """
    _rounds(plan, commands, clock, sink).cut_over()


def _rounds(plan: FreezePlan, commands: Commands, clock: Clock, sink: EventSink) -> Rounds:
    site = Site(commands=commands, clock=clock, connect=lambda argv: StayingClient(argv, clock))
    return Rounds(plan, site, sink)


@contextlib.contextmanager
def frozen(plan: FreezePlan, *, commands: Commands, clock: Clock, sink: EventSink) -> Iterator[Ice]:
    """Writers stand still for the length of the block.

    Raises:
        HostError: A hook of the user's failed, or there is no watchdog; nothing stays frozen.
        ReplicationError: The limit passed before the block ended: what was read is worth nothing.
    """
    ice = Ice()
    with contextlib.ExitStack() as undo:
        leash = undo.enter_context(_watchdog())
        hooks = undo.enter_context(contextlib.ExitStack())
        began = clock.monotonic()
        site = Site(
            commands=commands, clock=clock, connect=lambda argv: _client(argv, clock, leash)
        )
        Rounds(plan, site, sink).freeze(leash.tell, hooks)
        ice.hook_seconds = clock.monotonic() - began
        grip = _Grip(plan, clock, sink, leash, ice)
        first = grip.look()
        leash.tell({"limit": plan.limit})
        began = clock.monotonic()
        with contextlib.ExitStack() as thaw:
            grip.hold(first, thaw)
            clock.sleep(_SETTLE_SECONDS)
            ice.freezing_seconds = clock.monotonic() - began
            yield ice
            held = clock.monotonic() - began
            if plan.hold and held + _MARGIN_SECONDS < plan.limit:
                ice.holder = leash.hold(plan.hold)
                # Nothing of it is ours to undo any more.
                thaw.pop_all()
                hooks.pop_all()
        ice.seconds = clock.monotonic() - began
    if held + _MARGIN_SECONDS >= plan.limit:
        raise ReplicationError(
            f"the freeze was broken: the last pass took {held:.1f} s, the limit is {plan.limit:g} s",
            subject="freeze",
            hint="Run again when less is written, or raise freeze_limit.",
        )


class _Leash:
    """The line to the watchdog."""

    def __init__(self, pipe: IO[bytes], pid: int) -> None:
        self._pipe = pipe
        self._pid = pid
        self.holds = False

    def tell(self, said: dict[str, object]) -> None:
        """Before it is done, so that the watchdog never knows too little."""
        try:
            self._pipe.write(json.dumps(said).encode() + b"\n")
            self._pipe.flush()
        except OSError as error:
            raise HostError("the freeze watchdog has died", subject="watchdog") from error

    def hold(self, seconds: float) -> ProcessId:
        """Let the watchdog hold on for so long, whatever becomes of us; who it is.

        Raises:
            HostError: It has died.
        """
        self.tell({"limit": seconds})
        self.tell({"hold": True})
        found = read_process(Path("/proc"), self._pid)
        if found is None:
            raise HostError("the freeze watchdog has died", subject="watchdog")
        self.holds = True
        return found.id


def _client(argv: Sequence[str], clock: Clock, leash: _Leash) -> Client:
    """A hook's client that the watchdog ends if we cannot: it has asked for nothing yet."""
    client = StayingClient(argv, clock)
    process = read_process(Path("/proc"), client.pid)
    if process is not None:
        leash.tell({"client": [process.id.pid, process.id.start]})
    return client


@dataclass(frozen=True, slots=True)
class _Grip:
    """Stops things so that they are certainly let go again."""

    plan: FreezePlan
    clock: Clock
    sink: EventSink
    leash: _Leash
    ice: Ice

    def look(self) -> Writers:
        """Who is to be stopped now."""
        where = hierarchies()
        if self.plan.scope is not None:
            where = Hierarchies(self.plan.scope, served=where.served)
        return writers(where, us=os.getpid())

    def hold(self, first: Writers, thaw: contextlib.ExitStack) -> None:
        """Rounds, until one finds nobody new: who was about to be started must not get away."""
        held: set[Path | ProcessId] = set()
        found = first
        for _ in range(_MOST_ROUNDS):
            groups = [g for g in found.groups if g not in held]
            single = [p for p in found.processes if p not in held]
            if not groups and not single:
                return
            held.update(groups, single)
            self._stop(groups, single, thaw)
            found = self.look()
        self._warn("new processes kept appearing while the writers were stopped")

    def _stop(
        self, groups: list[Path], single: list[ProcessId], thaw: contextlib.ExitStack
    ) -> None:
        self.leash.tell({"groups": [str(g) for g in groups]})
        self.leash.tell({"processes": [(p.pid, p.start) for p in single]})
        thaw.callback(_thaw, groups, single)
        frozen_groups = [g for g in groups if hold.freeze_group(g)]
        stopped = [p for p in single if hold.stop_process(p)]
        self.ice.services += len(frozen_groups)
        self.ice.processes += len(stopped)
        end = self.clock.monotonic() + _FREEZE_SECONDS
        for group in hold.wait_frozen(frozen_groups, clock=self.clock, timeout=_FREEZE_SECONDS):
            self._warn(f"{group.name} does not stand still; it may still write")
        left = end - self.clock.monotonic()
        for process in hold.wait_stopped(stopped, clock=self.clock, timeout=left):
            self._warn(f"process {process.pid} does not stand still; it may still write")

    def _warn(self, text: str) -> None:
        self.sink(Note(text, "warning"))


def _thaw(groups: Sequence[Path], single: Sequence[ProcessId]) -> None:
    for group in groups:
        hold.thaw_group(group)
    for process in single:
        hold.continue_process(process)


@contextlib.contextmanager
def _watchdog() -> Iterator[_Leash]:
    """Its process, ready; it is told that all is done after everything else was undone."""
    reader, writer = os.pipe()
    try:
        process = spawn(
            [sys.executable, "-m", "hostlift.replicate.watchdog", str(os.getpid())],
            stdout=writer,
            env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            stdin_pipe=True,
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    holds = False
    try:
        pipe = process.stdin
        if pipe is None or not _says_ready(reader):
            raise HostError("the freeze watchdog does not start", subject="watchdog")
        leash = _Leash(pipe, process.pid)
        yield leash
        holds = leash.holds
        if not holds:
            with contextlib.suppress(HostError):
                leash.tell({"done": True})
    finally:
        os.close(reader)
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        if holds:
            disown(process)
        else:
            end_group(process)


def _says_ready(reader: int) -> bool:
    ready = select.select([reader], [], [], _START_SECONDS)[0]
    return bool(ready) and os.read(reader, len(READY)) == READY
