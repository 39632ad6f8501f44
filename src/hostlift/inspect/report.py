# SPDX-License-Identifier: Apache-2.0
"""The check report: lines as the original's check programs print them, JSON, and a file.

A line is ``Check <item>  [  OK  ]``; below an item that is not OK stand evidence and remedy. Then
the totals, and as the last line ``OK`` or ``FAILED``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Machine

_MARKS = {
    Severity.OK: "  OK  ",
    Severity.NOTE: "  OK  ",
    Severity.WARNING: "WARNING",
    Severity.BLOCKER: "FAILED",
}
_WIDTH = 58
_GIB = 1 << 30


def text_report(
    machine: Machine, findings: Sequence[Finding], *, verbose: bool = False
) -> Iterator[str]:
    """The report as lines; the last one is ``OK`` when nothing blocks a migration.

    Args:
        verbose: Show the evidence of what passed, too.
    """
    disks = ", ".join(f"{d.device} {d.size / _GIB:.1f} GiB" for d in machine.disks)
    yield f"System: {machine.os_name or machine.os_id or 'unknown'}"
    yield f"Architecture: {machine.architecture or 'unknown'}"
    yield f"CPU: {machine.cpus}   Memory: {machine.memory / _GIB:.1f} GiB   Disks: {disks or 'none'}"
    yield ""
    for finding in findings:
        yield from _finding(finding, verbose=verbose)
    yield ""
    count = {s: sum(f.severity is s for f in findings) for s in Severity}
    yield f"{count[Severity.OK] + count[Severity.NOTE]} items are OK."
    yield f"{count[Severity.WARNING]} items are warning."
    yield f"{count[Severity.BLOCKER]} items are failed."
    yield "FAILED" if count[Severity.BLOCKER] else "OK"


def _finding(finding: Finding, *, verbose: bool) -> Iterator[str]:
    yield f"Check {finding.title} ".ljust(_WIDTH, ".") + f" [{_MARKS[finding.severity]}]"
    if finding.evidence and (verbose or finding.severity is not Severity.OK):
        yield f"    {finding.evidence}"
    if finding.remedy:
        yield f"    -> {finding.remedy}"


def json_report(machine: Machine, findings: Iterable[Finding], now: float) -> str:
    """The report for scripts; keys as in Alibaba's image_check, plus severity and remedy.

    Args:
        now: Seconds since 1970.
    """
    listed = list(findings)
    blocked = any(f.severity is Severity.BLOCKER for f in listed)
    major, _, minor = machine.os_version.partition(".")
    return json.dumps(
        {
            "platform": machine.os_name or machine.os_id,
            "os_big_version": major,
            "os_small_version": minor,
            "architecture": machine.architecture,
            "hostname": machine.hostname,
            "time": _moment(now).isoformat(timespec="seconds"),
            "result": "FAILED" if blocked else "OK",
            "check_items": [
                {**asdict(f), "name": f.check, "result": _MARKS[f.severity].strip()} for f in listed
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def write_report(folder: Path, machine: Machine, findings: Sequence[Finding], now: float) -> Path:
    """Write ``client_check_report_<date>.json`` into an existing folder; its path.

    Raises:
        OSError: The folder cannot take it.
    """
    file = folder / f"client_check_report_{_moment(now):%Y-%m-%d_%H-%M-%S}.json"
    text = json_report(machine, findings, now)
    file.write_text(text + "\n", "utf-8", errors="backslashreplace")
    return file


def _moment(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
