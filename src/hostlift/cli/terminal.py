# SPDX-License-Identifier: Apache-2.0
"""What the verbs share: printing, asking, pausing, and errors as messages with an exit status."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from hostlift.cli import texts
from hostlift.cli.render import shown
from hostlift.errors import HostliftError, WaitingForUser
from hostlift.model.plan import Erasure, MigrationPlan
from hostlift.service import jobs
from hostlift.service.wiring import Options

_CLEAR = "\x1b[2J\x1b[H"


@contextmanager
def session(
    folder: Path,
    root: Path,
    *,
    verbose: bool = False,
    quiet: bool = False,
    wishes: Mapping[str, object] | None = None,
) -> Iterator[Options]:
    """Options with a sink on the terminal; Ctrl-C and SIGTERM pause, a second one ends at once.

    Args:
        folder: The state folder.
        root: Of the source.
        verbose: Checks that passed are shown too.
        quiet: Warnings only.
        wishes: Settings of the command line, by key; None means not given.
    """
    stop = threading.Event()
    with errors(), shown(verbose=verbose, quiet=quiet) as sink, pausing(stop):
        yield Options(
            folder=folder.absolute(),
            sink=sink,
            root=root,
            overrides=wishes or {},
            environ=dict(os.environ),
            stop=stop,
        )


@contextmanager
def errors() -> Iterator[None]:
    """Turn errors into a message and an exit status."""
    try:
        yield
    except HostliftError as error:
        say(*texts.error_lines(error), to_stderr=True)
        raise typer.Exit(error.exit_status) from None


@contextmanager
def pausing(stop: threading.Event) -> Iterator[None]:
    """While the block runs, the first signal sets ``stop`` and the next acts as ever."""

    def pause(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler)
        say("pausing … (once more to end at once)", to_stderr=True)

    old = {n: signal.signal(n, pause) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def asker(*, yes: bool, silent: bool = False, erase: str = "") -> Callable[[MigrationPlan], bool]:
    """Shows the plan and asks, unless told not to.

    Args:
        yes: Go ahead with everything that can be undone.
        silent: Do not show the plan.
        erase: The instance whose system disk may be erased.
    """

    def ask(made: MigrationPlan) -> bool:
        if not silent:
            say(*jobs.plan_lines(made), to_stderr=True)
        if made.erases is not None and not _may_erase(made.erases, erase):
            return False
        return yes or confirmed("Go ahead?")

    return ask


def _may_erase(loss: Erasure, named: str) -> bool:
    """Whether the person has named the very instance; a plain yes is not enough.

    Raises:
        WaitingForUser: They have not.
    """
    if not named and sys.stdin.isatty():
        say(f"{loss.words}.", to_stderr=True)
        named = typer.prompt(f"Type {loss.instance} to agree", err=True, default="")
    if named == loss.instance:
        return True
    raise WaitingForUser(
        f"{loss.words}; nobody agreed to that, and nothing was created",
        subject=loss.instance,
        hint=f"Run again with --erase {loss.instance}, or type that id when asked.",
    )


def confirmed(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, err=True)


def emit(data: Any) -> None:
    """Print JSON on standard output."""
    say(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def refresh(*lines: str, again: bool) -> None:
    """Print lines; on a terminal that is watched, in place of the last ones."""
    if again and sys.stdout.isatty():
        typer.echo(_CLEAR, nl=False)
    say(*lines, *([""] if again else []))


def say(*lines: str, to_stderr: bool = False) -> None:
    """Print lines; names that are not UTF-8 are shown escaped."""
    for line in lines:
        typer.echo(line.encode("utf-8", "backslashreplace").decode(), err=to_stderr)
