# SPDX-License-Identifier: Apache-2.0
"""Running a tool of the copy, with whatever it writes recorded."""

from __future__ import annotations

from collections.abc import Sequence

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.reading import has_program
from hostlift.errors import HostError

_TIMEOUT = 1800.0  # an image takes minutes on an emulated processor


def run_tool(
    bench: Bench,
    argv: list[str],
    *,
    watched: Sequence[str],
    adaptation: str,
    why: str,
    stdin: bytes = b"",
) -> str:
    """Run a program in the copy; returns what went wrong, empty when nothing did.

    Args:
        watched: Folders and files it may write to.
    """
    if not has_program(bench.tree, argv[0]):
        return "it is not installed"
    try:
        with (
            bench.ledger.watching(bench.tree, watched, adaptation=adaptation, why=why),
            bench.chroot() as guest,
        ):
            guest.run(argv, timeout=_TIMEOUT, stdin=stdin)
    except HostError as error:
        return str(error)
    return ""
