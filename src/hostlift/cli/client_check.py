# SPDX-License-Identifier: Apache-2.0
"""``client_check``: the original tool's check program, over ``hostlift check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import typer

from hostlift.cli import texts
from hostlift.cli.terminal import say, session
from hostlift.service import jobs


def main() -> None:
    """Entry point; ``--check`` is the only documented call."""
    parser = argparse.ArgumentParser(
        prog="client_check", description="Check that this server can be migrated."
    )
    parser.add_argument("--check", action="store_true", help="run all checks")
    parser.add_argument("--folder", type=Path, default=Path(), help="the state folder")
    parser.add_argument("--root", type=Path, default=Path("/"), help="the source's root")
    arguments = parser.parse_args()
    if not arguments.check:
        parser.print_help()
        sys.exit(2)
    try:
        with session(arguments.folder, arguments.root, quiet=True) as options:
            checked = jobs.check(options, verbose=True)
    except typer.Exit as ended:
        say("FAILED")
        sys.exit(ended.exit_code)
    say(*texts.check_lines(checked))
    sys.exit(0 if checked.passed else 3)
