# SPDX-License-Identifier: Apache-2.0
"""The record of an adaptation, shown or played backwards by hand on a mounted copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostlift.adapt.ledger import Ledger
from hostlift.adapt.linux.run import undo
from hostlift.errors import ConfigError
from hostlift.host.tree import RootTree
from hostlift.model.adaptation import Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a ledger holds."""

    edits: tuple[Edit, ...]
    notes: tuple[str, ...]


def show(ledger: Path) -> Recorded:
    """Every edit that can be taken back, and what a person was told.

    Raises:
        ConfigError: There is no ledger in this folder.
        StateError: It is damaged.
    """
    book = _opened(ledger)
    return Recorded(edits=book.edits, notes=book.notes)


def take_back(ledger: Path, root: Path) -> tuple[str, ...]:
    """Put back everything that was changed in the copy at ``root``; returns the paths.

    An interrupted call is completed by the next one.

    Raises:
        ConfigError: There is no ledger, or no root file system.
        StateError: The ledger is damaged.
    """
    _opened(ledger)
    if not (root / "etc").is_dir():
        raise ConfigError(
            "holds no root file system (there is no etc/ in it)",
            subject=f"--root {root}",
            hint="Mount all file systems of the copy where they belong and name the mount point.",
        )
    return undo(ledger, RootTree(root.resolve()))


def _opened(folder: Path) -> Ledger:
    if not Ledger.exists(folder):
        raise ConfigError(
            "holds no record of an adaptation (ledger.json)",
            subject=str(folder),
            hint="Name the agent's folder 'ledger', copied from the intermediate instance.",
        )
    return Ledger(folder)
