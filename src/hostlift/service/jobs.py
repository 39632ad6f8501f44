# SPDX-License-Identifier: Apache-2.0
"""What a person can ask for, one function each; they raise `HostliftError`, print nothing.

The pipeline is imported by the jobs that tell the story: looking at an old, slow server does not
pay for the engine that copies it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostlift.clouds import registry
from hostlift.errors import StateError
from hostlift.flow import client_data
from hostlift.flow.context import Confirm
from hostlift.flow.inspection import inspect_source
from hostlift.flow.journal import open_journal
from hostlift.flow.planning import make_plan
from hostlift.flow.results import Inspection, Results
from hostlift.host.clock import SystemClock
from hostlift.inspect.report import text_report, write_report
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Machine
from hostlift.model.plan import MigrationPlan
from hostlift.plan import show as plan_text
from hostlift.service.report import Report, make_report
from hostlift.service.wiring import Options, looking, opened
from hostlift.settings.folder import Workspace, write_template


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Outcome of the checks.

    Attributes:
        lines: The report as text; the last is ``OK`` or ``FAILED``.
        report_file: None when the folder could not take one.
    """

    machine: Machine
    findings: tuple[Finding, ...]
    lines: tuple[str, ...]
    report_file: Path | None

    @property
    def passed(self) -> bool:
        """True when nothing blocks a migration."""
        return all(f.severity is not Severity.BLOCKER for f in self.findings)


def check(options: Options, *, verbose: bool = False) -> Checked:
    """Read the source, run every check; creates nothing but a report file."""
    with looking(options) as look:
        found = inspect_source(look, options.sink)
        return Checked(
            machine=found.machine,
            findings=found.findings,
            lines=tuple(text_report(found.machine, found.findings, verbose=verbose)),
            report_file=_write_report(look.workspace, found),
        )


def plan(options: Options) -> MigrationPlan:
    """What `migrate` would do now. Changes nothing in the cloud and nothing on the source."""
    with looking(options, cloud_too=False) as look:
        inspection = inspect_source(look, options.sink)
        return make_plan(look.settings, look.workspace, look.source_root, inspection)


def plan_lines(made: MigrationPlan) -> list[str]:
    """A plan for a person."""
    return plan_text.lines(made)


def plan_data(made: MigrationPlan) -> object:
    """A plan for a script: JSON-able."""
    return plan_text.as_json(made)


def migrate(options: Options, confirm: Confirm) -> Report:
    """The whole story, from wherever an earlier run left it."""
    with opened(options, confirm) as ctx:
        from hostlift.flow import pipeline

        results = pipeline.migrate(ctx)
        return make_report(ctx.journal, results, ctx.workspace)


def clear(options: Options) -> list[str]:
    """Release everything an unfinished migration made and forget it; a finished image stays."""
    with opened(options, _never, repair=True) as ctx:
        from hostlift.flow import pipeline

        return pipeline.give_up(ctx)


@dataclass(frozen=True, slots=True)
class Status:
    """Where the migration of a folder stands, from its journal alone."""

    data: dict[str, Any]
    results: Results
    age: float
    """Seconds since the last row."""


def status(folder: Path) -> Status:
    """Read the journal; works while a migration runs."""
    workspace = Workspace(folder)
    if not workspace.database.exists():
        raise StateError(
            "holds no migration",
            subject=str(folder),
            hint="Start one with 'hostlift migrate', or name its state folder with --folder.",
        )
    clock = SystemClock()
    with open_journal(workspace.database, clock) as journal:
        from hostlift.flow import pipeline

        data = client_data.view(journal.state)
        return Status(data, pipeline.results_of(journal), clock.now() - journal.state.updated)


def show(folder: Path) -> dict[str, Any]:
    """client_data as JSON-able data, from the journal where there is one."""
    workspace = Workspace(folder)
    if workspace.database.exists():
        return status(folder).data
    try:
        found = json.loads(workspace.client_data.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateError(f"cannot be read: {error}", subject=str(workspace.client_data)) from error
    return found if isinstance(found, dict) else {}


def init(folder: Path) -> tuple[Path, ...]:
    """Write the files a user fills in, where they are missing."""
    return write_template(folder)


def policy() -> dict[str, object]:
    """The smallest RAM policy under which `migrate` works, derived from the calls it makes."""
    return dict(registry.policy("alibaba"))


def _write_report(workspace: Workspace, inspection: Inspection) -> Path | None:
    try:
        workspace.checks.mkdir(parents=True, exist_ok=True)
        now = SystemClock().now()
        return write_report(workspace.checks, inspection.machine, inspection.findings, now)
    except OSError:
        # A read-only folder must not keep anyone from reading the result on the screen.
        return None


def _never(_plan: MigrationPlan) -> bool:
    return False
