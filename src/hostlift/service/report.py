# SPDX-License-Identifier: Apache-2.0
"""The result of a migration as data: what was moved, how fast, what was changed, the proof."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.flow.journal import Journal, Record
from hostlift.flow.results import Copy, Pass, Results, need
from hostlift.model.adaptation import Edit
from hostlift.model.receipt import BootProof, VolumeReceipt
from hostlift.settings.folder import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The end of the story; bytes and seconds.

    Attributes:
        seconds: Time each step took in the run that finished it, by name.
        kept: What stays and is billed: the image and its snapshots.
    """

    migration: str
    hostname: str
    image: str
    image_name: str
    region: str
    passes: tuple[Pass, ...]
    freeze_seconds: float
    volumes: tuple[VolumeReceipt, ...]
    edits: tuple[Edit, ...]
    notes: tuple[str, ...]
    boot: BootProof | None
    receipt: str
    released: tuple[str, ...]
    kept: tuple[str, ...]
    seconds: dict[str, float]

    @property
    def bytes_read(self) -> int:
        """Bytes of file content read at the source, all passes."""
        return sum(p.bytes_read for p in self.passes)

    @property
    def bytes_sent(self) -> int:
        """Bytes put on the wire, all passes."""
        return sum(p.bytes_sent for p in self.passes)


def make_report(journal: Journal, results: Results, workspace: Workspace) -> Report:
    """Gather the results of a finished story."""
    plan, copy = need(results.plan).plan, need(results.replicate)
    captured, verified = need(results.capture), need(results.verify)
    adapted = need(results.adapt)
    return Report(
        migration=journal.state.migration,
        hostname=plan.hostname,
        image=captured.image,
        image_name=plan.image_name,
        region=plan.region,
        passes=copy.passes,
        freeze_seconds=copy.freeze_seconds,
        volumes=copy.volumes,
        edits=adapted.edits,
        notes=_notes(copy, adapted.notes),
        boot=verified.boot,
        receipt=str(workspace.receipts / verified.receipt_file),
        released=need(results.clean_up).released,
        kept=(captured.image, *captured.snapshots),
        seconds=_durations(journal),
    )


def _notes(copy: Copy, adapted: tuple[str, ...]) -> tuple[str, ...]:
    return (*copy.notes, *adapted)


def _durations(journal: Journal) -> dict[str, float]:
    started: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for at, kind, body in journal.history():
        if kind is Record.MIGRATION:
            started, seconds = {}, {}
        elif kind is Record.STARTED:
            started[body["step"]] = at
        elif kind is Record.DONE and body["step"] in started:
            seconds[body["step"]] = at - started[body["step"]]
    return seconds
