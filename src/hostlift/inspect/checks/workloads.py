# SPDX-License-Identifier: Apache-2.0
"""Services that write while they run, and how the last pass will hold them still."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine, Workload

ID = "hostlift.Workloads"
TITLE = "Running databases and containers"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """One note for each."""
    if not machine.workloads:
        return [ok(ID, TITLE, "none found")]
    chosen = context.settings.hooks
    return [note(ID, w.name, _evidence(w, chosen)) for w in machine.workloads]


def _evidence(workload: Workload, chosen: str | tuple[str, ...]) -> str:
    where = f"data in {workload.data_dir}; " if workload.data_dir else ""
    if not workload.pids:
        return f"{where}not running: its files are copied as they are"
    if workload.hook and (chosen == "auto" or workload.hook in chosen):
        how = f"held still in the last pass by the hook {workload.hook}, then frozen"
    else:
        how = "frozen for the last pass: the copy is as after a power cut at that moment"
    return where + how


CHECK = Check(ID, TITLE, run)
