# SPDX-License-Identifier: Apache-2.0
"""The target's end of the data channel: many connections, one pass at a time.

Nothing is acknowledged before it is on the disk: a connection's operations are applied as they
come, and a second thread makes what was applied durable in groups and answers. A connection that
replaces another (same stream, or a newer pass) is welcomed only when the older one has ended, so
no late operation of a lost connection can touch what was sent since.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from hostlift.errors import ProtocolError, TargetLost
from hostlift.host.clock import SystemClock
from hostlift.ports.clock import Clock
from hostlift.replicate import ops
from hostlift.replicate.fs.directories import opened_tree
from hostlift.replicate.protocol import (
    VERSION,
    Ack,
    Batch,
    Bye,
    Flush,
    Hello,
    Problem,
    Refused,
    Result,
    Trouble,
    Welcome,
    encode,
)
from hostlift.replicate.receiving.arrival import Snag
from hostlift.replicate.receiving.durable import GroupSync
from hostlift.replicate.receiving.target import Target
from hostlift.replicate.wire import Link, Wire

_GREETING_SECONDS = 60.0
_IDLE_SECONDS = 3600.0
_SEND_SECONDS = 120.0
_FENCE_SECONDS = 30.0
_GROUP_SECONDS = 1.0
"""A sync costs a journal commit and a flush of the disk, however little there is to write. A sender
need not wait for this: it asks when half of its window is full, and at the end of a phase."""
_GROUP_BYTES = 16 << 20
_MOST_APPLIED = 64
_FATAL = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
)


class Receiver:
    """Serves the data channel of one migration.

    Descriptors on the volumes are held only while there are connections, so they can be unmounted
    between passes.

    Args:
        volumes: Where each target volume is mounted.
        generations: The random id of each volume's making; a sender that expects another one is
            told that the target is lost. Volumes that are not named accept any.
        migration: When given, senders of other migrations are refused.
        clock: Says when what was applied has waited long enough to be made durable.
    """

    def __init__(
        self,
        volumes: Mapping[str, Path],
        generations: Mapping[str, str] | None = None,
        *,
        migration: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._volumes = dict(volumes)
        self._generations = dict(generations or {})
        self._migration = migration
        self._clock = clock or SystemClock()
        self._state = threading.Condition()
        self._pass = ""
        self._live: dict[int, _Connection] = {}
        self._roots: dict[str, _Root] = {}
        self._closing = contextlib.ExitStack()
        self._numbers = itertools.count(1)

    def serve(self, link: Link) -> None:
        """Handle one connection until it ends; many may be served at once, each in a thread."""
        wire = Wire(link)
        try:
            hello = _greeting(wire)
            refused = self._objection(hello)
            if refused is not None:
                wire.send(encode(refused), timeout=_SEND_SECONDS)
                return
            with self._admitted(hello, wire) as connection:
                if connection is None:
                    busy = Refused("busy", "an older connection has not ended yet")
                    wire.send(encode(busy), timeout=_SEND_SECONDS)
                    return
                connection.run()
        except (ConnectionError, ProtocolError):
            return
        finally:
            wire.abort()
            wire.close()

    def close(self) -> None:
        """End every connection and wait for it."""
        with self._state:
            for connection in self._live.values():
                connection.wire.abort()
            self._state.wait_for(lambda: not self._live, timeout=_FENCE_SECONDS)

    def _objection(self, hello: Hello) -> Refused | None:
        if hello.version != VERSION:
            return Refused(ProtocolError.code, f"version {hello.version}, not {VERSION}")
        if self._migration and hello.migration != self._migration:
            return Refused(ProtocolError.code, "another migration's data", hello.migration)
        for volume, generation in hello.volumes:
            if volume not in self._volumes:
                return Refused(TargetLost.code, "no such volume here", volume)
            if self._generations.get(volume, generation) != generation:
                return Refused(TargetLost.code, "the volume was made anew", volume)
        return None

    @contextlib.contextmanager
    def _admitted(self, hello: Hello, wire: Wire) -> Iterator[_Connection | None]:
        with self._state:
            connection = self._admit(hello, wire)
        try:
            yield connection
        finally:
            if connection is not None:
                connection.close()
                with self._state:
                    if self._live.get(hello.stream) is connection:
                        del self._live[hello.stream]
                    if not self._live:
                        self._release()
                    self._state.notify_all()

    def _admit(self, hello: Hello, wire: Wire) -> _Connection | None:
        """A place for a connection once those it replaces have ended; None when they do not end."""

        def rivals() -> list[_Connection]:
            older = hello.pass_id != self._pass
            return [c for i, c in self._live.items() if older or i == hello.stream]

        for rival in rivals():
            rival.wire.abort()
        if not self._state.wait_for(lambda: not rivals(), timeout=_FENCE_SECONDS):
            return None
        tag = f"{hello.pass_id[:8]}.{next(self._numbers)}"
        targets = {v: Target(self._root(v).fd, tag) for v, _ in hello.volumes}
        if hello.pass_id != self._pass:
            for target in targets.values():
                target.clean()
            self._pass = hello.pass_id
        syncs = {v: self._root(v).sync for v, _ in hello.volumes}
        connection = _Connection(wire, targets, syncs, self._clock)
        self._live[hello.stream] = connection
        return connection

    def _root(self, volume: str) -> _Root:
        if volume not in self._roots:
            fd = self._closing.enter_context(opened_tree(self._volumes[volume]))
            self._roots[volume] = _Root(fd, GroupSync(fd))
        return self._roots[volume]

    def _release(self) -> None:
        self._roots.clear()
        self._closing.close()


@dataclass(frozen=True, slots=True)
class _Root:
    fd: int
    sync: GroupSync


@dataclass(frozen=True, slots=True)
class _Applied:
    """A batch whose operations were applied, or (``refused``) the end."""

    volume: str
    result: Result
    size: int
    refused: Refused | None = None


class _Mark(Enum):
    """What else the second thread is told."""

    FLUSH = 1
    END = 2


@dataclass(slots=True)
class _Connection:
    """Applies batches and acknowledges them."""

    wire: Wire
    targets: dict[str, Target]
    syncs: dict[str, GroupSync]
    clock: Clock
    _applied: queue.Queue[_Applied | _Mark] = field(
        default_factory=lambda: queue.Queue(_MOST_APPLIED)
    )
    _failed: threading.Event = field(default_factory=threading.Event)
    _phase: int = 0
    _ended: bool = False
    _idle: float = 0.0
    """Seconds spent waiting for the sender; `_told` and `_at` are what of it was told, and when."""
    _told: float = 0.0
    _at: float = 0.0

    def run(self) -> None:
        """Until the sender says goodbye or the connection breaks."""
        acker = threading.Thread(target=self._acknowledge, name="acknowledge")
        acker.start()
        polite = False
        try:
            self._at = self.clock.monotonic()
            self.wire.send(encode(Welcome()), timeout=_SEND_SECONDS)
            polite = self._take_all()
        finally:
            self._applied.put(_Mark.END)
            acker.join()
        if polite:
            self.wire.send(encode(Bye()), timeout=_SEND_SECONDS)
        else:
            self._hear_out()

    def _hear_out(self) -> None:
        """Until the sender ends it: to close over unread data takes the last words back."""
        with contextlib.suppress(ConnectionError, ProtocolError):
            while True:
                self.wire.receive(timeout=_FENCE_SECONDS)

    def close(self) -> None:
        """Give up every descriptor."""
        for target in self.targets.values():
            target.close()

    def _take_all(self) -> bool:
        while not self._failed.is_set():
            start = self.clock.monotonic()
            message = self.wire.receive(timeout=_IDLE_SECONDS)
            self._idle += self.clock.monotonic() - start
            match message:
                case Batch():
                    done = self._apply(message)
                    self._applied.put(done)
                    if done.refused is not None:
                        return False
                case Flush():
                    self._applied.put(_Mark.FLUSH)
                case Bye():
                    return True
                case _:
                    raise ProtocolError(f"unexpected {type(message).__name__}")
        return False

    def _apply(self, batch: Batch) -> _Applied:
        target = self.targets.get(batch.volume)
        if target is None:
            raise ProtocolError("a volume that was not announced")
        if batch.phase != self._phase:
            for each in self.targets.values():
                each.forget()
            self._phase = batch.phase
        payload = ops.unpack(batch.codec, batch.raw, batch.body)
        problems: list[Problem] = []
        at = 0
        for index, op in enumerate(payload.ops):
            length = op.length if isinstance(op, ops.TAKING) else 0
            try:
                target.apply(op, payload.data[at : at + length])
            except Snag as snag:
                problems.append(Problem(index, snag.trouble, snag.reason))
            except OSError as error:
                if error.errno in _FATAL:
                    return _Applied(batch.volume, Result(batch.id), 0, _fatal(batch.volume, error))
                reason = f"refused by the target: {error.strerror}"
                problems.append(Problem(index, Trouble.REFUSED, reason))
            at += length
        return _Applied(batch.volume, Result(batch.id, tuple(problems)), batch.raw)

    def _acknowledge(self) -> None:
        """Second thread: sync what was applied, then say so."""
        try:
            while (group := self._group()) is not None:
                refused = next((a.refused for a in group if a.refused is not None), None)
                good = [a for a in group if a.refused is None]
                refused = self._sync({a.volume for a in good}) or refused
                if good and (refused is None or refused.code != "sync"):
                    self.wire.send(encode(self._ack(good)), timeout=_SEND_SECONDS)
                if refused is not None:
                    self.wire.send(encode(refused), timeout=_SEND_SECONDS)
                    break
        except (ConnectionError, ProtocolError):
            self.wire.abort()
        finally:
            self._failed.set()
            self._drain()

    def _ack(self, group: list[_Applied]) -> Ack:
        now, idle = self.clock.monotonic(), self._idle
        milliseconds = int((idle - self._told) * 1000), int((now - self._at) * 1000)
        self._told, self._at = idle, now
        return Ack(tuple(a.result for a in group), *milliseconds)

    def _group(self) -> list[_Applied] | None:
        """What was applied in a short while, or until asked; None at the end."""
        group: list[_Applied] = []
        size = 0
        until: float | None = None
        while size < _GROUP_BYTES and not self._ended:
            try:
                left = None if until is None else max(0.0, until - self.clock.monotonic())
                more = self._applied.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(more, _Applied):
                until = until or self.clock.monotonic() + _GROUP_SECONDS
                group.append(more)
                size += more.size
                continue
            self._ended = more is _Mark.END
            if group:
                break
        return group or None

    def _sync(self, volumes: set[str]) -> Refused | None:
        for volume in volumes:
            try:
                self.syncs[volume].sync()
            except OSError as error:
                return Refused("sync", f"cannot be written: {error.strerror}", volume)
        return None

    def _drain(self) -> None:
        """Keep the first thread from waiting for room after this one has ended."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._applied.get_nowait()


def _greeting(wire: Wire) -> Hello:
    hello = wire.receive(timeout=_GREETING_SECONDS)
    if not isinstance(hello, Hello):
        raise ProtocolError("the first message is not a greeting")
    return hello


def _fatal(volume: str, error: OSError) -> Refused:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refused("full", "the target file system is full", volume)
    return Refused("broken", f"the target file system: {error.strerror}", volume)
