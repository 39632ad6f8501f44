# SPDX-License-Identifier: Apache-2.0
"""Adapting a Linux copy from the first step to the checks, and taking it all back.

Promises: doing it twice is doing it once, also after an interruption anywhere; an unknown
distribution is adapted as far as its tools are found; what is wrong at the end is an error, not a
surprise at the first boot.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hostlift.adapt.editor import Editor
from hostlift.adapt.layout import Layout
from hostlift.adapt.ledger import Ledger
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.catalogue import FAMILIES, STEPS
from hostlift.adapt.linux.toolbox import survey
from hostlift.errors import AdaptError
from hostlift.formats.names import shown
from hostlift.model.adaptation import AdaptOrder, AdaptReport
from hostlift.ports.commands import Commands
from hostlift.ports.tree import Tree


def adapt(
    order: AdaptOrder,
    *,
    tree: Tree,
    root: Path,
    commands: Commands,
    devices: Mapping[int, str],
    ledger: Path,
) -> AdaptReport:
    """Make the copy startable on ECS.

    Args:
        tree: The copy, all volumes in their places.
        root: Where it is assembled on this machine.
        commands: Runs the copy's own tools, where they are needed.
        devices: Target disk index -> device node on this machine.
        ledger: Folder that receives the record of every edit, outside the copy.

    Raises:
        AdaptError: It would not start; ``subject`` is the adaptation that says so.
    """
    book = Ledger(ledger)
    book.settle(tree)
    layout = Layout(order)
    bench = Bench(
        order=order,
        tree=tree,
        layout=layout,
        tools=survey(order, tree, layout, FAMILIES),
        root=root,
        commands=commands,
        devices=devices,
        ledger=book,
    )
    for step in STEPS:
        _apply(step, bench)
    check(bench)
    return AdaptReport(edits=book.edits, notes=bench.notes)


def _apply(step: Step, bench: Bench) -> None:
    try:
        step.apply(bench, Editor(bench.tree, bench.ledger, step.name))
    except OSError as error:
        # A folder where a file belongs, a loop of links: the copy is like that, and would stay so.
        raise AdaptError(
            f"the copy cannot be edited: {error.strerror}", subject=f"{step.name}: {error.filename}"
        ) from error


def check(bench: Bench) -> None:
    """Ask every step what is wrong.

    Raises:
        AdaptError: Something is; the hint says what was noted on the way.
    """
    for step in STEPS:
        problems = list(step.check(bench))
        if problems:
            notes = "; ".join(bench.notes)
            hint = f"Noted on the way: {notes}." if notes else ""
            raise AdaptError(shown("; ".join(problems)), subject=step.name, hint=hint)


def undo(ledger: Path, tree: Tree) -> tuple[str, ...]:
    """Put back everything that `adapt` changed in the copy, byte for byte.

    Returns:
        Every path that this or an earlier call put back, also one that was interrupted.
    """
    book = Ledger(ledger)
    book.undo(tree)
    return book.restored
