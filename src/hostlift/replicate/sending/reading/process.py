# SPDX-License-Identifier: Apache-2.0
"""The process that reads for a stream: ``python -m hostlift.replicate.sending.reading.process``.

Its arguments are the descriptor of its end of the pipe and, as JSON, the volumes: their trees by
descriptor, with their places. It ends with the stream's end of the pipe.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hostlift.replicate.collecting import fewer_collections
from hostlift.replicate.sending.outcomes import Settled, Todo
from hostlift.replicate.sending.reader import Reader
from hostlift.replicate.sending.reading.small import SmallReading
from hostlift.replicate.sending.reading.wire import Asked, Parcel, Pipe, Told
from hostlift.replicate.source import SourceVolume, TreeRoot


@dataclass(slots=True)
class _Notes:
    """What is told at the end; a `hostlift.replicate.sending.reading.small.Listener`."""

    vanished: int = 0
    findings: list[tuple[bytes, str]] = field(default_factory=list)
    hot: list[bytes] = field(default_factory=list)

    def gone(self) -> None:
        self.vanished += 1

    def found(self, _vol: int, key: bytes, reason: str) -> None:
        self.findings.append((key, reason))

    def is_hot(self, todo: Todo) -> None:
        self.hot.append(todo.key)


def serve(pipe: Pipe, volumes: dict[int, SourceVolume], *, phase: int, retries: int) -> None:
    """Read what is asked for until nobody asks any more."""
    synced: dict[tuple[int, int], float] = {}
    reader = Reader(volumes, synced, retries)
    with contextlib.closing(reader), contextlib.suppress(EOFError):
        while True:
            asked = pipe.asked()
            synced.update({(asked.vol, tree): at for tree, at in asked.synced.items()})
            _answer(pipe, asked, reader, phase)


def _answer(pipe: Pipe, asked: Asked, reader: Reader, phase: int) -> None:
    notes = _Notes()
    reading = SmallReading(reader, notes, phase)
    for draft in reading.drafts(asked.vol, asked.todos):
        settled = [o for o in draft.outcomes if isinstance(o, Settled)]
        rows = [(outcome.row, outcome.pinned) for outcome in settled]
        pipe.answer(Parcel(draft.taken, draft.planned, draft.read, rows, draft.payload()))
    large = [todo.key for todo in reading.large]
    pipe.tell(Told(notes.vanished, notes.findings, notes.hot, large))


def describe(volumes: dict[int, SourceVolume], roots: dict[tuple[int, int], int]) -> str:
    """The volumes as an argument; ``roots`` are the descriptors of their trees."""
    return json.dumps(
        {
            vol: [
                (roots[vol, index], tree.prefix.hex(), tree.cross)
                for index, tree in enumerate(source.trees)
            ]
            for vol, source in volumes.items()
        }
    )


def described(text: str) -> dict[int, SourceVolume]:
    """Inverse of `describe`, as far as reading needs it."""
    found: dict[str, list[Any]] = json.loads(text)
    return {
        int(vol): SourceVolume(
            vol,
            tuple(
                TreeRoot(b"/proc/self/fd/%d" % fd, bytes.fromhex(prefix), cross)
                for fd, prefix, cross in trees
            ),
        )
        for vol, trees in found.items()
    }


def main(arguments: Sequence[str]) -> None:
    """Serve the pipe whose descriptor is named."""
    pipe, volumes, phase, retries = arguments
    with socket.socket(fileno=int(pipe)) as sock, fewer_collections():
        serve(Pipe(sock), described(volumes), phase=int(phase), retries=int(retries))


if __name__ == "__main__":
    main(sys.argv[1:])
