# SPDX-License-Identifier: Apache-2.0
"""What a pass has to send, and what the acknowledgement of each operation will mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hostlift.replicate.rows import Row, State


class Todo(NamedTuple):
    """An object to send, as the scan saw it."""

    vol: int
    key: bytes
    kind: int
    tree: int
    dev: int
    ino: int
    ctime: int
    size: int
    known: int
    anchor: bytes | None
    fresh: int


class Gone(NamedTuple):
    """A path to remove; ``kept``: something else takes its place."""

    vol: int
    key: bytes
    kept: int


class Settled(NamedTuple):
    """Acknowledgement of an object; ``file`` is the large file that is complete with it."""

    todo: Todo
    row: Row
    file: int = 0
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """Acknowledgement of a removal."""

    key: bytes
    kept: bool


@dataclass(frozen=True, slots=True)
class Chunked:
    """Acknowledgement of a chunk of a large file."""

    todo: Todo
    file: int
    index: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Punched:
    """Acknowledgement of a hole of whole chunks in a large file."""

    todo: Todo
    file: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Acknowledgement that a large file is there."""

    todo: Todo


Outcome = Settled | Removed | Chunked | Punched | Begun | None


def link_row(todo: Todo) -> Row:
    """The row of a further name of an inode."""
    return Row(
        todo.key,
        todo.kind,
        todo.tree,
        todo.ino,
        todo.ctime,
        todo.size,
        State.SETTLED,
        todo.anchor,
        b"",
    )
