# SPDX-License-Identifier: Apache-2.0
"""Reading the source and running every check, with or without a cloud at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hostlift.errors import HostliftError
from hostlift.events import EventSink, Found
from hostlift.flow.before.preflight import Preflight
from hostlift.flow.results import Inspection
from hostlift.inspect.checks import CheckContext, check_all
from hostlift.inspect.survey import survey
from hostlift.model.finding import Finding, Severity
from hostlift.ports.clock import Clock
from hostlift.ports.cloud import Cloud
from hostlift.ports.commands import Commands
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is looked at, and with what.

    Attributes:
        cloud: None: the source alone.
        preflight: Ask the cloud everything that can be known before something is created.
        new: Nothing was created yet.
    """

    source_root: Path
    settings: Settings
    workspace: Workspace
    commands: Commands
    clock: Clock
    cloud: Cloud | None
    preflight: bool = False
    new: bool = True


@dataclass(frozen=True, slots=True)
class _CloudView:
    skew: float | None = None
    reach: tuple[tuple[str, bool, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def inspect_source(look: Look, sink: EventSink) -> Inspection:
    """Survey and check; every finding also goes to ``sink``."""
    machine = survey(look.source_root, commands=look.commands, clock=look.clock)
    view = _look_at_cloud(look.cloud, look) if look.cloud else _CloudView()
    machine = replace(machine, clock_skew=view.skew)
    checks = CheckContext(settings=look.settings, workspace=look.workspace.folder, reach=view.reach)
    findings = (*check_all(machine, checks), *view.findings)
    for finding in findings:
        sink(Found(finding))
    return Inspection(machine=machine, findings=findings)


def _look_at_cloud(cloud: Cloud, look: Look) -> _CloudView:
    settings = look.settings
    where = settings.endpoint or f"ecs.{settings.region_id}.aliyuncs.com:443"
    try:
        skew = cloud.clock_skew()
    except HostliftError as error:
        return _CloudView(reach=((where, False, str(error)),))
    reach = ((where, True, ""),)
    try:
        identity = cloud.identity()
    except HostliftError as error:
        refused = _credentials(Severity.BLOCKER, str(error), error.hint)
        more = Preflight(cloud, settings).findings(identified=False) if look.preflight else ()
        return _CloudView(skew, reach, (refused, *more))
    evidence = f"{identity.kind} {identity.arn} of account {identity.account}, by the"
    evidence = f"{evidence} {cloud.market.credential_source()}"
    more = Preflight(cloud, settings, new=look.new).findings() if look.preflight else ()
    return _CloudView(skew, reach, (_credentials(Severity.OK, evidence, ""), *more))


def _credentials(severity: Severity, evidence: str, remedy: str) -> Finding:
    return Finding(
        check="hostlift.Credentials",
        severity=severity,
        title="Credentials accepted by the cloud",
        evidence=evidence,
        remedy=remedy,
    )
