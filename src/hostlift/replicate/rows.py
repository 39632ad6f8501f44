# SPDX-License-Identifier: Apache-2.0
"""What the manifest says of one path."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """How much a row is worth."""

    SETTLED = 0
    """The target holds exactly this, and the source object had not changed since."""
    DOUBT = 1
    """The target may hold this, something else or nothing: send it again."""


class Row(NamedTuple):
    """A path whose operation was acknowledged.

    Attributes:
        ino: As `signed` makes it.
        state: A `State`; as a plain number SQLite takes it a microsecond faster.
        tree: Which of the volume's trees it is in; inode numbers are unique within one.
        anchor: Key of the name whose inode this path is a link to; its own for that name itself;
            None when the object has one name only.
        entry: `Entry.pack`; empty for the further names of an inode.
    """

    key: bytes
    kind: int
    tree: int
    ino: int
    ctime: int
    size: int
    state: int
    anchor: bytes | None
    entry: bytes


def signed(number: int) -> int:
    """A 64-bit inode number as SQLite can store it."""
    return number - (1 << 64) if number >= 1 << 63 else number
