# SPDX-License-Identifier: Apache-2.0
"""The verbs for a source that goes on serving: passes, cutover, limits, and how it stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hostlift.cli import texts
from hostlift.cli.options import (
    CUTOVER,
    HERE,
    SYSTEM,
    TRIAL,
    Erase,
    Folder,
    Json,
    Root,
    Wishes,
    Yes,
    with_wishes,
)
from hostlift.cli.terminal import asker, emit, errors, refresh, say, session
from hostlift.service import jobs, standing
from hostlift.settings import rules


def _seconds(text: str) -> float:
    try:
        return rules.interval(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Every = Annotated[
    float | None,
    typer.Option("--every", parser=_seconds, metavar="TIME", help="Again and again: 15m, 2h, 1d."),
]
Rehearse = Annotated[
    bool, typer.Option("--rehearse", help="Thaw afterwards and leave the migration open.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Go on until the migration ends or Ctrl-C.")]
Rate = Annotated[int, typer.Argument(min=0, max=100_000_000, metavar="KB/S", help="0: no limit.")]


@with_wishes()
def sync(
    folder: Folder = HERE,
    root: Root = SYSTEM,
    every: Every = None,
    yes: Yes = False,
    erase: Erase = "",
    as_json: Json = False,
    *,
    wishes: Wishes,
) -> None:
    """Copy while the source serves, as often as you like; 'cutover' continues from there."""
    with session(folder, root, quiet=as_json, wishes=wishes) as options:
        synced = jobs.sync(options, asker(yes=yes, silent=as_json, erase=erase), every=every or 0.0)
    if as_json:
        emit(asdict(synced))
    else:
        say(*texts.sync_lines(synced))


@with_wishes({**TRIAL, **CUTOVER})
def cutover(
    folder: Folder = HERE,
    root: Root = SYSTEM,
    rehearse: Rehearse = False,
    yes: Yes = False,
    erase: Erase = "",
    as_json: Json = False,
    *,
    wishes: Wishes,
) -> None:
    """Freeze, copy the rest, and finish; --rehearse does it for practice and goes on."""
    act = jobs.rehearse if rehearse else jobs.migrate
    with session(folder, root, quiet=as_json, wishes=wishes) as options:
        report = act(options, asker(yes=yes, silent=as_json, erase=erase))
    if as_json:
        emit(asdict(report))
    else:
        say(*texts.ending_lines(report))


def status(folder: Folder = HERE, watch: Watch = False, as_json: Json = False) -> None:
    """Where the migration of this folder stands, its rate, and what a freeze would take."""
    with errors():
        found = standing.watch(folder) if watch else iter((standing.status(folder),))
        try:
            for now in found:
                if as_json:
                    emit(now.as_json())
                else:
                    refresh(*texts.status_lines(now), again=watch)
        except KeyboardInterrupt:
            if not watch:
                raise


def thaw(folder: Folder = HERE) -> None:
    """Let the writers go on that 'cutover --hold' left frozen."""
    with errors():
        held = standing.thaw(folder)
    say("the writers go on" if held else "nothing is held")


def limit(rate: Rate, folder: Folder = HERE) -> None:
    """Change bandwidth_limit; a process that runs in the folder follows within a second."""
    with errors():
        file = jobs.limit(folder, rate)
    say(f"bandwidth_limit is {f'{rate} KB/s' if rate else 'off'} now, in {file}")


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    for command in (sync, cutover, status, limit, thaw):
        app.command(command.__name__)(command)
