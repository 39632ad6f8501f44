# SPDX-License-Identifier: Apache-2.0
"""A source that has no processor or memory left for its own copy."""

from __future__ import annotations

import re
from pathlib import Path

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Load"
TITLE = "Processor and memory"
BUSY = 0.90
FULL = 0.95
_REMEDY = "Migrate at a quieter time, or limit it: source_cpu_limit, bandwidth_limit."
_FIELD = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Load of five minutes by processor, and memory that is not available (SMC's drill: 90 %, 95 %)."""
    if not machine.live:
        return [ok(ID, TITLE, "not running")]
    return judged(machine.cpus, _read(context.proc / "loadavg"), _read(context.proc / "meminfo"))


def judged(cpus: int, loadavg: str, meminfo: str) -> list[Finding]:
    """The verdict from the texts of procfs."""
    load = loadavg.split()
    memory = dict(_FIELD.findall(meminfo))
    if len(load) < 2 or not {"MemTotal", "MemAvailable"} <= set(memory):  # noqa: PLR2004 - proc(5)
        return [note(ID, TITLE, "not known")]
    busy = float(load[1]) / max(cpus, 1)
    used = 1 - int(memory["MemAvailable"]) / max(int(memory["MemTotal"]), 1)
    said = f"load {load[1]} on {cpus} processors, {used:.0%} of the memory in use"
    return [
        warning(ID, TITLE, said, _REMEDY) if busy > BUSY or used > FULL else ok(ID, TITLE, said)
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


CHECK = Check(ID, TITLE, run)
