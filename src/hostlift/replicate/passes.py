# SPDX-License-Identifier: Apache-2.0
"""One pass: makes the target volumes equal to the source as it is now. Any number may follow.

    survey -> compare with the manifest -> put in doubt -> remove -> directories -> files ->
    further names -> final metadata -> shared blocks

New volumes are sent while they are surveyed; of others only what may have changed is looked at.

A pass may end at any instant, on either side; the next one starts from what was acknowledged.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence

from hostlift.events import EventSink, Progress
from hostlift.ports.clock import Clock
from hostlift.replicate import waves
from hostlift.replicate.collecting import fewer_collections
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.sending import jobs as phases
from hostlift.replicate.sending import sharing
from hostlift.replicate.sending.crew import Crew
from hostlift.replicate.sending.draft import Job
from hostlift.replicate.sending.ledger import Ledger
from hostlift.replicate.sending.options import Loss, PassOptions, PassReport
from hostlift.replicate.sending.staging import Staging, Workload, staging
from hostlift.replicate.sending.survey import Survey
from hostlift.replicate.source import SourceVolume
from hostlift.replicate.tracked import make_indexes
from hostlift.replicate.wire import Link

__all__ = ["Link", "Loss", "PassOptions", "PassReport", "run_pass"]

_MOST_OUTSIDE = 1000
_MOST_ROUNDS = 6
_FEW = 2000
_FEW_BYTES = 8 << 20


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
    with fewer_collections(), staging(manifest) as scratch:
        waves.recall(manifest)
        names = {vol: source.id for vol, source in numbered.items()}
        ledger = Ledger(manifest, scratch, names, sink=sink, clock=clock, step=options.step)
        survey = Survey(numbered, ledger, options=options, sink=sink, stopped=stop.is_set)
        with Crew(numbered, ledger, connect, options=options, stop=stop, clock=clock) as crew:
            survey.turn()
            crew.run(phases.files(survey.fresh()))
            survey.others()
            load = scratch.plan(survey.unreadable, survey.marks, acknowledged=ledger.objects)
            ledger.total += load.bytes
            _note_outside_links(scratch, ledger)
            _run_phases(crew, scratch, ledger, load)
            sharing.share(crew, scratch, numbered, final=options.final)
            _pin(crew, scratch)
        if survey.walked:
            make_indexes(manifest)
    sink(Progress(options.step, "files", ledger.total, ledger.total))
    return ledger.report(
        looked_at=survey.looked_at,
        seconds=clock.monotonic() - started,
        unsettled=sum(manifest.unsettled(source.id) for source in sources),
    )


def _note_outside_links(scratch: Staging, ledger: Ledger) -> None:
    for vol, key, seen, names in scratch.outside_links(_MOST_OUTSIDE):
        ledger.found(vol, key, f"{names - seen} of its {names} names are not part of the copy")


def _run_phases(crew: Crew, scratch: Staging, ledger: Ledger, load: Workload) -> None:
    """Do what was planned. Phases wait for each other, because streams do not.

    Little work goes over one stream, which keeps its order, so that nobody waits for round trips.
    """
    first = (phases.removals(scratch.gone()), phases.directories(scratch.directories()))
    if load.objects + load.gone <= _FEW and load.bytes <= _FEW_BYTES:
        work = (*first, phases.files(scratch.files()), *_last(scratch))
        crew.run(itertools.chain.from_iterable(work), streams=1)
        if not ledger.has_again:
            return
    else:
        for jobs in first:
            crew.run(jobs, streams=1)
        crew.run(phases.files(scratch.files()))
    for _ in range(_MOST_ROUNDS):
        todos = ledger.take_again()
        if not todos:
            break
        crew.run(phases.files(todos))
    for jobs in _last(scratch):
        crew.run(jobs)


def _last(scratch: Staging) -> tuple[Iterator[Job], Iterator[Job]]:
    """What needs all files in their places: further names, final metadata."""
    return phases.links(scratch.links()), phases.finals(scratch.finals(), scratch.roots())


def _pin(crew: Crew, scratch: Staging) -> None:
    """Immutable and append-only, once the files are acknowledged that shall be so."""
    crew.run(phases.finals(scratch.pinned(), ()))
