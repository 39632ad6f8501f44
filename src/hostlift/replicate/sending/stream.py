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
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from hostlift.errors import (
    AgentUnreachable,
    HostliftError,
    Interrupted,
    ProtocolError,
    RemoteError,
    ReplicationError,
    TargetFull,
    TargetLost,
)
from hostlift.ports.clock import Clock
from hostlift.replicate.protocol import (
    Ack,
    Body,
    Bye,
    Flush,
    Hello,
    Message,
    Problem,
    Refused,
    Result,
    Welcome,
    encode,
)
from hostlift.replicate.sending.ahead import running_ahead
from hostlift.replicate.sending.compression import Compression
from hostlift.replicate.sending.draft import Desk, Draft, Job
from hostlift.replicate.sending.options import PassOptions
from hostlift.replicate.sending.outcomes import Outcome
from hostlift.replicate.sending.reading.job import Helper
from hostlift.replicate.sending.throttle import Brakes
from hostlift.replicate.wire import Link, Wire

_AHEAD = 2
"""Batches that are read while one is sent."""
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 20.0
_GREETING_SECONDS = 60.0
_POLL_SECONDS = 0.5
_MOST_UNACKED = 64 << 20
"""Bytes that all streams together keep until they are acknowledged. The receiver is asked to do so
whenever half of a stream's window is full: 64 MiB and an answer in 0.3 s fill 1 Gbit/s twice."""
_LEAST_WINDOW = 4 << 20
_LAST_ACKS_SECONDS = 5.0
_NO_SPACE_HINT = (
    "Make the target disk larger, or exclude something, and run the same command again."
)


@dataclass(frozen=True, slots=True)
class _Sent:
    vol: int
    outcomes: list[Outcome]
    frame: tuple[bytes, Body]

    @property
    def size(self) -> int:
        return len(self.frame[0]) + len(self.frame[1])

    def views(self) -> Iterator[memoryview]:
        return (memoryview(part) for part in self.frame if part)


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
        helper: Helper,
        brakes: Brakes,
        options: PassOptions,
        signals: Signals,
        clock: Clock,
    ) -> None:
        self._hello = hello
        self._connect = connect
        self._desk = desk
        self._helper = helper
        self._throttle = brakes.throttle
        self._pace = brakes.pace
        self._granted = 0
        self._options = options
        self._signals = signals
        self._clock = clock
        self._wire: Wire | None = None
        self._unacked: dict[int, _Sent] = {}
        self._unacked_bytes = 0
        self._window = min(
            options.window, max(_LEAST_WINDOW, _MOST_UNACKED // max(1, options.streams))
        )
        self._unflushed = 0
        self._outbox: deque[memoryview] = deque()
        self._number = 0
        self._flushing = False
        self._heard = clock.monotonic()
        self._lost_at: float | None = None
        self._pause = 0.0
        self._compression = Compression(options.level, clock)

    def work(self, jobs: Iterable[Job]) -> None:
        """Do jobs until there are none left and everything is acknowledged.

        Raises:
            Interrupted: Told to stop; what was acknowledged meanwhile is written down.
            HostliftError: The pass cannot go on.
        """
        with closing(running_ahead(self._drafts(jobs), _AHEAD)) as drafts:
            for draft in drafts:
                self._deliver(draft)
                self._rest()
                if self._told_to_end():
                    self._end_early()
        self._drain()

    def _drafts(self, jobs: Iterable[Job]) -> Iterator[Draft]:
        """Batches in the order of the jobs."""
        for job in jobs:
            if self._helper.takes(job):
                yield from self._helper.drafts(job)
            else:
                yield from job.drafts(self._desk)

    def close(self, *, politely: bool) -> None:
        """End the connection; nobody waits for an answer, all that counts is acknowledged."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        try:
            if politely:
                wire.send(encode(Bye()), timeout=_LAST_ACKS_SECONDS)
        except ConnectionError:
            return
        finally:
            wire.abort()
            wire.close()

    def _rest(self) -> None:
        """Leave the processor to others when the pass has had its share of it."""
        while (pause := self._pace.pause()) and not self._told_to_end():
            self._signals.stop.wait(pause)

    def _deliver(self, draft: Draft) -> None:
        self._number += 1
        volume = self._desk.ledger.names[draft.vol]
        frame = draft.frame(self._number, volume, self._compression.body)
        sent = _Sent(draft.vol, draft.outcomes, frame)
        self._unacked[self._number] = sent
        self._unacked_bytes += sent.size
        self._outbox.extend(sent.views())
        window = max(self._window, sent.size)
        self._unflushed += sent.size
        if self._unflushed * 2 >= window:
            self._unflushed = 0
            self._outbox.append(memoryview(encode(Flush())))
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
        if not self._granted:
            self._granted, pause = self._throttle.allowance(len(view))
            if not self._granted:
                return False, pause
        # What did not go out stays granted: the wire must be offered as much of it again.
        done = wire.try_send(view[: self._granted])
        self._granted -= done
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
                self._compression.answered(message.idle / 1000, message.elapsed / 1000)
                self._note(message.results)
            case Refused():
                raise refusal(message)
            case _:
                raise ProtocolError(f"unexpected {type(message).__name__}")

    def _note(self, results: tuple[Result, ...]) -> None:
        """Write down what is durable: one transaction, as far as it is of one volume."""
        if len({r.batch for r in results} & self._unacked.keys()) < len(results):
            raise ProtocolError("acknowledgement of an unknown batch")
        notes: list[tuple[int, list[Outcome], list[Problem]]] = []
        for result in results:
            sent = self._unacked.pop(result.batch)
            self._unacked_bytes -= sent.size
            if not notes or notes[-1][0] != sent.vol:
                notes.append((sent.vol, [], []))
            _, outcomes, problems = notes[-1]
            problems += (replace(p, index=p.index + len(outcomes)) for p in result.problems)
            outcomes += sent.outcomes
        for vol, outcomes, problems in notes:
            self._desk.ledger.acknowledged(vol, outcomes, problems)

    def _wait(self, wire: Wire, pause: float) -> None:
        start = self._clock.monotonic()
        if pause:
            wire.wait(read=bool(self._unacked), write=False, timeout=pause)
        else:
            wire.wait(read=True, write=bool(self._outbox), timeout=_POLL_SECONDS)
        if self._outbox:
            self._compression.waited(self._clock.monotonic() - start)
        if pause:
            return
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
        self._throttle.give_back(self._granted)
        self._granted = 0
        self._outbox = deque(view for sent in self._unacked.values() for view in sent.views())
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
        timeout = min(_GREETING_SECONDS, self._options.stall)
        try:
            wire.send(encode(self._hello), timeout=timeout)
            _check_welcome(wire.receive(timeout=timeout), self._hello.version)
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
    if message.code == "full":
        return TargetFull(message.message, subject=message.subject, hint=_NO_SPACE_HINT)
    return ReplicationError(message.message, subject=message.subject)
