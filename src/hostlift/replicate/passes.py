# SPDX-License-Identifier: Apache-2.0
"""One pass: makes the target volumes equal to the source as it is now. Any number may follow.

    scan -> compare with the manifest -> put in doubt -> remove -> directories -> files ->
    further names -> final metadata

A pass may end at any instant, on either side; the next one starts from what was acknowledged.
"""

from __future__ import annotations

import itertools
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

from hostlift.errors import HostliftError, Interrupted, ReplicationError
from hostlift.events import EventSink, Progress
from hostlift.ports.clock import Clock
from hostlift.replicate.fs.kernel import syncfs
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.protocol import Hello
from hostlift.replicate.sending import jobs as phases
from hostlift.replicate.sending.draft import Desk, Job
from hostlift.replicate.sending.ledger import Ledger
from hostlift.replicate.sending.options import Loss, PassOptions, PassReport
from hostlift.replicate.sending.reader import Reader
from hostlift.replicate.sending.scan import Walk
from hostlift.replicate.sending.staging import Staging, staging
from hostlift.replicate.sending.stream import Signals, Stream
from hostlift.replicate.sending.throttle import Throttle
from hostlift.replicate.source import SourceVolume, order_key, path_of
from hostlift.replicate.wire import Link

__all__ = ["Link", "Loss", "PassOptions", "PassReport", "run_pass"]

_SEE_ROWS = 4000
_MOST_OUTSIDE = 1000
_MOST_ROUNDS = 6


def run_pass(
    *,
    sources: Sequence[SourceVolume],
    manifest: Manifest,
    connect: Callable[[int], Link],
    options: PassOptions,
    sink: EventSink,
    stop: threading.Event,
    clock: Clock,
) -> PassReport:
    """Bring the target up to date with the source.

    Args:
        sources: Every one was bound to its target by `Manifest.bind`.
        connect: Opens connection ``i`` to the receiver; called again whenever one is lost.
        stop: Set it to end the pass; what is on its way is still acknowledged and written down.

    Raises:
        Interrupted: ``stop`` was set.
        TargetLost: The target is not the one the manifest speaks of.
        AgentUnreachable: No connection for ``options.patience`` seconds.
        ReplicationError: The target cannot take any more (full, read-only, broken).
    """
    started = clock.monotonic()
    numbered = {manifest.number(source.id): source for source in sources}
    with staging(manifest) as scratch:
        ledger = Ledger(
            manifest,
            scratch,
            {vol: source.id for vol, source in numbered.items()},
            sink=sink,
            clock=clock,
            step=options.step,
        )
        unreadable = _scan(numbered, scratch, ledger, options, sink, stop)
        load = scratch.plan(unreadable)
        ledger.total = load.bytes
        _note_outside_links(scratch, ledger)
        with _Crew(numbered, ledger, connect, options, stop, clock) as crew:
            _run_phases(crew, scratch, ledger, list(numbered))
    unsettled = sum(manifest.unsettled(source.id) for source in sources)
    sink(Progress(options.step, "files", ledger.total, ledger.total))
    return PassReport(
        files=ledger.objects,
        bytes_read=ledger.bytes_read,
        bytes_sent=ledger.bytes_sent,
        deleted=ledger.deleted,
        hot=tuple(sorted(f"{ledger.names[v]}:".encode() + path_of(k) for v, k in ledger.hot)),
        seconds=clock.monotonic() - started,
        vanished=ledger.vanished,
        findings=tuple(ledger.findings),
        unsettled=unsettled,
    )


def _scan(
    numbered: dict[int, SourceVolume],
    scratch: Staging,
    ledger: Ledger,
    options: PassOptions,
    sink: EventSink,
    stop: threading.Event,
) -> list[tuple[int, bytes]]:
    """Fill the scratch tables; directories that could not be listed."""
    unreadable: list[tuple[int, bytes]] = []
    seen = 0
    for vol, source in numbered.items():
        if not any(tree.place == b"." for tree in source.trees):
            raise ReplicationError("no source tree fills the volume's root", subject=source.id)
        scratch.cover(vol)
        for index, tree in enumerate(source.trees):
            _sync_source(tree.path)
            walk = Walk(vol, index, source, stop.is_set)
            for rows in _gathered(walk.rows()):
                scratch.see(rows)
                seen += len(rows)
                sink(Progress(options.step, "scan", seen, 0, "files"))
            for path, reason in walk.unreadable:
                ledger.found(vol, order_key(path), reason)
                unreadable.append((vol, order_key(path)))
    return unreadable


def _gathered(
    parts: Iterable[list[tuple[int, bytes, int, int, int, int, int, int, int]]],
) -> Iterator[list[tuple[int, bytes, int, int, int, int, int, int, int]]]:
    found: list[tuple[int, bytes, int, int, int, int, int, int, int]] = []
    for part in parts:
        found += part
        if len(found) >= _SEE_ROWS:
            yield found
            found = []
    if found:
        yield found


def _sync_source(path: os.PathLike[str] | bytes) -> None:
    """Stores to memory-mapped files become visible as changes by this only."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syncfs(fd)
    finally:
        os.close(fd)


def _note_outside_links(scratch: Staging, ledger: Ledger) -> None:
    for vol, key, seen, names in scratch.outside_links(_MOST_OUTSIDE):
        ledger.found(vol, key, f"{names - seen} of its {names} names are not part of the copy")


def _run_phases(crew: _Crew, scratch: Staging, ledger: Ledger, volumes: list[int]) -> None:
    crew.run(phases.removals(scratch.gone()), streams=1)
    crew.run(phases.directories(scratch.directories()), streams=1)
    crew.run(phases.files(scratch.files()))
    for _ in range(_MOST_ROUNDS):
        todos = ledger.take_again()
        if not todos:
            break
        crew.run(phases.files(todos))
    crew.run(phases.links(scratch.links()))
    crew.run(phases.cleaning(volumes), streams=1)
    crew.run(phases.finals(itertools.chain(scratch.finals(), scratch.pinned())))


class _Crew:
    """The streams of a pass, and the threads that drive them phase by phase."""

    def __init__(
        self,
        numbered: dict[int, SourceVolume],
        ledger: Ledger,
        connect: Callable[[int], Link],
        options: PassOptions,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        throttle = Throttle(options.bandwidth, clock)
        self._signals = Signals(stop, threading.Event())
        self._readers: list[Reader] = []
        self._streams: list[Stream] = []
        pass_id = uuid.uuid4().hex
        manifest = ledger.manifest
        bound = tuple((s.id, manifest.generation(s.id)) for s in numbered.values())
        for index in range(max(1, options.streams)):
            reader = Reader(numbered, clock, 0 if options.final else options.hot_retries)
            self._readers.append(reader)
            self._streams.append(
                Stream(
                    Hello(options.migration, pass_id, index, bound),
                    connect,
                    desk=Desk(reader, ledger),
                    throttle=throttle,
                    options=options,
                    signals=self._signals,
                    clock=clock,
                )
            )
        self._broken = False

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for stream in self._streams:
            stream.close(politely=kind is None)
        for reader in self._readers:
            reader.close()

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
