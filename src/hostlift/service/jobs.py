# SPDX-License-Identifier: Apache-2.0
"""What a person can ask for, one function each; they raise `HostliftError`, print nothing.

The pipeline is imported by the jobs that tell the story: looking at an old, slow server does not
pay for the engine that copies it.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostlift.clouds import registry
from hostlift.errors import StateError
from hostlift.events import discard
from hostlift.flow.before.estimate import asked_tariff, with_cost
from hostlift.flow.before.inspection import inspect_source
from hostlift.flow.before.needs import features
from hostlift.flow.before.planning import make_plan
from hostlift.flow.context import Confirm
from hostlift.flow.passes.forecast import FreezeForecast, forecast, lines
from hostlift.flow.passes.history import passes_on
from hostlift.flow.results import Inspection, Pass, Results, need
from hostlift.host.clock import SystemClock
from hostlift.host.files import atomic_write
from hostlift.inspect.repairs import repairs
from hostlift.inspect.report import text_report, write_report
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Machine
from hostlift.model.plan import MigrationPlan
from hostlift.plan import show as plan_text
from hostlift.service.report import Ending, Report, make_report
from hostlift.service.standing import status
from hostlift.service.wiring import Options, looking, opened, settings
from hostlift.settings import edit
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


def check(options: Options, *, verbose: bool = False, cloud: bool = False) -> Checked:
    """Read the source, run every check; creates nothing but a report file.

    Args:
        cloud: Ask the cloud, too, all that can be known before something is created.
    """
    with looking(options, preflight=cloud) as look:
        found = inspect_source(look, options.sink)
        return Checked(
            machine=found.machine,
            findings=found.findings,
            lines=tuple(text_report(found.machine, found.findings, verbose=verbose)),
            report_file=_write_report(look.workspace, found),
        )


def fix(options: Options, agree: Callable[[str, str], bool]) -> tuple[str, ...]:
    """Put right on the source what can safely be; the check is to be run again afterwards.

    Args:
        agree: Asked with what would be done and how it is taken back.

    Returns:
        What was done.

    Raises:
        HostError: One did not work; those before it are done.
    """
    with looking(options, cloud_too=True) as look:
        found = inspect_source(look, discard)
        done = []
        for repair in repairs(
            found.machine,
            found.findings,
            config=look.workspace.user_config,
            commands=look.commands,
        ):
            if agree(repair.what, repair.undo):
                repair.do()
                done.append(repair.what)
        return tuple(done)


def plan(options: Options, *, cloud: bool = False) -> MigrationPlan:
    """What `migrate` would do now. Changes nothing in the cloud and nothing on the source.

    Args:
        cloud: Ask it for its prices; else the cost is by a list.
    """
    with looking(options, cloud_too=cloud) as look:
        inspection = inspect_source(look, options.sink)
        made = make_plan(look.settings, look.workspace, look.source_root, inspection)
        if look.cloud is None:
            tariff = registry.usual_tariff("alibaba", look.settings.region_id)
        else:
            tariff = asked_tariff(look.cloud, look.settings, made)
        return with_cost(made, tariff, trial=look.settings.trial)


def plan_lines(made: MigrationPlan) -> list[str]:
    """A plan for a person."""
    return plan_text.lines(made)


def plan_data(made: MigrationPlan) -> object:
    """A plan for a script: JSON-able."""
    return plan_text.as_json(made)


def migrate(options: Options, confirm: Confirm) -> Ending:
    """The whole story, from wherever an earlier run left it; in net_mode 1 the next stage of it."""
    with opened(options, confirm) as ctx:
        from hostlift.flow import pipeline
        from hostlift.flow.carried import stages

        if ctx.settings.net_mode == 1:
            results = stages.tell(ctx, pipeline.STORY)
            if not isinstance(results, Results):
                return results
        else:
            results = pipeline.migrate(ctx)
        return make_report(ctx.journal, results, ctx.workspace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a sync did.

    Attributes:
        passes: Of this run.
        forecast_lines: What a freeze would take now, for a person.
        lives_until: Until when the intermediate instance is kept, seconds since 1970.
    """

    instance: str
    passes: tuple[Pass, ...]
    forecast: FreezeForecast | None
    forecast_lines: tuple[str, ...]
    lives_until: float


def sync(options: Options, confirm: Confirm, *, every: float = 0.0) -> Synced:
    """Warm passes while the source serves; with ``every`` seconds until the user pauses."""
    with opened(options, confirm) as ctx:
        from hostlift.flow import pipeline

        before = len(ctx.journal.state.passes)
        results = pipeline.sync(ctx, every=every)
        site = need(results.provision)
        passes = passes_on(ctx.journal.state, site.instance)
        foreseen = forecast(passes, now=ctx.clock.now(), limit=ctx.settings.bandwidth_limit)
        made = len(ctx.journal.state.passes) - before
        return Synced(
            instance=site.instance,
            passes=passes[-made:] if made else (),
            forecast=foreseen,
            forecast_lines=tuple(lines(foreseen)) if foreseen else (),
            lives_until=ctx.journal.state.kept_until,
        )


def rehearse(options: Options, confirm: Confirm) -> Report:
    """A cutover up to its proof, with an image of its own; the migration stays open."""
    with opened(options, confirm) as ctx:
        from hostlift.flow import pipeline

        results = pipeline.rehearse(ctx)
        return make_report(ctx.journal, results, ctx.workspace)


def limit(folder: Path, rate: int) -> Path:
    """Set ``bandwidth_limit`` in the user's file; a process that runs there follows at once.

    Args:
        rate: KB/s, 0 for no limit.

    Raises:
        ConfigError: The file is missing or cannot be understood.
    """
    file = Workspace(folder).user_config.resolve()
    text = edit.with_number(edit.read_text(file), "bandwidth_limit", rate)
    was = file.stat()
    atomic_write(file, text.encode(), stat.S_IMODE(was.st_mode))
    os.chown(file, was.st_uid, was.st_gid)
    return file


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


def policy(options: Options) -> dict[str, object]:
    """The smallest RAM policy under which a migration with the folder's wishes works."""
    return dict(registry.policy("alibaba", features(settings(options, complete=False))))


def policy_reasons(options: Options) -> dict[str, list[str]]:
    """The permissions of `policy`, each under the feature that needs it."""
    wanted = features(settings(options, complete=False))
    return registry.permissions("alibaba", wanted)


def _write_report(workspace: Workspace, inspection: Inspection) -> Path | None:
    try:
        workspace.checks.mkdir(parents=True, exist_ok=True)
        now = SystemClock().now()
        return write_report(workspace.checks, inspection.machine, inspection.findings, now)
    except OSError:
        # A read-only folder must not keep anyone from reading the result on the screen.
        return None
