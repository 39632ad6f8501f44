# SPDX-License-Identifier: Apache-2.0
"""The verbs of ``hostlift``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from hostlift import __version__
from hostlift.cli import cleanup, passes, policy, texts
from hostlift.cli.adapt import command as adapt_command
from hostlift.cli.cloud import app as cloud_app
from hostlift.cli.options import (
    HERE,
    SYSTEM,
    TRIAL,
    Erase,
    Folder,
    Json,
    Root,
    Verbose,
    Wishes,
    Yes,
    with_wishes,
)
from hostlift.cli.terminal import asker, confirmed, emit, errors, say, session
from hostlift.cli.verify import baseline
from hostlift.cli.verify import command as verify_command
from hostlift.service import explaining, jobs

Cloud = Annotated[
    bool,
    typer.Option("--cloud", help="Permissions, balance, quotas, stock and more; creates nothing."),
]
Fix = Annotated[
    bool, typer.Option("--fix", help="Put right on this server what can safely be, after asking.")
]
app = typer.Typer(
    help="Move a running server to Alibaba Cloud ECS, and prove that it arrived.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(
    help="client_data: what was created, and giving it back.", no_args_is_help=True
)
app.add_typer(data_app, name="data")
app.add_typer(cloud_app, name="cloud")
app.command("verify")(verify_command)
app.command("baseline")(baseline)
app.command("adapt")(adapt_command)
app.command("cleanup")(cleanup.cleanup)
app.command("policy")(policy.command)
data_app.command("clear")(cleanup.clear)


@app.command()
def check(
    folder: Folder = HERE,
    root: Root = SYSTEM,
    as_json: Json = False,
    verbose: Verbose = False,
    cloud: Cloud = False,
    fix: Fix = False,
    yes: Yes = False,
) -> None:
    """All migration requirements; the last line is OK, or what to do."""
    with session(folder, root, quiet=True) as options:
        if fix:
            done = jobs.fix(options, lambda what, undo: _agreed(what, undo, yes=yes))
            say(*(f"done: {what}" for what in done), to_stderr=as_json)
        checked = jobs.check(options, verbose=verbose, cloud=cloud)
    if as_json:
        findings = [asdict(f) for f in checked.findings]
        emit({"ok": checked.passed, "findings": findings, "machine": asdict(checked.machine)})
    else:
        say(*texts.check_lines(checked))
    raise typer.Exit(0 if checked.passed else 3)


def _agreed(what: str, undo: str, *, yes: bool) -> bool:
    say(f"Can be put right: {what}", f"  taken back by: {undo}", to_stderr=True)
    return yes or confirmed("Do it?")


@app.command()
def plan(
    folder: Folder = HERE,
    root: Root = SYSTEM,
    as_json: Json = False,
    cloud: Annotated[
        bool, typer.Option("--cloud", help="Ask the cloud for its prices; else by a list.")
    ] = False,
) -> None:
    """What would happen, and what it would cost; changes nothing."""
    with session(folder, root, quiet=as_json) as options:
        made = jobs.plan(options, cloud=cloud)
    if as_json:
        emit(jobs.plan_data(made))
    else:
        say(*jobs.plan_lines(made))


@app.command()
@with_wishes(TRIAL)
def migrate(
    folder: Folder = HERE,
    root: Root = SYSTEM,
    yes: Yes = False,
    erase: Erase = "",
    as_json: Json = False,
    verbose: Verbose = False,
    *,
    wishes: Wishes,
) -> None:
    """The whole story. Run it again to continue; Ctrl-C pauses."""
    with session(folder, root, verbose=verbose, quiet=as_json, wishes=wishes) as options:
        report = jobs.migrate(options, asker(yes=yes, silent=as_json, erase=erase))
    if as_json:
        emit(asdict(report))
    else:
        say(*texts.ending_lines(report))


passes.register(app)


@app.command()
def init(folder: Folder = HERE) -> None:
    """Write user_config.json and the Excludes files where they are missing."""
    with errors():
        written = jobs.init(folder)
    say(*(f"wrote {path}" for path in written))


@app.command("errors")
def explain(
    code: Annotated[str, typer.Argument(help="A code to explain; none: all, as Markdown.")] = "",
    as_json: Json = False,
) -> None:
    """What an error code means and what to do."""
    if not code:
        say(explaining.page().rstrip("\n"))
        return
    with errors():
        found = explaining.explain(code)
    if as_json:
        emit(asdict(found))
    else:
        say(f"{found.code}: {found.meaning}", f"  {found.handling}", f"  {found.remedy}")


@app.command()
def version() -> None:
    """Print the version."""
    say(__version__)


@data_app.command("show")
def data_show(folder: Folder = HERE) -> None:
    """Print client_data."""
    with errors():
        emit(jobs.show(folder))


def main() -> None:
    """Entry point of the ``hostlift`` program."""
    try:
        app()
    except KeyboardInterrupt:
        say("ended at once; run the same command again to continue", to_stderr=True)
        sys.exit(130)
