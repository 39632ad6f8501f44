# SPDX-License-Identifier: Apache-2.0
"""The receipt with everything that a later, offline check needs beside it.

Each volume's entries are written from the manifest, which is what the copy was compared with; that
they still make the root that was proved is checked on the way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hostlift.errors import VerifyError
from hostlift.flow.context import Context
from hostlift.flow.keys import receipt_key
from hostlift.flow.rehearsal import suffix
from hostlift.flow.results import Results, need
from hostlift.host.files import atomic_write
from hostlift.inspect.facts.collect import take
from hostlift.model.plan import MigrationPlan, Volume
from hostlift.model.receipt import Evidence, Receipt, VolumeReceipt
from hostlift.remote.entries import pack_entries
from hostlift.replicate.manifest import Manifest
from hostlift.verify import signoff
from hostlift.verify.entries import write_entries
from hostlift.verify.receipt import write_receipt
from hostlift.verify.recheck import Sum


def write_signed(ctx: Context, so_far: Results) -> Path:
    """Write entries, receipt, signature and public key; the receipt last.

    Raises:
        StateError: The folder cannot be written.
        VerifyError: The manifest no longer says what was proved.
    """
    plan, copy, adapted = need(so_far.plan).plan, need(so_far.replicate), need(so_far.adapt)
    proved = {v.volume: v for v in copy.volumes}
    with Manifest.open(ctx.workspace.database) as manifest:
        evidence = tuple(_evidence(ctx, plan, v, manifest, proved[v.id]) for v in plan.volumes)
    receipt = Receipt(
        migration=ctx.migration,
        hostname=plan.hostname,
        made_at=datetime.fromtimestamp(ctx.clock.now(), UTC).isoformat(timespec="seconds"),
        volumes=copy.volumes,
        differences=copy.differences,
        evidence=evidence,
        # Diffs may quote secrets, and backups stay with the ledger: a receipt is handed around.
        edits=tuple(replace(e, diff="", backup="") for e in adapted.edits),
    )
    return write_receipt(ctx.workspace.receipts / f"{_stem(ctx)}.json", receipt, receipt_key(ctx))


def write_baseline(ctx: Context) -> None:
    """What the source is now, for a comparison with the booted copy."""
    seen = take(ctx.source_root, commands=ctx.commands, clock=ctx.clock, migration=ctx.migration)
    atomic_write(baseline_file(ctx), signoff.as_json(seen).encode(), 0o600)


def baseline_file(ctx: Context) -> Path:
    """Where the source's baseline of this migration is."""
    return ctx.workspace.receipts / f"{_stem(ctx)}.baseline.json"


def _stem(ctx: Context) -> str:
    return f"{ctx.migration}{suffix(ctx.journal.state)}"


def _evidence(
    ctx: Context, plan: MigrationPlan, volume: Volume, manifest: Manifest, proved: VolumeReceipt
) -> Evidence:
    name = f"{_stem(ctx)}.{volume.id}.entries.zst"
    total = Sum()
    pieces = pack_entries(total.over(manifest.entries(volume.id)))
    digest = write_entries(ctx.workspace.receipts / name, pieces)
    if total.root != proved.source_root:
        raise VerifyError(
            "the manifest is no longer the one that the copy was compared with",
            subject=volume.id,
            hint="Release everything with 'hostlift data clear' and migrate again.",
        )
    disk = next(d for d in plan.disks if d.index == volume.disk)
    return Evidence(
        volume=volume.id,
        file=name,
        blake3=digest,
        disk=volume.disk,
        start=disk.area(volume).start,
        subvolume=f"/{volume.subvolume}" if disk.area(volume).subvolumes else "",
        file_system=volume.file_system,
        trees=volume.trees,
        excludes=volume.excludes,
    )
