# SPDX-License-Identifier: Apache-2.0
"""Both ends of the data channel in one process, with connections that can be cut."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from hostlift.events import discard
from hostlift.host.clock import SystemClock
from hostlift.ports.clock import Clock
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import PassOptions, PassReport, run_pass
from hostlift.replicate.receiver import Receiver
from hostlift.replicate.source import SourceVolume, TreeRoot
from hostlift.replicate.wire import Link

_YOUNG_NS = 25_000_000


class CutLink:
    """A link that breaks after a number of bytes in either direction."""

    def __init__(self, sock: socket.socket, budget: int) -> None:
        self.sock = sock
        self.budget = budget

    def fileno(self) -> int:
        return self.sock.fileno()

    def _spend(self, count: int) -> None:
        self.budget -= count
        if self.budget < 0:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("cut")

    def send(self, data: memoryview) -> int:
        part = data[: max(1, min(len(data), self.budget + 1))]
        done = self.sock.send(part)
        self._spend(done)
        return done

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        got = self.sock.recv_into(buffer)
        self._spend(got)
        return got

    def settimeout(self, value: float | None) -> None:
        self.sock.settimeout(value)

    def shutdown(self, how: int) -> None:
        self.sock.shutdown(how)

    def close(self) -> None:
        self.sock.close()


@dataclass
class Rig:
    """A source directory, a target directory and what is between them.

    ``wrap`` may replace the sender's end of every new connection; ``serve`` may replace what
    happens to the receiver's end.
    """

    source: Path
    target: Path
    database: Path
    generation: str = "g1"
    excludes: tuple[str, ...] = ()
    options: PassOptions = field(default_factory=lambda: PassOptions(patience=20.0, stall=20.0))
    wrap: Callable[[socket.socket], Link] | None = None
    trees: tuple[TreeRoot, ...] = ()
    receiver: Receiver | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    connections: int = 0
    clock: Clock | None = None
    """The receiver's."""
    restarts: int = 0
    """How many of the next connections find an agent that has just been restarted."""

    def volume(self) -> SourceVolume:
        return SourceVolume("v", self.trees or (TreeRoot(self.source),), self.excludes)

    def make_receiver(self) -> Receiver:
        return Receiver({"v": self.target}, {"v": self.generation}, clock=self.clock)

    def connect(self, _index: int) -> Link:
        if self.restarts:
            self.restarts -= 1
            self.restart_receiver()
        if self.receiver is None:
            self.receiver = self.make_receiver()
        ours, theirs = socket.socketpair()
        thread = threading.Thread(target=self.receiver.serve, args=(theirs,))
        thread.start()
        self.threads.append(thread)
        self.connections += 1
        return self.wrap(ours) if self.wrap else ours

    @contextlib.contextmanager
    def opened(self) -> Iterator[Manifest]:
        with Manifest.open(self.database) as manifest:
            manifest.bind("v", self.generation)
            yield manifest

    def run(self, **options: object) -> PassReport:
        """One pass with a manifest opened for it, as after a restart of the sender."""
        with self.opened() as manifest:
            return self.run_with(manifest, **options)

    def run_with(self, manifest: Manifest, **options: object) -> PassReport:
        try:
            return run_pass(
                sources=[self.volume()],
                manifest=manifest,
                connect=self.connect,
                options=replace(self.options, **options),
                sink=discard,
                stop=self.stop,
                clock=SystemClock(),
            )
        finally:
            self.join()

    def rest(self) -> None:
        """Until nothing in the source is so young that a pass could not vouch for it."""
        newest = max(
            os.stat(name, dir_fd=fd, follow_symlinks=False).st_ctime_ns
            for _, folders, files, fd in os.fwalk(os.fsencode(self.source))
            for name in (b".", *folders, *files)
        )
        while time.time_ns() < newest + _YOUNG_NS:
            time.sleep(0.005)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        self.threads.clear()

    def restart_receiver(self) -> None:
        """The agent dies and comes back."""
        if self.receiver is not None:
            self.receiver.close()
        self.receiver = None


def only_once(make: Callable[[socket.socket], Link]) -> Callable[[socket.socket], Link]:
    """The first connection is as told; no other comes to be."""
    made: list[Link] = []

    def wrap(sock: socket.socket) -> Link:
        if made:
            sock.close()
            raise ConnectionRefusedError(111, "Connection refused")
        made.append(make(sock))
        return made[0]

    return wrap


def rig(folder: Path, **more: object) -> Rig:
    """A rig in a fresh folder."""
    source, target = folder / "source", folder / "target"
    source.mkdir()
    target.mkdir()
    return Rig(source, target, folder / "state.db", **more)
