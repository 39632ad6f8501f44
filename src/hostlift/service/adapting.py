# SPDX-License-Identifier: Apache-2.0
"""The record of an adaptation, shown or played backwards by hand on a mounted copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostlift.adapt.ledger import Ledger
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


def take_back(ledger: Path, root: Path, *, force: bool = False) -> tuple[str, ...]:
    """Put back everything that was changed in the copy at ``root``; returns the paths.

    The ledger stays as it is: an image has many copies. An interrupted call is completed by the
    next one.

    Args:
        force: Also put back what somebody else changed after the adaptation.

    Raises:
        ConfigError: There is no ledger, no root file system, or something was changed since.
        StateError: The ledger is damaged.
    """
    book = _opened(ledger)
    if not (root / "etc").is_dir():
        raise ConfigError(
            "holds no root file system (there is no etc/ in it)",
            subject=f"--root {root}",
            hint="Mount all file systems of the copy where they belong and name the mount point.",
        )
    tree = RootTree(root.resolve())
    changed = () if force else book.changed_since(tree)
    if changed:
        raise ConfigError(
            f"changed after the adaptation: {', '.join(changed)}",
            subject=f"--root {root}",
            hint="Nothing was taken back. Keep what was changed, or put back all the same: --force.",
        )
    return book.replay(tree)


def _opened(folder: Path) -> Ledger:
    if not Ledger.exists(folder):
        raise ConfigError(
            "holds no record of an adaptation (ledger.json)",
            subject=str(folder),
            hint="Name receipts/ID.ledger of the state folder.",
        )
    return Ledger(folder)
