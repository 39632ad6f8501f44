# SPDX-License-Identifier: Apache-2.0
"""Results as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hostlift.cli.render import amount
from hostlift.errors import HostliftError
from hostlift.events import Progress
from hostlift.model.quantity import duration, size
from hostlift.service.jobs import Checked, Synced
from hostlift.service.progress import Activity
from hostlift.service.report import Ending, Report
from hostlift.service.standing import Status

FINISHED = "Goto Aliyun Finished!"
NOT_FINISHED = "Goto Aliyun Not Finished!"
_EDITS_SHOWN = 40
_PASSES_SHOWN = 12


def error_lines(error: HostliftError) -> list[str]:
    """What failed and what to do next."""
    return [f"error [{error.code}] {error}", f"  what to do: {error.hint}"]


def ending_lines(end: Ending) -> Iterator[str]:
    """How a run ended: with the story, a rehearsal, or a stage that is carried on by hand."""
    if isinstance(end, Report):
        yield from report_lines(end)
        return
    there = "the source" if end.stage == 1 else "the machine of stage 1"
    yield ""
    yield f"Stage {end.stage} Is Done!"
    yield f"Carry the whole folder {end.folder} to {there} and run the same command in it there."
    yield "Its files keep their modes (tar, rsync -a): the private key of this migration is in it."
    if end.stage == 1:
        yield "The source needs no AccessKey: leave access_id and secret_key empty there."
    yield f"The intermediate instance lives until {moment(end.lives_until)} and is billed."


def report_lines(report: Report) -> Iterator[str]:
    """The end of the story, or of a rehearsal."""
    yield ""
    yield f"{report.hostname} -> {report.image} '{report.image_name}' in {report.region}"
    yield ""
    yield from _moved(report)
    yield from _changed(report)
    yield from _proof(report)
    yield from _delivery(report)
    yield f"  released   {len(report.released)} resources: {', '.join(report.released) or 'none'}"
    yield f"  kept       {', '.join(report.kept)} (snapshots under an image are billed)"
    if report.cost is not None:
        yield f"  cost       {report.cost.words[0]}"
        yield f"             {report.cost.words[1]}"
    steps = ", ".join(f"{name} {duration(s)}" for name, s in report.seconds.items())
    yield f"  time       {duration(sum(report.seconds.values()))}: {steps}"
    yield ""
    if report.frozen_until:
        yield frozen_line(report.frozen_until)
        yield ""
    if not report.rehearsal:
        yield FINISHED
        return
    yield f"Rehearsal {report.rehearsal} is over; the migration is open and the source serves."
    yield f"The intermediate instance lives until {moment(report.lives_until)}. Go on with"
    yield "'hostlift sync' or 'hostlift cutover'; 'hostlift data clear' gives everything back."


def frozen_line(until: float) -> str:
    """That the source's writers stand still."""
    return (
        f"The writers of this server stand still until {moment(until)}; 'hostlift thaw' lets them"
        " go on."
    )


def sync_lines(synced: Synced) -> Iterator[str]:
    """What a sync did, and what comes next."""
    yield ""
    for number, one in enumerate(synced.passes[-_PASSES_SHOWN:], start=1):
        yield (
            f"  pass {number}     {one.files} objects, {one.deleted} deleted, {size(one.bytes_read)}"
            f" read, {size(one.bytes_sent)} on the wire, {duration(one.seconds)}"
        )
    yield from (f"  forecast   {line}" for line in synced.forecast_lines)
    yield f"  instance   {synced.instance} lives until {moment(synced.lives_until)} and is billed"
    yield ""
    yield "Go on with 'hostlift sync' or 'hostlift cutover' before then."


def moment(at: float) -> str:
    """Seconds since 1970 for a person."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _moved(report: Report) -> Iterator[str]:
    first = report.passes[0]
    rate = first.bytes_read / first.seconds if first.seconds else 0.0
    files = sum(p.files for p in report.passes)
    yield (
        f"  moved      {size(report.bytes_read)} in {files} objects, {size(report.bytes_sent)} on the"
        f" wire; first pass {duration(first.seconds)}, {size(rate)}/s"
    )
    hidden = max(0, len(report.passes) - 1 - _PASSES_SHOWN)
    if hidden:
        yield f"             … {hidden} passes"
    for number, one in enumerate(report.passes[1 + hidden :], start=2 + hidden):
        frozen = f", writers frozen {duration(one.freeze_seconds)}" if one.freeze_seconds else ""
        yield (
            f"             pass {number}: {one.files} changed, {one.deleted} deleted,"
            f" {size(one.bytes_read)}, {duration(one.seconds)}{frozen}"
        )
    for volume in report.volumes:
        equal = volume.target_root == volume.source_root
        verdict = "equal to the source's" if equal else "with the losses noted below"
        yield (
            f"  re-read    {volume.mount_point}: {volume.entries} objects, {size(volume.bytes)} from"
            f" the target's disk, blake3 root {volume.target_root[:16]}… {verdict}"
        )


def _changed(report: Report) -> Iterator[str]:
    yield f"  changed    {len(report.edits)} edits to make it boot (all recorded, reversible):"
    for edit in report.edits[:_EDITS_SHOWN]:
        yield f"             {edit.kind.value:9} {edit.path}  ({edit.why})"
    if len(report.edits) > _EDITS_SHOWN:
        yield f"             … and {len(report.edits) - _EDITS_SHOWN} more: 'hostlift adapt --show'"
    for note in report.notes:
        yield f"  note       {note}"


def _proof(report: Report) -> Iterator[str]:
    yield f"  receipt    {report.receipt}"
    if report.boot is None:
        yield "  boot       not tried (trial is off)"
        return
    facts = report.boot.facts
    shown = ", ".join(f"{k} {facts[k]}" for k in ("hostname", "kernel", "root") if k in facts)
    yield f"  boot       trial instance {report.boot.instance_id} up in {duration(report.boot.seconds)}: {shown}"
    for problem in report.boot.problems:
        yield f"             problem: {problem}"
    if report.boot.kept:
        yield (
            "             it was kept and is billed; 'hostlift cleanup --migration"
            f" {report.migration}' releases it with its network"
        )


def _delivery(report: Report) -> Iterator[str]:
    delivered = report.delivered
    if delivered is None:
        return
    if delivered.shared:
        yield f"  shared     with {', '.join(delivered.shared)}"
    for region, image in delivered.copies:
        yield f"  copied     to {region}: {image}"
    if delivered.target:
        yield (
            f"  target     {delivered.target} has the migrated disks {', '.join(delivered.disks)};"
            " it is stopped: start it when you are ready"
        )


def status_lines(status: Status) -> Iterator[str]:
    """Where a migration stands."""
    data = status.data
    yield f"migration  {data['migration'] or 'none'}"
    yield f"status     {data['status'] or 'not started'}"
    yield f"done       {', '.join(data['steps']) or 'nothing yet'}"
    yield from _doing(status)
    if data["step"] and not status.running:
        yield f"stopped in {data['step']} {duration(status.age)} ago; rerun the command to continue"
    elif data["step"]:
        yield f"running    {data['step']} (last sign of life {duration(status.age)} ago)"
    if status.frozen_until:
        yield frozen_line(status.frozen_until)
    if data["failure"]:
        yield f"failure    {data['failure']}"
    instance = data["transition"]["instance"]["instance_id"]
    if instance:
        yield f"instance   {instance} (billed; 'hostlift data clear' releases it)"
        if data["sync"]["lives_until"]:
            yield f"lives      until {data['sync']['lives_until']} at least, without a renewal"
    yield from (f"forecast   {line}" for line in status.forecast_lines)
    yield from _images(data)


def _images(data: dict[str, Any]) -> Iterator[str]:
    for image in data["sync"]["rehearsals"]:
        yield f"rehearsal  {image['image_id']} '{image['image_name']}' (billed by its snapshots)"
    if data["image_id"]:
        yield f"image      {data['image_id']}"


def _doing(status: Status) -> Iterator[str]:
    activity = status.activity
    if activity is None:
        return
    if activity.label:
        yield f"now        {activity.label}: {_amount(activity)}"
    if activity.note:
        yield f"said       {activity.note}"


def _amount(activity: Activity) -> str:
    event = Progress(activity.step, activity.label, activity.done, activity.total, activity.unit)
    return amount(event, activity.rate)


def check_lines(checked: Checked) -> Iterator[str]:
    """The check report; the last line is ``OK`` or ``FAILED``."""
    *lines, verdict = checked.lines
    yield from lines
    if checked.report_file is not None:
        yield f"Report: {checked.report_file}"
    yield verdict
