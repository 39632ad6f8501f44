# SPDX-License-Identifier: Apache-2.0
"""Drives the streams of a pass: each in a thread of its own, all drawing from the same jobs."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping

from hostlift.errors import HostliftError, Interrupted
from hostlift.ports.clock import Clock
from hostlift.replicate.protocol import Hello
from hostlift.replicate.sending.draft import Desk, Job
from hostlift.replicate.sending.ledger import Ledger
from hostlift.replicate.sending.options import PassOptions
from hostlift.replicate.sending.reader import Reader
from hostlift.replicate.sending.reading.job import Helper
from hostlift.replicate.sending.stream import Signals, Stream
from hostlift.replicate.sending.throttle import Brakes
from hostlift.replicate.source import SourceVolume
from hostlift.replicate.wire import Link


class Crew:
    """The streams of a pass, and the threads that drive them.

    Args:
        numbered: The source's volumes by their number in the manifest.
        connect: Opens the connection of a stream.
        stop: The user wants to pause.
    """

    def __init__(
        self,
        numbered: Mapping[int, SourceVolume],
        ledger: Ledger,
        connect: Callable[[int], Link],
        *,
        options: PassOptions,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        brakes = Brakes.of(options, clock)
        turn = threading.Lock()
        self._signals = Signals(stop, threading.Event())
        self._opened: list[Reader | Helper] = []
        self._streams: list[Stream] = []
        pass_id = uuid.uuid4().hex
        manifest = ledger.manifest
        bound = tuple((s.id, manifest.generation(s.id)) for s in numbered.values())
        for index in range(max(1, options.streams)):
            reader = Reader(numbered, ledger.synced, 0 if options.final else options.hot_retries)
            desk = Desk(reader, ledger, options.written, turn)
            helper = Helper(numbered, desk, options)
            self._opened += (reader, helper)
            self._streams.append(
                Stream(
                    Hello(options.migration, pass_id, index, bound),
                    connect,
                    desk=desk,
                    helper=helper,
                    brakes=brakes,
                    options=options,
                    signals=self._signals,
                    clock=clock,
                )
            )

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for stream in self._streams:
            stream.close(politely=kind is None)
        for each in self._opened:
            each.close()

    def run(self, jobs: Iterator[Job], *, streams: int = 0) -> None:
        """Do all jobs; they are durable at the target when this returns.

        Args:
            streams: How many streams take part; 0 for all.
        """
        shared = _Shared(jobs)
        first = next(shared, None)
        if first is None:
            return
        queue = _Shared(itertools.chain((first,), shared))
        errors: list[BaseException] = []
        threads = [
            threading.Thread(target=self._drive, args=(stream, queue, errors), name=f"stream-{i}")
            for i, stream in enumerate(self._streams[: streams or None])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise _foremost(errors)

    def _drive(self, stream: Stream, jobs: Iterator[Job], errors: list[BaseException]) -> None:
        try:
            stream.work(jobs)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            errors.append(error)
            self._signals.abort.set()


class _Shared:
    """An iterator that several threads may draw from."""

    def __init__(self, jobs: Iterator[Job]) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()

    def __iter__(self) -> _Shared:
        return self

    def __next__(self) -> Job:
        with self._lock:
            return next(self._jobs)


def _foremost(errors: list[BaseException]) -> BaseException:
    """The error that explains the others: a stream that was merely told to end explains nothing."""
    told = [e for e in errors if not isinstance(e, Interrupted)]
    known = [e for e in told if isinstance(e, HostliftError)]
    return (known or told or errors)[0]
