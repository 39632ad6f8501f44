# SPDX-License-Identifier: Apache-2.0
"""The passes of a copy: warm ones while the source serves, a frozen last one, the re-read.

Warm passes go on while each is worth it. The last one runs with writers frozen, so that what it
leaves is one point in time. Then the target's disks are read back and compared with the manifest;
what differs is sent again with the next frozen pass, and what still differs then is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from hostlift.errors import VerifyError
from hostlift.flow.context import Agent, Context
from hostlift.flow.results import Pass, part
from hostlift.model.entry import Entry
from hostlift.model.plan import MigrationPlan
from hostlift.model.receipt import Difference, VolumeReceipt
from hostlift.remote.messages import JobKind, JobOrder, RereadOrder
from hostlift.replicate.freeze import FreezePlan, frozen
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import run_pass
from hostlift.replicate.sending.options import PassOptions, PassReport
from hostlift.replicate.source import SourceVolume
from hostlift.verify.compare import compare, show_path

_MAX_WARM_PASSES = 4
_SMALL_DELTA = 32 << 20
"""Bytes: a further warm pass over less than this takes longer than it saves in the freeze."""
_REPAIRS = 2
_SHOWN = 20


@dataclass(slots=True)
class Copier:
    """One copy, from the first warm pass to the proof."""

    ctx: Context
    plan: MigrationPlan
    agent: Agent
    manifest: Manifest
    sources: tuple[SourceVolume, ...]
    notes: list[str] = field(default_factory=list)
    frozen_services: int = 0

    def warm(self) -> list[Pass]:
        """Passes while the source serves, until the next would hardly be smaller."""
        done: list[Pass] = []
        while len(done) < _MAX_WARM_PASSES:
            report = self._pass(final=False)
            done.append(_as_pass(report))
            shrinking = len(done) < 2 or report.bytes_read < done[-2].bytes_read // 2  # noqa: PLR2004
            if report.bytes_read < _SMALL_DELTA or not shrinking:
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
            passes.append(self._final())
            receipts, differences = self._reread()
            if not differences:
                return passes, receipts
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

    def _final(self) -> Pass:
        if not self.ctx.live:
            return _as_pass(self._pass(final=True))
        plan = FreezePlan(
            hooks=self._hooks(),
            hooks_folder=self.ctx.workspace.hooks,
            limit=float(self.ctx.settings.freeze_limit),
        )
        with frozen(
            plan, commands=self.ctx.commands, clock=self.ctx.clock, sink=self.ctx.sink
        ) as ice:
            report = self._pass(final=True)
        self.frozen_services = ice.services
        return _as_pass(report, ice.seconds)

    def _hooks(self) -> tuple[str, ...]:
        wished = self.ctx.settings.hooks
        return self.plan.workload_hooks if wished == "auto" else tuple(wished)

    def _pass(self, *, final: bool) -> PassReport:
        settings = self.ctx.settings
        options = PassOptions(
            migration=self.ctx.migration,
            streams=settings.streams,
            level=settings.compress_level,
            bandwidth=lambda: settings.bandwidth_limit,
            final=final,
        )
        report = run_pass(
            sources=self.sources,
            manifest=self.manifest,
            connect=lambda _stream: self.agent.open_data(),
            options=options,
            sink=self.ctx.sink,
            stop=self.ctx.waiter.stop,
            clock=self.ctx.clock,
        )
        if final:
            self.notes = [
                f"{show_path(loss.path)}: {loss.reason}" for loss in report.findings[:_SHOWN]
            ]
        return report

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


def _as_pass(report: PassReport, freeze_seconds: float = 0.0) -> Pass:
    return Pass(
        files=report.files,
        deleted=report.deleted,
        bytes_read=report.bytes_read,
        bytes_sent=report.bytes_sent,
        seconds=report.seconds,
        freeze_seconds=freeze_seconds,
    )


def _shown(differences: tuple[Difference, ...]) -> str:
    words = [f"{d.path} ({d.kind.value})" for d in differences[:_SHOWN]]
    return ", ".join(words) + (" …" if len(differences) > _SHOWN else "")
