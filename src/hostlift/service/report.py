# SPDX-License-Identifier: Apache-2.0
"""The result of a migration as data: what was moved, how fast, what was changed, the proof."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.flow.journal import Journal, Record, State
from hostlift.flow.rehearsal import images
from hostlift.flow.results import Copy, Delivered, HandOver, Pass, Results, need
from hostlift.flow.spending import spent
from hostlift.model.adaptation import Edit
from hostlift.model.cost import Cost
from hostlift.model.receipt import BootProof, VolumeReceipt
from hostlift.service.standing import frozen_until
from hostlift.settings.folder import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The end of the story, or of a rehearsal; bytes and seconds.

    Attributes:
        rehearsal: Its number; 0: this is the end.
        lives_until: Rehearsal only: how long the intermediate instance is kept, seconds since 1970.
        seconds: Time each step took in the run that finished it, by name.
        kept: What stays and is billed: the image and its snapshots.
        frozen_until: Until when the source's writers stand still; 0: they go on.
        delivered: Copies, shares and the target server's disks; None before the end.
        cost: What was used by the ledger's times, at the rates of the plan.
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
    rehearsal: int = 0
    lives_until: float = 0.0
    frozen_until: float = 0.0
    delivered: Delivered | None = None
    cost: Cost | None = None

    @property
    def bytes_read(self) -> int:
        """Bytes of file content read at the source, all passes."""
        return sum(p.bytes_read for p in self.passes)

    @property
    def bytes_sent(self) -> int:
        """Bytes put on the wire, all passes."""
        return sum(p.bytes_sent for p in self.passes)


Ending = Report | HandOver
"""How a run ended that got to an end of its own."""


def make_report(journal: Journal, results: Results, workspace: Workspace) -> Report:
    """Gather the results of a finished story, or of a rehearsal that was just reopened."""
    state = journal.state
    plan, copy = need(results.plan).plan, need(results.replicate)
    captured, verified = need(results.capture), need(results.verify)
    adapted = need(results.adapt)
    return Report(
        migration=journal.state.migration,
        hostname=plan.hostname,
        image=captured.image,
        image_name=_name_of(state, captured.image, plan.image_name),
        region=plan.region,
        passes=copy.passes,
        freeze_seconds=copy.freeze_seconds,
        volumes=copy.volumes,
        edits=adapted.edits,
        notes=_notes(copy, adapted.notes),
        boot=verified.boot,
        receipt=str(workspace.receipts / verified.receipt_file),
        released=results.clean_up.released if results.clean_up else (),
        kept=(
            captured.image,
            *captured.snapshots,
            *_of_rehearsals(state, captured.image),
            *_away(state),
        ),
        delivered=results.deliver,
        seconds=_durations(journal),
        rehearsal=0 if state.finished else state.rehearsals,
        lives_until=0.0 if state.finished else state.kept_until,
        frozen_until=frozen_until(workspace),
        cost=spent(state, plan, state.updated),
    )


def _name_of(state: State, image: str, planned: str) -> str:
    names = [held.params["name"] for held in images(state) if held.id == image]
    return str(names[0]) if names else planned


def _of_rehearsals(state: State, but: str) -> tuple[str, ...]:
    """Images of other rehearsals, each with its snapshots."""
    kept = [held for held in images(state) if held.id != but]
    return tuple(name for held in kept for name in (held.id, *held.params["snapshots"]))


def _away(state: State) -> tuple[str, ...]:
    """Copies in other regions and the snapshots under them."""
    return tuple(f"{held.id} in {held.region}" for held in state.live() if held.region)


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
