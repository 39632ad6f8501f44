# SPDX-License-Identifier: Apache-2.0
"""What shares blocks at the source (reflinks) shares them at the target, where both can.

Files travel whole, each for itself. When all are acknowledged the source's kernel is asked which
of their blocks are shared, and the target's to share the same ranges: it compares them first, so
whatever changed meanwhile costs the sharing, never the content. The first time this is asked of
every file of a volume, later of those that a pass has sent, and of the others again only when
some of these share blocks; not while the source stands still.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hostlift.replicate import ops
from hostlift.replicate.fs import kernel
from hostlift.replicate.sending.crew import Crew
from hostlift.replicate.sending.draft import Desk, Draft, Job
from hostlift.replicate.sending.jobs import DraftsJob, Phase
from hostlift.replicate.sending.outcomes import Todo
from hostlift.replicate.sending.staging import Piece, Staging
from hostlift.replicate.source import SourceVolume, path_of

LEAST = 64 << 10
"""Bytes of a file that is asked: what smaller ones could save is not worth opening them."""

_CAN_SHARE = frozenset({0x58465342, 0x9123683E})
"""XFS, btrfs: <linux/magic.h>."""
_SHARED = 0x2000
_ENCODED = 0x8
_UNFIT = 0x2 | 0x4 | 0x200 | 0x800
"""Unknown place, not allocated yet, inline, unwritten: <linux/fiemap.h>."""
_TOGETHER = 256


@dataclass(frozen=True, slots=True)
class _AskJob:
    """Notes which blocks some files share; sends nothing."""

    scratch: Staging
    todos: tuple[Todo, ...]

    def drafts(self, desk: Desk) -> Iterator[Draft]:
        """See `Job`."""
        for todo in self.todos:
            try:
                fd = desk.reader.open_file(todo)
            except OSError:
                continue
            try:
                self.scratch.note_shared(_pieces(fd, todo))
            finally:
                os.close(fd)
        yield from ()


def _pieces(fd: int, todo: Todo) -> list[Piece]:
    found = []
    try:
        for extent in kernel.extents(fd, todo.size):
            if extent.flags & _SHARED and not extent.flags & _UNFIT:
                length = min(extent.length, todo.size - extent.start)
                whole = bool(extent.flags & _ENCODED)
                found.append(Piece(todo.vol, extent.place, todo.key, extent.start, length, whole))
    except OSError:
        return []
    return found


def share(
    crew: Crew, scratch: Staging, numbered: Mapping[int, SourceVolume], *, final: bool
) -> None:
    """Have the target share what the source does; durable there on return."""
    for vol, volume in numbered.items():
        trees = [i for i, tree in enumerate(volume.trees) if _can_share(tree.path)]
        first = not scratch.asked_for_shared(vol)
        if not trees or (final and not first):
            continue
        news = () if first else scratch.sent_files(vol, trees, LEAST)
        crew.run(_asking(scratch, news))
        if first or scratch.has_shared(vol):
            crew.run(_asking(scratch, scratch.settled_files(vol, trees, LEAST)))
            crew.run(_sharing(vol, scratch.shared(vol)))
        scratch.shared_is_asked(vol)


def _can_share(path: bytes | Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return kernel.file_system_magic(fd) in _CAN_SHARE
    finally:
        os.close(fd)


def _asking(scratch: Staging, todos: Iterable[Todo]) -> Iterator[Job]:
    rest = iter(todos)
    while group := tuple(itertools.islice(rest, _TOGETHER)):
        yield _AskJob(scratch, group)


def _sharing(vol: int, pieces: Iterable[Piece]) -> Iterator[Job]:
    draft = Draft(vol, Phase.SHARE)
    for op in matched(pieces):
        draft.add(op, None)
        if draft.full:
            yield DraftsJob((draft,))
            draft = Draft(vol, Phase.SHARE)
    if draft:
        yield DraftsJob((draft,))


def matched(pieces: Iterable[Piece]) -> Iterator[ops.Share]:
    """Pieces in order of their places -> which range has the blocks of which other one."""
    donor: Piece | None = None
    for piece in pieces:
        if donor is None or piece.place >= donor.place + donor.length:
            donor = piece
            continue
        ahead = piece.place - donor.place
        if ahead and (piece.whole or donor.whole):
            donor = piece
            continue
        length = min(piece.length, donor.length - ahead)
        yield ops.Share(
            path_of(piece.key), piece.start, path_of(donor.key), donor.start + ahead, length
        )
        if piece.length > length:
            donor = piece
