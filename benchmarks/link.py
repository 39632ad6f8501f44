# SPDX-License-Identifier: Apache-2.0
"""A long link, modelled by a proxy process of its own on loopback.

    connect: the far end hears of it half a round trip later, the near end may send after a whole
    data:    waits for its turn on a line of `rate` bits a second, shared by all connections of one
             direction, then half a round trip; a connection has at most `window` bytes on the way
             until the acknowledgement of them would be back
    stall:   with a chance of `stalls` for each 64 KiB, a connection stands still in that direction
             for one round trip to 200 ms, as after a loss

No slow start, no queue that overflows. One process, one thread; it says at its end what it carried
and what processor time that took.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.processes import reaped, started_process
from benchmarks.tools import Carried, Door, Opening
from hostlift.errors import HostError
from hostlift.host.command import end_group

_BLOCK = 64 << 10
_LONGEST_STALL = 0.2
_BACKLOG = 0.01
"""Seconds of work the line is given ahead, so that a late wake-up leaves no gap."""
_REST = 1.0
_AT_ONCE = 4
"""Blocks of a connection until it is the next one's turn: they share the line fairly."""
_ROOT = Path(__file__).parent.parent
_ENV = {"PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}"}


@dataclass(frozen=True, slots=True)
class Link:
    """What the line is like: seconds, bits a second, bytes, chance for each 64 KiB."""

    rtt: float
    rate: float = 1e9
    window: int = 4 << 20
    stalls: float = 0.0


LINKS: dict[str, Link | None] = {
    "lan": None,
    "10ms": Link(0.010),
    "50ms": Link(0.050),
    "100ms": Link(0.100),
    "100ms-stalls": Link(0.100, stalls=0.001),
}


@dataclass(slots=True)
class _Line:
    """One direction of the line: when it is free again, and what it carried."""

    link: Link
    free: float = 0.0
    carried: int = 0

    def turn(self, now: float, size: int) -> float:
        """When the last bit of ``size`` bytes has left."""
        self.free = max(now, self.free) + size * 8 / self.link.rate
        self.carried += size
        return self.free


@dataclass(slots=True, eq=False)
class _Way:
    """One direction of one connection.

    Attributes:
        begins: Nothing leaves before.
        queue: Blocks on the way with the time they arrive; empty bytes are the end.
        acknowledged: Sizes that arrived, with the time the sender hears of it.
        flight: Bytes taken from the sender that it has no acknowledgement for.
        stalled: Nothing arrives before this and half a round trip.
    """

    near: socket.socket
    far: socket.socket
    line: _Line
    begins: float
    dice: random.Random
    queue: deque[tuple[float, memoryview]] = field(default_factory=deque)
    acknowledged: deque[tuple[float, int]] = field(default_factory=deque)
    flight: int = 0
    stalled: float = 0.0
    stalls: int = 0
    rolled: int = 0
    readable: bool = True
    writable: bool = True
    ended: bool = False
    done: bool = False

    def step(self, now: float) -> float:
        """Move what can be moved; when to look again at the latest, unless something happens."""
        while self.acknowledged and self.acknowledged[0][0] <= now:
            self.flight -= self.acknowledged.popleft()[1]
        self._deliver(now)
        wake = self._take(now)
        if self.queue and self.writable:
            wake = min(wake, self.queue[0][0])
        return wake

    def _take(self, now: float) -> float:
        """Take from the sender what the window and the line allow; when they allow more."""
        link = self.line.link
        for _ in range(_AT_ONCE):
            if not self.readable or self.ended:
                return now + _REST
            if now < self.begins:
                return self.begins
            room = link.window - self.flight
            if room <= 0:
                return self.acknowledged[0][0] if self.acknowledged else now + _REST
            if self.line.free > now + _BACKLOG:
                return self.line.free - _BACKLOG
            try:
                data = self.near.recv(min(_BLOCK, room))
            except BlockingIOError:
                self.readable = False
                return now + _REST
            except OSError:
                data = b""
            self._stall(now, len(data))
            arrives = max(self.line.turn(now, len(data)), self.stalled) + link.rtt / 2
            self.queue.append((arrives, memoryview(data)))
            self.flight += len(data)
            self.ended = not data
        return now

    def _stall(self, now: float, size: int) -> None:
        self.rolled += size
        while self.rolled >= _BLOCK:
            self.rolled -= _BLOCK
            if self.dice.random() < self.line.link.stalls:
                shortest = self.line.link.rtt
                longest = max(shortest, _LONGEST_STALL)
                self.stalled = max(self.stalled, now) + self.dice.uniform(shortest, longest)
                self.stalls += 1

    def _deliver(self, now: float) -> None:
        while self.writable and self.queue and self.queue[0][0] <= now:
            arrives, data = self.queue[0]
            if not data:
                self.done = True
                self.queue.clear()
                with contextlib.suppress(OSError):
                    self.far.shutdown(socket.SHUT_WR)
                return
            try:
                sent = self.far.send(data)
            except BlockingIOError:
                self.writable = False
                return
            except OSError:
                # The far end is gone: what is still on the way to it is lost, as on a real line.
                self.queue.clear()
                self.done = self.ended = True
                return
            self.acknowledged.append((now + self.line.link.rtt / 2, sent))
            self.queue[0] = (arrives, data[sent:])
            if sent == len(data):
                self.queue.popleft()


class Model:
    """The proxy: waits in epoll, and moves blocks when their time has come."""

    def __init__(self, link: Link, target: tuple[str, int], seed: int = 1) -> None:
        self._link = link
        self._target = target
        self._dice = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._lines = _Line(link), _Line(link)
        self._pairs: deque[tuple[_Way, _Way]] = deque()
        self._ends: dict[int, tuple[_Way, _Way]] = {}
        self._coming: deque[tuple[float, socket.socket]] = deque()
        self._stalls = 0
        self.port: int = self._listener.getsockname()[1]

    def run(self, until: int) -> None:
        """Until the pipe with the descriptor ``until`` ends."""
        self._epoll.register(until, select.EPOLLIN)
        wake = 0.0
        while True:
            timeout = max(0.0, wake - time.monotonic())
            for descriptor, events in self._epoll.poll(timeout):
                if descriptor == until:
                    return
                self._happened(descriptor, events)
            wake = self._step(time.monotonic())

    def carried(self) -> Carried:
        """What it did so far."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Carried(
            bytes=sum(line.carried for line in self._lines),
            cpu=usage.ru_utime + usage.ru_stime,
            stalls=self._stalls + sum(way.stalls for pair in self._pairs for way in pair),
        )

    def _happened(self, descriptor: int, events: int) -> None:
        if descriptor == self._listener.fileno():
            client, _ = self._listener.accept()
            self._coming.append((time.monotonic() + self._link.rtt / 2, client))
            return
        reads, writes = self._ends[descriptor]
        reads.readable |= bool(events & ~select.EPOLLOUT)
        writes.writable |= bool(events & ~select.EPOLLIN)

    def _step(self, now: float) -> float:
        """Move everything once; when to do it again at the latest."""
        while self._coming and self._coming[0][0] <= now:
            self._join(now, self._coming.popleft()[1])
        wake = self._coming[0][0] if self._coming else now + _REST
        self._pairs.rotate()
        for pair in list(self._pairs):
            for way in pair:
                if not way.done:
                    wake = min(wake, way.step(now))
            if pair[0].done and pair[1].done:
                self._part(pair)
        return wake

    def _join(self, now: float, client: socket.socket) -> None:
        """The far end hears of a connection; the near end will half a round trip later."""
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        out = _Way(client, server, self._lines[0], now + self._link.rtt / 2, self._dice)
        back = _Way(server, client, self._lines[1], now, self._dice)
        self._pairs.append((out, back))
        for end, reads, writes in ((client, out, back), (server, back, out)):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends[end.fileno()] = reads, writes
            wanted = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
            self._epoll.register(end, wanted)

    def _part(self, pair: tuple[_Way, _Way]) -> None:
        self._pairs.remove(pair)
        for way in pair:
            self._stalls += way.stalls
            self._epoll.unregister(way.near)
            del self._ends[way.near.fileno()]
            way.near.close()


def through(link: Link, work: Path) -> Door:
    """A door with the link model behind it; the model ends with the block.

    Raises:
        HostError: It did not start, or broke.
    """

    @contextlib.contextmanager
    def opened(port: int) -> Iterator[Opening]:
        order = json.dumps(asdict(link))
        argv = [sys.executable, "-m", "benchmarks.link", "--link", order, "--to", str(port)]
        with (work / "link.log").open("ab") as log:
            process = started_process(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log.fileno(),
                env=_ENV,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        life, output = process.stdin, process.stdout

        def finish() -> Carried:
            life.close()
            line = output.readline()
            reaped(process)
            if not line:
                raise HostError("ended early; see link.log", subject=str(work))
            return Carried(**json.loads(line))

        try:
            first = output.readline()
            if not first:
                raise HostError("did not start; see link.log", subject=str(work))
            yield Opening(int(first), finish)
        finally:
            if process.returncode is None:
                end_group(process)
            output.close()

    return opened


def main() -> None:
    """Serve until standard input ends; first line: the port, last line: what was carried."""
    parse = argparse.ArgumentParser(prog="python -m benchmarks.link")
    parse.add_argument("--link", required=True, help="JSON of a Link")
    parse.add_argument("--to", type=int, required=True, help="port on loopback")
    options = parse.parse_args()
    model = Model(Link(**json.loads(options.link)), ("127.0.0.1", options.to))
    print(model.port, flush=True)
    model.run(sys.stdin.fileno())
    print(json.dumps(asdict(model.carried())), flush=True)


if __name__ == "__main__":
    main()
