# SPDX-License-Identifier: Apache-2.0
"""Where a copy's GRUB is, and running its tools with whatever they write recorded."""

from __future__ import annotations

from hostlift.adapt.linux.bench import Bench
from hostlift.errors import HostError

_TIMEOUT = 900.0


def menu_path(bench: Bench) -> str:
    """The boot menu."""
    return f"{bench.family.grub_folder}/grub.cfg"


def uses_grub(bench: Bench) -> bool:
    """True when the copy is started by GRUB 2."""
    return bench.tree.exists(bench.family.grub_folder)


def run_tool(bench: Bench, argv: list[str], *, adaptation: str, why: str) -> str:
    """Run one of GRUB's tools in the copy; returns what went wrong, empty when nothing did."""
    watched = [bench.family.grub_folder]
    try:
        with (
            bench.ledger.watching(bench.tree, watched, adaptation=adaptation, why=why),
            bench.chroot() as guest,
        ):
            guest.run(argv, timeout=_TIMEOUT)
    except HostError as error:
        return str(error)
    return ""
