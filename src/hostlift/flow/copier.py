# SPDX-License-Identifier: Apache-2.0
"""The passes of a copy: warm ones while the source serves, a frozen last one, the re-read.

Warm passes go on while each is worth it; outside of the bandwidth window they wait, and on a live
source they give way to its services. The last one runs with writers frozen, at full priority and
without waiting for anything, so that what it leaves is one point in time. Then the target's disks
are read back and compared with the manifest; what differs is sent again with the next frozen pass,
and what still differs then is an error. Every pass is journaled as it ends.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from hostlift.errors import Interrupted, VerifyError
from hostlift.flow.context import Agent, Context
from hostlift.flow.passes import forecast
from hostlift.flow.passes.history import note_pass
from hostlift.flow.passes.limits import Limits, WindowStop
from hostlift.flow.passes.traced import traced
from hostlift.flow.passes.unrest import unrest_told
from hostlift.flow.results import Pass, Site, part
from hostlift.host.priority import giving_way
from hostlift.model.entry import Entry
from hostlift.model.plan import MigrationPlan
from hostlift.model.quantity import duration, size
from hostlift.model.receipt import Difference, VolumeReceipt
from hostlift.remote.messages import JobKind, JobOrder, PrepareOrder, RereadOrder
from hostlift.replicate import held
from hostlift.replicate.changes.written import Written
from hostlift.replicate.freeze import FreezePlan, before_pass, cut_over, frozen
from hostlift.replicate.held import Held
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import Link, run_pass
from hostlift.replicate.roots import private_roots
from hostlift.replicate.sending.options import PassOptions, PassReport
from hostlift.replicate.source import SourceVolume
from hostlift.verify.compare import compare, show_path
from hostlift.verify.losses import Losses

_REPAIRS = 2
_SHOWN = 20
_HOUR = 3600.0
_WINDOW_LOOK = 5.0
"""Seconds: a window or limit that changes while a pass waits for it is noticed by then."""


@contextmanager
def copier_at(ctx: Context, plan: MigrationPlan, site: Site) -> Iterator[Copier]:
    """A copier onto the disks of a site, which are prepared first; what they hold is kept."""
    with (
        ctx.agents(ctx, site) as agent,
        Manifest.open(ctx.workspace.database) as manifest,
        private_roots(plan.volumes, ctx.source_root) as sources,
        traced(ctx, sources) as written,
    ):
        order = PrepareOrder(disks=plan.disks, volumes=plan.volumes, serials=site.serials)
        done = agent.run(
            JobOrder(kind=JobKind.PREPARE, prepare=order), label="preparing target disks"
        )
        for volume in part(done.prepared).volumes:
            manifest.bind(volume.volume, volume.generation)
        yield Copier(
            ctx,
            plan,
            agent,
            manifest,
            tuple(sources),
            instance=site.instance,
            written=written,
            limits=Limits(ctx.workspace.user_config, ctx.settings, ctx.clock, ctx.sink),
        )


@dataclass(slots=True)
class Copier:
    """One copy, from the first warm pass to the proof.

    Attributes:
        tells: After each warm pass, say what was copied and what a freeze would take.
    """

    ctx: Context
    plan: MigrationPlan
    agent: Agent
    manifest: Manifest
    sources: tuple[SourceVolume, ...]
    instance: str
    limits: Limits
    written: Written | None = None
    tells: bool = False
    notes: list[str] = field(default_factory=list)
    frozen_services: int = 0
    losses: Losses = field(default_factory=Losses)

    def warm(self) -> list[Pass]:
        """Passes while the source serves, until the next would hardly be smaller."""
        done: list[Pass] = []
        while len(done) < forecast.MOST_WARM_PASSES:
            self._let_flush()
            one = self._warm_pass()
            done.append(one)
            shrinking = len(done) < 2 or one.bytes_read < done[-2].bytes_read // 2  # noqa: PLR2004
            if one.bytes_read < forecast.SMALL_DELTA or not shrinking:
                break
        return done

    def finish(self) -> tuple[list[Pass], tuple[VolumeReceipt, ...]]:
        """The frozen pass and the proof; repeated when the target's disks say otherwise.

        Raises:
            VerifyError: What was read back still differs.
        """
        passes: list[Pass] = []
        differences: tuple[Difference, ...] = ()
        for _ in range(1 + _REPAIRS):
            with self.letting_go():
                passes.append(self._final())
                receipts, differences = self._reread()
                if self.losses.explain(differences):
                    return passes, receipts
            self.let_go()
            self.ctx.note(
                f"{len(differences)} paths differ on the target's disks and are sent again:"
                f" {_shown(differences)}",
                "warning",
            )
            self._doubt(differences)
        raise VerifyError(
            f"{len(differences)} paths still differ after {_REPAIRS} repairs: {_shown(differences)}",
            subject="the copy",
            hint="The target's disks do not keep what is written. Rerun; if it stays, clear and"
            " start again with another instance.",
        )

    def let_go(self) -> None:
        """Thaw what is held: the copy is not the last one."""
        held.release(self.ctx.workspace.frozen, self.ctx.clock)

    @contextmanager
    def letting_go(self) -> Iterator[None]:
        """Whatever ends the block with an error thaws what is held."""
        try:
            yield
        except BaseException:
            self.let_go()
            raise

    def _warm_pass(self) -> Pass:
        """One whole pass; closing windows end it early, and it begins anew when they open."""
        while True:
            self._wait_for_window()
            stop = WindowStop(self.ctx.waiter.stop, self.limits)
            started = self.ctx.clock.now()
            try:
                with self._gently(), unrest_told(self.ctx, self.plan):
                    report = self._pass(self._options(), self._door, stop)
            except Interrupted:
                if not stop.closed or self.ctx.waiter.stop.is_set():
                    raise
                continue
            return self._journaled(report, started)

    def _let_flush(self) -> None:
        """What services write out before a cutover's passes is no part of the freeze."""
        if self.ctx.live and not self.tells:
            before_pass(
                self._freeze_plan(),
                commands=self.ctx.commands,
                clock=self.ctx.clock,
                sink=self.ctx.sink,
            )

    def _gently(self) -> contextlib.AbstractContextManager[None]:
        low = self.ctx.live and self.ctx.settings.source_priority == "low"
        return giving_way() if low else contextlib.nullcontext()

    def _wait_for_window(self) -> None:
        wait = self.limits.closed_for()
        if wait > 0:
            self.ctx.note(
                f"outside of bandwidth_window: nothing is sent for {duration(wait)}; Ctrl-C pauses"
            )
        while (wait := self.limits.closed_for()) > 0:
            self.ctx.waiter.pause(min(wait, _WINDOW_LOOK))

    def _final(self) -> Pass:
        options = replace(
            self._options(), final=True, bandwidth=self.limits.bandwidth_frozen, cpu_limit=_no_limit
        )
        stop = self.ctx.waiter.stop
        if not self.ctx.live:
            started = self.ctx.clock.now()
            return self._journaled(self._pass(options, self._door, stop), started)
        rehearsing = bool(self.ctx.journal.state.rehearsal)
        hold = 0.0 if rehearsing else self.ctx.settings.hold_hours * _HOUR
        plan = replace(self._freeze_plan(), hold=hold)
        # Nothing but the pass happens while writers stand still: connections are made before, what
        # is journaled is journaled after, and a lost link is not waited for beyond the limit.
        options = replace(options, patience=min(options.patience, plan.limit))
        with (
            _opened_ahead(self._door, options.streams) as door,
            frozen(
                plan, commands=self.ctx.commands, clock=self.ctx.clock, sink=self.ctx.sink
            ) as ice,
        ):
            started = self.ctx.clock.now()
            report = self._pass(options, door, stop)
            until = self.ctx.clock.now() + hold
        if ice.holder is not None:
            held.note(self.ctx.workspace.frozen, Held(ice.holder, until))
        self.frozen_services = ice.services
        return self._journaled(report, started, ice.seconds)

    def cut_over(self) -> None:
        """Tell the user's hooks that the source will not be used again.

        Raises:
            HostError: One of them failed.
        """
        if self.ctx.live:
            cut_over(
                self._freeze_plan(),
                commands=self.ctx.commands,
                clock=self.ctx.clock,
                sink=self.ctx.sink,
            )

    def _freeze_plan(self) -> FreezePlan:
        wished = self.ctx.settings.hooks
        return FreezePlan(
            hooks=self.plan.workload_hooks if wished == "auto" else tuple(wished),
            hooks_folder=self.ctx.workspace.hooks,
            filesystems=tuple(t.path for v in self.plan.volumes for t in v.trees),
            limit=float(self.ctx.settings.freeze_limit),
        )

    def _door(self, _stream: int) -> Link:
        return self.agent.open_data()

    def _options(self) -> PassOptions:
        settings = self.ctx.settings
        return PassOptions(
            migration=self.ctx.migration,
            streams=settings.streams,
            level=settings.compress_level,
            bandwidth=self.limits.bandwidth,
            cpu_limit=self.limits.cpu if self.ctx.live else _no_limit,
            written=self.written,
        )

    def _pass(
        self, options: PassOptions, connect: Callable[[int], Link], stop: threading.Event
    ) -> PassReport:
        return run_pass(
            sources=self.sources,
            manifest=self.manifest,
            connect=connect,
            options=options,
            sink=self.ctx.sink,
            stop=stop,
            clock=self.ctx.clock,
        )

    def _journaled(
        self, report: PassReport, started: float, freeze_seconds: float | None = None
    ) -> Pass:
        self.losses.add((loss.volume, loss.path) for loss in report.findings)
        self.notes = [f"{show_path(loss.path)}: {loss.reason}" for loss in report.findings[:_SHOWN]]
        one = Pass(
            files=report.files,
            deleted=report.deleted,
            bytes_read=report.bytes_read,
            bytes_sent=report.bytes_sent,
            seconds=report.seconds,
            freeze_seconds=freeze_seconds or 0.0,
            started=started,
        )
        limit = self.limits.bandwidth_frozen()
        foreseen = note_pass(self.ctx.journal, self.instance, one, limit)
        if self.tells:
            self.ctx.note(_told(one))
            for line in forecast.lines(foreseen) if foreseen else ():
                self.ctx.note(line)
        return one

    def _reread(self) -> tuple[tuple[VolumeReceipt, ...], tuple[Difference, ...]]:
        rows = len(self.ctx.journal.history())
        order = RereadOrder(
            volumes=tuple(v.id for v in self.plan.volumes),
            nonce=f"{self.ctx.migration}/{rows}/{self.ctx.clock.now()}",
        )
        job = JobOrder(kind=JobKind.REREAD, reread=order)
        status = self.agent.run(job, label="reading back the target's disks")
        counts = part(status.reread).entries
        stream = self.agent.entries(status.id)
        receipts: list[VolumeReceipt] = []
        found: list[Difference] = []
        for volume in self.plan.volumes:
            there: Iterator[Entry] = itertools.islice(stream, counts[volume.id])
            here = self.manifest.entries(volume.id)
            receipt, differences = compare(volume.id, volume.mount_point, here, there)
            receipts.append(receipt)
            found += differences
        return tuple(receipts), tuple(found)

    def _doubt(self, differences: tuple[Difference, ...]) -> None:
        for volume in self.plan.volumes:
            shown = {d.path for d in differences if d.volume == volume.id}
            if shown:
                paths = [
                    e.path for e in self.manifest.entries(volume.id) if show_path(e.path) in shown
                ]
                self.manifest.doubt(volume.id, paths)


@contextmanager
def _opened_ahead(connect: Callable[[int], Link], streams: int) -> Iterator[Callable[[int], Link]]:
    """A door whose first connections are made already; those nobody took are closed."""
    ready: dict[int, Link] = {}
    try:
        for stream in range(streams):
            ready[stream] = connect(stream)
        yield lambda stream: ready.pop(stream) if stream in ready else connect(stream)
    finally:
        for link in ready.values():
            link.close()


def _no_limit() -> int:
    return 0


def _told(one: Pass) -> str:
    return (
        f"pass: {one.files} objects sent, {one.deleted} deleted, {size(one.bytes_read)} read,"
        f" {size(one.bytes_sent)} on the wire, {duration(one.seconds)}"
    )


def _shown(differences: tuple[Difference, ...]) -> str:
    words = [f"{d.path} ({d.kind.value})" for d in differences[:_SHOWN]]
    return ", ".join(words) + (" …" if len(differences) > _SHOWN else "")
