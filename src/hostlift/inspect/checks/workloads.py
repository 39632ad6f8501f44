# SPDX-License-Identifier: Apache-2.0
"""Services that write while they run, how the last pass will hold them still, and what ties them here."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine, Tie, Workload
from hostlift.model.quantity import size

ID = "hostlift.Workloads"
TITLE = "Running databases and containers"
TIES_ID = "hostlift.Ties"
_TIES = {
    "watchdog": (
        "Watchdog",
        "ECS has no hardware watchdog: switch it off in the copy, or use softdog.",
    ),
    "dongle": ("Licence dongle", "It cannot come along: ask the vendor for another licence."),
    "licence": (
        "Licence manager",
        "Ask the vendor how the licence moves: host id and MAC address change.",
    ),
    "hardware": ("Hardware in use", "It is not there on ECS: choose an instance type that has it."),
}


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """One note for each service, one warning for each tie; mapped files are named together."""
    chosen = context.settings.hooks
    found = [note(ID, w.name, _evidence(w, chosen), _remedy(w)) for w in machine.workloads]
    tied = [_tied(tie) for tie in machine.ties if tie.kind in _TIES]
    return [*(found or [ok(ID, TITLE, "none found")]), *tied, *_mapped(machine.ties)]


def _evidence(workload: Workload, chosen: str | tuple[str, ...]) -> str:
    counted = f" ({size(workload.bytes)})" if workload.bytes is not None else ""
    where = f"data in {workload.data_dir}{counted}; " if workload.data_dir else ""
    if not workload.pids:
        return f"{where}not running: its files are copied as they are"
    rate = f"writes {size(int(workload.write_rate))}/s; " if workload.write_rate else ""
    if workload.hook and (chosen == "auto" or workload.hook in chosen):
        how = f"held still in the last pass by the hook {workload.hook}, then frozen"
    else:
        how = "frozen for the last pass: the copy is as after a power cut at that moment"
    return where + rate + how


def _remedy(workload: Workload) -> str:
    if not workload.leave_out:
        return ""
    patterns = ", ".join(workload.leave_out)
    return f"May stay behind: add {patterns} to Excludes/rsync_excludes_linux.txt."


def _tied(tie: Tie) -> Finding:
    title, remedy = _TIES[tie.kind]
    return warning(TIES_ID, title, tie.what, remedy)


def _mapped(ties: tuple[Tie, ...]) -> list[Finding]:
    """A store to a mapped page shows nowhere until it is written back: each pass syncs first."""
    writers = [tie.what for tie in ties if tie.kind == "mapped-writer"]
    return [note(TIES_ID, "Files written by mmap", "; ".join(writers))] if writers else []


CHECK = Check(ID, TITLE, run)
