# SPDX-License-Identifier: Apache-2.0
"""Results as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.cli.render import duration, size
from hostlift.errors import HostliftError
from hostlift.service.jobs import Checked, Status
from hostlift.service.report import Report

FINISHED = "Goto Aliyun Finished!"
NOT_FINISHED = "Goto Aliyun Not Finished!"
_EDITS_SHOWN = 40


def error_lines(error: HostliftError) -> list[str]:
    """What failed and what to do next."""
    return [f"error [{error.code}] {error}", f"  what to do: {error.hint}"]


def report_lines(report: Report) -> Iterator[str]:
    """The end of the story."""
    yield ""
    yield f"{report.hostname} -> {report.image} '{report.image_name}' in {report.region}"
    yield ""
    yield from _moved(report)
    yield from _changed(report)
    yield from _proof(report)
    yield f"  released   {len(report.released)} resources: {', '.join(report.released) or 'none'}"
    yield f"  kept       {', '.join(report.kept)} (snapshots under an image are billed)"
    steps = ", ".join(f"{name} {duration(s)}" for name, s in report.seconds.items())
    yield f"  time       {duration(sum(report.seconds.values()))}: {steps}"
    yield ""
    yield FINISHED


def _moved(report: Report) -> Iterator[str]:
    first = report.passes[0]
    rate = first.bytes_read / first.seconds if first.seconds else 0.0
    files = sum(p.files for p in report.passes)
    yield (
        f"  moved      {size(report.bytes_read)} in {files} objects, {size(report.bytes_sent)} on the"
        f" wire; first pass {duration(first.seconds)}, {size(rate)}/s"
    )
    for number, one in enumerate(report.passes[1:], start=2):
        frozen = f", writers frozen {duration(one.freeze_seconds)}" if one.freeze_seconds else ""
        yield (
            f"             pass {number}: {one.files} changed, {one.deleted} deleted,"
            f" {size(one.bytes_read)}, {duration(one.seconds)}{frozen}"
        )
    for volume in report.volumes:
        yield (
            f"  re-read    {volume.mount_point}: {volume.entries} objects, {size(volume.bytes)} from"
            f" the target's disk, blake3 root {volume.target_root[:16]}… equal to the source's"
        )


def _changed(report: Report) -> Iterator[str]:
    yield f"  changed    {len(report.edits)} edits to make it boot (all recorded, reversible):"
    for edit in report.edits[:_EDITS_SHOWN]:
        yield f"             {edit.kind.value:9} {edit.path}  ({edit.why})"
    if len(report.edits) > _EDITS_SHOWN:
        yield f"             … and {len(report.edits) - _EDITS_SHOWN} more in the edit ledger"
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


def status_lines(status: Status) -> Iterator[str]:
    """Where a migration stands."""
    data = status.data
    yield f"migration  {data['migration'] or 'none'}"
    yield f"status     {data['status'] or 'not started'}"
    yield f"done       {', '.join(data['steps']) or 'nothing yet'}"
    if data["step"]:
        yield f"running    {data['step']} (last sign of life {duration(status.age)} ago)"
    if data["failure"]:
        yield f"failure    {data['failure']}"
    instance = data["transition"]["instance"]["instance_id"]
    if instance:
        yield f"instance   {instance} (billed; 'hostlift data clear' releases it)"
    if data["image_id"]:
        yield f"image      {data['image_id']}"


def check_lines(checked: Checked) -> Iterator[str]:
    """The check report; the last line is ``OK`` or ``FAILED``."""
    *lines, verdict = checked.lines
    yield from lines
    if checked.report_file is not None:
        yield f"Report: {checked.report_file}"
    yield verdict
