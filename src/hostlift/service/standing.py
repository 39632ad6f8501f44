# SPDX-License-Identifier: Apache-2.0
"""Where the migration of a folder stands, for whoever asks while it runs or after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hostlift.errors import StateError
from hostlift.flow import client_data
from hostlift.flow.journal import State, open_journal
from hostlift.flow.passes.forecast import FreezeForecast, forecast, lines
from hostlift.flow.passes.history import passes_on
from hostlift.flow.results import Results
from hostlift.host.clock import SystemClock
from hostlift.ports.clock import Clock
from hostlift.replicate.held import held, release
from hostlift.service.lock import is_held
from hostlift.service.progress import Activity, read
from hostlift.settings.folder import Workspace

_WATCH_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """From the journal, and from what a running process says of itself.

    Attributes:
        age: Seconds since the last row.
        running: A process works in the folder now.
        activity: What it does; None when none runs.
        forecast: Of the freeze, if the cutover came now; None while too little is known.
        forecast_lines: The same for a person.
        frozen_until: The source's writers stand still after a cutover until then, seconds since
            1970; 0: they do not.
    """

    data: dict[str, Any]
    results: Results
    age: float
    running: bool
    activity: Activity | None
    forecast: FreezeForecast | None
    forecast_lines: tuple[str, ...]
    frozen_until: float = 0.0

    @property
    def over(self) -> bool:
        """True when nothing more will happen: finished, or given up."""
        return self.data["status"] in {"Finished", ""}

    def as_json(self) -> dict[str, Any]:
        """Everything for a script."""
        return {
            **self.data,
            "running": self.running,
            "activity": asdict(self.activity) if self.activity else None,
            "forecast": asdict(self.forecast) if self.forecast else None,
            "frozen_until": self.frozen_until,
        }


def status(folder: Path) -> Status:
    """Read the journal; works while a migration runs.

    Raises:
        StateError: The folder holds no migration.
    """
    workspace = Workspace(folder)
    if not workspace.database.exists():
        raise StateError(
            "holds no migration",
            subject=str(folder),
            hint="Start one with 'hostlift migrate', or name its state folder with --folder.",
        )
    clock = SystemClock()
    with open_journal(workspace.database, clock) as journal:
        from hostlift.flow import pipeline  # noqa: PLC0415 - see `service.jobs`

        running = is_held(workspace.folder)
        foreseen = _foreseen(journal.state, clock)
        return Status(
            data=client_data.view(journal.state),
            results=pipeline.results_of(journal),
            age=clock.now() - journal.state.updated,
            running=running,
            activity=read(workspace.progress) if running else None,
            forecast=foreseen,
            forecast_lines=tuple(lines(foreseen)) if foreseen else (),
            frozen_until=frozen_until(workspace),
        )


def frozen_until(workspace: Workspace) -> float:
    """Until when this source's writers stand still after its cutover; 0 when they do not."""
    now = held(workspace.frozen)
    return now.until if now else 0.0


def thaw(folder: Path) -> bool:
    """Let the writers go on that a cutover holds; False when none are held.

    Raises:
        HostError: The process that holds them does not let go.
    """
    return release(Workspace(folder).frozen, SystemClock())


def watch(folder: Path) -> Iterator[Status]:
    """The status again and again, the last time when the migration is over."""
    clock = SystemClock()
    while True:
        now = status(folder)
        yield now
        if now.over:
            return
        clock.sleep(_WATCH_SECONDS)


def _foreseen(state: State, clock: Clock) -> FreezeForecast | None:
    held = state.latest("intermediate")
    if state.finished or held is None or not held.id:
        return None
    return forecast(passes_on(state, held.id), now=clock.now())
