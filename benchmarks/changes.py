# SPDX-License-Identifier: Apache-2.0
"""What happens to a source between two passes; the same for every tool of a round."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workloads import MIB, SPARSE_RUN, Text
from hostlift.host.clock import SystemClock

_ONE_PERCENT = 100
_QUIET_NS = 60_000_000
"""A file system that changed less than this ago could change again without a new time."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What of a large file is overwritten: pieces of equal size, at multiples of ``align``.

    Pieces of at most 8 MiB stay within the data of the ``sparse`` workload.
    """

    bytes: int = 64 * MIB
    pieces: int = 16
    align: int = MIB


def change_one_percent(root: Path, turn: int) -> int:
    """Give one file in a hundred other content of the same size, others at each turn.

    Returns:
        How many bytes were written.
    """
    text = Text(1000 + turn)
    index = changed = 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = f"{folder}/{name}"
            index += 1
            if (index + turn) % _ONE_PERCENT or os.path.islink(path):
                continue
            changed += _rewritten(path, text)
    return changed


def _rewritten(path: str, text: Text) -> int:
    """An empty file only gets a new time."""
    size = os.stat(path).st_size
    with open(path, "r+b") as file:
        file.writelines(text.take(min(MIB, size - at)) for at in range(0, size, MIB))
        os.utime(file.fileno())
    return size


def change_inside(path: Path, inside: Inside, turn: int) -> int:
    """Overwrite pieces of a file with random data; their places depend on the turn only.

    Returns:
        How many bytes were written.
    """
    length = inside.bytes // inside.pieces
    span = 2 * max(length, SPARSE_RUN)
    places = random.Random(turn)
    with path.open("r+b") as file:
        for slot in places.sample(range(path.stat().st_size // span), inside.pieces):
            shift = places.randrange(0, span // 2 - length + 1, inside.align)
            file.seek(slot * span + shift)
            file.write(os.urandom(length))
    return length * inside.pieces


def settle() -> None:
    """Make the changes durable, and old enough for a pass to vouch for the files at once."""
    os.sync()
    newest = time.time_ns()
    clock = SystemClock()
    while time.time_ns() < newest + _QUIET_NS:
        clock.sleep(0.01)
