# SPDX-License-Identifier: Apache-2.0
"""``hostlift adapt``: what was changed to make a copy boot, and taking it back by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hostlift.cli.options import Json, Yes
from hostlift.cli.terminal import confirmed, emit, errors, say
from hostlift.errors import WaitingForUser

if TYPE_CHECKING:
    from hostlift.service.adapting import Recorded

Show = Annotated[
    Path | None,
    typer.Option("--show", metavar="LEDGER", help="List the edits of receipts/ID.ledger."),
]
Undo = Annotated[
    Path | None, typer.Option("--undo", metavar="LEDGER", help="Take the edits back; needs --root.")
]
Copy = Annotated[
    Path | None, typer.Option("--root", help="Where the copy is mounted, all volumes in place.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Also put back what was changed since the adaptation.")
]


def command(
    show: Show = None,
    undo: Undo = None,
    root: Copy = None,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show the recorded edits of an adaptation, or put back byte for byte what they replaced."""
    from hostlift.service import adapting  # noqa: PLC0415

    if (show is None) == (undo is None):
        raise typer.BadParameter("name one of --show LEDGER and --undo LEDGER")
    with errors():
        if show is not None:
            recorded = adapting.show(show)
            if as_json:
                emit(asdict(recorded))
            else:
                say(*lines(recorded))
            return
        if undo is None or root is None:
            raise typer.BadParameter("--undo needs --root, where the copy is mounted")
        if not (yes or confirmed(f"Take back every recorded edit below {root}?")):
            raise WaitingForUser("nothing was taken back")
        paths = adapting.take_back(undo, root, force=force)
    if as_json:
        emit({"restored": paths})
    else:
        say(*(f"restored {path}" for path in paths), f"{len(paths)} restored")


def lines(recorded: Recorded) -> Iterator[str]:
    """For a person: each edit with its reason and, of texts, what changed."""
    for edit in recorded.edits:
        yield f"{edit.kind.value:9} {edit.path}"
        yield f"          {edit.adaptation}: {edit.why}"
        yield from (f"          {line}" for line in edit.diff.splitlines()[2:])
    for note in recorded.notes:
        yield f"note      {note}"
    yield f"{len(recorded.edits)} edits"
