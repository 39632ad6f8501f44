# SPDX-License-Identifier: Apache-2.0
"""What a check gets besides the machine, and the words it answers with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hostlift.formats.names import shown
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Machine
from hostlift.settings import excludes
from hostlift.settings.user_config import Settings

_MARGIN_SHARE = 10
_LEAST_MARGIN = 512 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """The user's wishes and what the caller found out about the outside.

    Attributes:
        workspace: The state folder.
        reach: ``(endpoint, reachable, detail)`` of every address that was tried.
        uid: Whose rights inspection has.
        proc: procfs of this machine.
    """

    settings: Settings
    workspace: Path
    reach: tuple[tuple[str, bool, str], ...] = ()
    uid: int = field(default_factory=os.geteuid)
    proc: Path = Path("/proc")

    def guest(self, machine: Machine) -> Guest:
        """The source's files."""
        return Guest(Path(machine.root))

    def excludes(self, disk: int) -> tuple[str, ...]:
        """Exclude patterns of a disk, as the plan will read them."""
        return excludes.read(self.workspace / "Excludes", (disk,))[disk]


CheckFunction = Callable[[Machine, CheckContext], list[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue: a stable id, what it looks at, and how."""

    id: str
    title: str
    run: CheckFunction

    def findings(self, machine: Machine, context: CheckContext) -> list[Finding]:
        """What the check says; one that says nothing has found nothing wrong."""
        return self.run(machine, context) or [ok(self.id, self.title)]


def ok(check: str, title: str, evidence: str = "") -> Finding:
    """Passed."""
    return _finding(check, Severity.OK, title, evidence, "")


def note(check: str, title: str, evidence: str, remedy: str = "") -> Finding:
    """Worth knowing; nothing to do."""
    return _finding(check, Severity.NOTE, title, evidence, remedy)


def warning(check: str, title: str, evidence: str, remedy: str) -> Finding:
    """Works, with a loss that the user should know of."""
    return _finding(check, Severity.WARNING, title, evidence, remedy)


def blocker(check: str, title: str, evidence: str, remedy: str) -> Finding:
    """Cannot work."""
    return _finding(check, Severity.BLOCKER, title, evidence, remedy)


def _finding(check: str, severity: Severity, title: str, evidence: str, remedy: str) -> Finding:
    return Finding(
        check=check,
        severity=severity,
        title=title,
        evidence=shown(evidence),
        remedy=shown(remedy),
    )


def room_for(used: int) -> int:
    """Bytes of disk that certainly hold ``used`` bytes of files."""
    return used + max(used // _MARGIN_SHARE, _LEAST_MARGIN)


def gib(count: int) -> str:
    """Bytes for a person."""
    return f"{count / GIB:.1f} GiB"
