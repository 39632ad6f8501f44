# SPDX-License-Identifier: Apache-2.0
"""One data connection from the sender's side: sends batches, reads acknowledgements, reconnects.

A batch is kept until it is acknowledged and sent again, in order, on every new connection. Only the
stream's own thread touches the connection.
"""

from __future__ import annotations

import random
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import zstandard

from hostlift.errors import (
    AgentUnreachable,
    HostliftError,
    Interrupted,
    ProtocolError,
    RemoteError,
    ReplicationError,
    TargetLost,
)
from hostlift.ports.clock import Clock
from hostlift.replicate.protocol import (
    Ack,
    Bye,
    Flush,
    Hello,
    Message,
    Refused,
    Welcome,
    encode,
)
from hostlift.replicate.sending.draft import Desk, Draft, Job
from hostlift.replicate.sending.ledger import Outcome
from hostlift.replicate.sending.options import PassOptions
from hostlift.replicate.sending.throttle import Throttle
from hostlift.replicate.wire import Link, Wire

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 20.0
_GREETING_SECONDS = 60.0
_POLL_SECONDS = 0.5
_LAST_ACKS_SECONDS = 5.0
_NO_SPACE_HINT = (
    "Make the target disk larger, or exclude something, and run the same command again."
)


@dataclass(frozen=True, slots=True)
class _Sent:
    vol: int
    outcomes: list[Outcome]
    frame: bytes


@dataclass(frozen=True, slots=True)
class Signals:
    """``stop``: the user wants to pause. ``abort``: another stream of the pass has failed."""

    stop: threading.Event
    abort: threading.Event


class Stream:
    """Stream ``index`` of a pass; used by one thread at a time.

    Args:
        connect: Opens the connection of this stream.
        hello: How it introduces itself.
        names: Volume ids by number.
    """

    def __init__(
        self,
        hello: Hello,
        connect: Callable[[int], Link],
        *,
        desk: Desk,
        throttle: Throttle,
        options: PassOptions,
        signals: Signals,
        clock: Clock,
    ) -> None:
        self._hello = hello
        self._connect = connect
        self._desk = desk
        self._throttle = throttle
        self._options = options
        self._signals = signals
        self._clock = clock
        self._wire: Wire | None = None
        self._unacked: dict[int, _Sent] = {}
        self._unacked_bytes = 0
        self._outbox: deque[memoryview] = deque()
        self._number = 0
        self._flushing = False
        self._heard = clock.monotonic()
        self._lost_at: float | None = None
        self._pause = 0.0
        level = options.level
        self._compressor = zstandard.ZstdCompressor(level=level) if level else None

    def work(self, jobs: Iterable[Job]) -> None:
        """Do jobs until there are none left and everything is acknowledged.

        Raises:
            Interrupted: Told to stop; what was acknowledged meanwhile is written down.
            HostliftError: The pass cannot go on.
        """
        for job in jobs:
            for draft in job.drafts(self._desk):
                self._deliver(draft)
                if self._told_to_end():
                    self._end_early()
        self._drain()

    def close(self, *, politely: bool) -> None:
        """End the connection, after the receiver's last word when there is time for it."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        try:
            if politely:
                wire.send(encode(Bye()), timeout=_LAST_ACKS_SECONDS)
                while not isinstance(wire.receive(timeout=_LAST_ACKS_SECONDS), Bye):
                    pass
        except (ConnectionError, ProtocolError):
            return
        finally:
            wire.abort()
            wire.close()

    def _deliver(self, draft: Draft) -> None:
        self._number += 1
        ledger = self._desk.ledger
        frame = draft.frame(self._number, ledger.names[draft.vol], self._compressor)
        self._unacked[self._number] = _Sent(draft.vol, draft.outcomes, frame)
        self._unacked_bytes += len(frame)
        self._outbox.append(memoryview(frame))
        window = max(self._options.window, len(frame))
        self._pump(lambda: not self._outbox and self._unacked_bytes <= window)

    def _drain(self) -> None:
        if not self._unacked:
            return
        self._flush()
        self._pump(lambda: not self._unacked)
        self._flushing = False

    def _flush(self) -> None:
        self._flushing = True
        self._outbox.append(memoryview(encode(Flush())))

    def _told_to_end(self) -> bool:
        return self._signals.stop.is_set() or self._signals.abort.is_set()

    def _end_early(self) -> None:
        """Take the acknowledgements that are on their way, then stop."""
        if self._signals.stop.is_set() and self._wire is not None:
            self._flush()
            end = self._clock.monotonic() + _LAST_ACKS_SECONDS
            self._pump(lambda: not self._unacked or self._clock.monotonic() > end, ending=True)
        raise Interrupted("stopped while copying")

    def _pump(self, done: Callable[[], bool], *, ending: bool = False) -> None:
        """Move bytes both ways until ``done``."""
        while not done():
            if not ending and self._told_to_end():
                self._end_early()
            try:
                wire = self._wire or self._reconnect()
                moved, pause = self._write(wire)
                moved = self._read(wire) or moved
                if not moved:
                    self._wait(wire, pause)
            except (ConnectionError, ProtocolError) as error:
                if ending:
                    return
                self._lose(error)

    def _write(self, wire: Wire) -> tuple[bool, float]:
        """Whether something went out, and how long the bandwidth limit asks to wait."""
        if not self._outbox:
            return False, 0.0
        view = self._outbox[0]
        granted, pause = self._throttle.allowance(len(view))
        if not granted:
            return False, pause
        done = wire.try_send(view[:granted])
        self._throttle.give_back(granted - done)
        self._desk.ledger.sent(done)
        if done == len(view):
            self._outbox.popleft()
        else:
            self._outbox[0] = view[done:]
        return done > 0, 0.0

    def _read(self, wire: Wire) -> bool:
        if not self._unacked or not wire.try_receive():
            return False
        while (message := wire.take()) is not None:
            self._take(message)
        self._heard = self._clock.monotonic()
        self._lost_at = None
        self._pause = 0.0
        return True

    def _take(self, message: Message) -> None:
        match message:
            case Ack():
                for result in message.results:
                    sent = self._unacked.pop(result.batch, None)
                    if sent is None:
                        raise ProtocolError(f"acknowledgement of unknown batch {result.batch}")
                    self._unacked_bytes -= len(sent.frame)
                    self._desk.ledger.acknowledged(sent.vol, sent.outcomes, result.problems)
            case Refused():
                raise refusal(message)
            case _:
                raise ProtocolError(f"unexpected {type(message).__name__}")

    def _wait(self, wire: Wire, pause: float) -> None:
        if pause:
            wire.wait(read=bool(self._unacked), write=False, timeout=pause)
            return
        wire.wait(read=True, write=bool(self._outbox), timeout=_POLL_SECONDS)
        if self._clock.monotonic() - self._heard > self._options.stall:
            raise ConnectionError(f"no answer for {self._options.stall:g} s")

    def _lose(self, error: Exception) -> None:
        """The connection is of no use any more; all that is not acknowledged goes out again."""
        if self._wire is not None:
            self._wire.abort()
            self._wire.close()
            self._wire = None
        now = self._clock.monotonic()
        if self._lost_at is None:
            self._lost_at = now
        if now - self._lost_at > self._options.patience:
            raise AgentUnreachable(
                f"no data connection for {now - self._lost_at:.0f} s: {error}",
                subject=f"stream {self._hello.stream}",
            ) from error
        self._outbox = deque(memoryview(sent.frame) for sent in self._unacked.values())
        if self._flushing:
            self._outbox.append(memoryview(encode(Flush())))

    def _reconnect(self) -> Wire:
        while True:
            if self._pause:
                self._signals.stop.wait(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            if self._told_to_end():
                raise Interrupted("stopped while connecting")
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
            try:
                wire = self._greet()
            except ssl.SSLCertVerificationError as error:
                raise ReplicationError(
                    f"the data connection is not trusted: {error.verify_message}"
                ) from error
            except (OSError, RemoteError, ProtocolError) as error:
                self._lose(error)
                continue
            self._wire = wire
            self._heard = self._clock.monotonic()
            return wire

    def _greet(self) -> Wire:
        wire = Wire(self._connect(self._hello.stream))
        try:
            wire.send(encode(self._hello), timeout=_GREETING_SECONDS)
            _check_welcome(wire.receive(timeout=_GREETING_SECONDS), self._hello.version)
        except BaseException:
            wire.abort()
            wire.close()
            raise
        return wire


def _check_welcome(answer: Message, version: int) -> None:
    match answer:
        case Refused(code="busy"):
            raise ConnectionError(answer.message)
        case Refused():
            raise refusal(answer)
        case Welcome() if answer.version == version:
            return
        case _:
            raise ProtocolError("no welcome of our version")


def refusal(message: Refused) -> HostliftError:
    """The error that a receiver's refusal stands for."""
    if message.code == TargetLost.code:
        return TargetLost(message.message, subject=message.subject)
    hint = _NO_SPACE_HINT if message.code == "full" else ""
    return ReplicationError(message.message, subject=message.subject, hint=hint)
