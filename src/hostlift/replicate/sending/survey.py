# SPDX-License-Identifier: Apache-2.0
"""Looks at every volume of a pass in the cheapest way that misses nothing.

    a new volume         is walked, and what is seen goes out at once
    all trees tracked    changed inodes -> their paths and directories (`rescan`), nothing else
    otherwise            is walked, and compared with the manifest as a whole

A tree is tracked when its file system has a change tracker and a mark of it, taken on the same
ground (excludes, places of the trees), is in the manifest. Marks are taken before anything is
looked at, so that what changes meanwhile shows against them in the next pass.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping

from blake3 import blake3

from hostlift.errors import ReplicationError
from hostlift.events import EventSink, Progress
from hostlift.replicate.changes import Changed, Tracker, Untrackable
from hostlift.replicate.fs.kernel import syncfs
from hostlift.replicate.sending.ledger import Ledger
from hostlift.replicate.sending.options import PassOptions
from hostlift.replicate.sending.outcomes import Todo
from hostlift.replicate.sending.rescan import Rescan, TooMuch
from hostlift.replicate.sending.scan import SeenRow, Walk
from hostlift.replicate.source import SourceVolume, order_key
from hostlift.replicate.tracked import KnownInodes, Mark, marks

_GROUP = 4000


class Survey:
    """One pass' look at the source.

    Attributes:
        unreadable: (volume, key) of directories that could not be listed.
        marks: (volume, mark) that hold once what was seen is planned.
        walked: Volumes of which every object was looked at.
        looked_at: How many objects were.
    """

    def __init__(
        self,
        numbered: Mapping[int, SourceVolume],
        ledger: Ledger,
        *,
        options: PassOptions,
        sink: EventSink,
        stopped: Callable[[], bool],
    ) -> None:
        self._numbered = numbered
        self._manifest = ledger.manifest
        self._scratch = ledger.staging
        self._ledger = ledger
        self._options = options
        self._sink = sink
        self._stopped = stopped
        self._fresh = {vol for vol in numbered if self._manifest.is_empty(vol)}
        self.looked_at = 0
        self.unreadable: list[tuple[int, bytes]] = []
        self.marks: list[tuple[int, Mark]] = []
        self.walked: set[int] = set()
        for source in numbered.values():
            if not any(tree.place == b"." for tree in source.trees):
                raise ReplicationError("no source tree fills the volume's root", subject=source.id)

    def fresh(self) -> Iterator[Todo]:
        """Walk the new volumes; what can be sent at once, while walking."""
        for vol in sorted(self._fresh):
            self._scratch.cover(vol, whole=False)
            self._scratch.begin(vol)
            for rows in self._walk(vol):
                todos = self._scratch.hasten(rows)
                self._ledger.total += sum(todo.size for todo in todos)
                yield from todos

    def others(self) -> None:
        """Look at the volumes that have been copied before."""
        for vol in sorted(self._numbered.keys() - self._fresh):
            if not self._tracked(vol):
                self._scratch.cover(vol, whole=True)
                for rows in self._walk(vol):
                    self._scratch.see(rows)

    def turn(self) -> None:
        """What is written from now on is news to the next pass; after the last one there is none."""
        if self._options.written is None or self._options.final:
            return
        for vol, source in self._numbered.items():
            for index in range(len(source.trees)):
                with self._synced(vol, index):
                    pass
        self._options.written.turn()

    def _tracked(self, vol: int) -> bool:
        """Look at what trackers name; False when some tree cannot be tracked."""
        source = self._numbered[vol]
        known = marks(self._manifest, vol)
        if len(known) != len(source.trees):
            return False
        found: list[Changed] = []
        for index in range(len(source.trees)):
            with self._synced(vol, index) as tracker:
                mark = known[index]
                if tracker is None or mark[1:3] != (tracker.name, ground(source)):
                    return False
                inodes = KnownInodes(self._manifest, vol, index)
                try:
                    found.append(tracker.changed(mark.mark, inodes))
                except Untrackable:
                    return False
        rescan = Rescan(vol, source, self._scratch, self._stopped)
        try:
            with rescan:
                rescan.run([one.inodes for one in found])
        except TooMuch:
            return False
        self._scratch.cover(vol, whole=False)
        new = [] if rescan.several else [one.mark for one in found]
        self._note(vol, rescan.unreadable, new, [known[i] for i in range(len(new))])
        self._show(rescan.looked_at)
        return True

    def _walk(self, vol: int) -> Iterator[list[SeenRow]]:
        source = self._numbered[vol]
        self.walked.add(vol)
        taken: list[Mark] = []
        unreadable: list[tuple[bytes, str]] = []
        for index in range(len(source.trees)):
            with self._synced(vol, index) as tracker:
                mark = _mark(tracker)
            walk = Walk(vol, index, source, self._stopped)
            for rows in _gathered(walk.rows()):
                self._show(len(rows))
                yield rows
            unreadable += walk.unreadable
            if tracker is not None and mark is not None and not walk.several:
                taken.append(Mark(index, tracker.name, ground(source), mark))
        self._note(vol, unreadable, [mark.mark for mark in taken], taken)

    def _note(
        self, vol: int, unreadable: list[tuple[bytes, str]], new: list[bytes], old: list[Mark]
    ) -> None:
        """Marks vouch for all that is below a tree, so not when part of it could not be seen."""
        for path, reason in unreadable:
            self._ledger.found(vol, order_key(path), reason)
            self.unreadable.append((vol, order_key(path)))
        if not unreadable:
            pairs = zip(old, new, strict=True)
            self.marks += [(vol, before._replace(mark=mark)) for before, mark in pairs]

    @contextlib.contextmanager
    def _synced(self, vol: int, index: int) -> Iterator[Tracker | None]:
        """A tree whose file system was written back; its tracker, if it has one.

        Stores to memory-mapped files become visible as changes by this only.
        """
        tree = self._numbered[vol].trees[index]
        fd = os.open(tree.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._ledger.synced[vol, index] = self._ledger.now()
            syncfs(fd)
            yield None if tree.cross else self._options.tracker(fd)
        finally:
            os.close(fd)

    def _show(self, more: int) -> None:
        self.looked_at += more
        self._sink(Progress(self._options.step, "scan", self.looked_at, 0, "files"))


def ground(source: SourceVolume) -> bytes:
    """What a tree's mark depends on, besides its file system."""
    places = [b"%s %d" % (tree.place, tree.cross) for tree in source.trees]
    rules = [rule.encode("utf-8", "surrogateescape") for rule in source.excludes]
    return blake3(b"\0".join([b"%d" % len(places), *places, *rules])).digest()


def _mark(tracker: Tracker | None) -> bytes | None:
    try:
        return None if tracker is None else tracker.mark()
    except Untrackable:
        return None


def _gathered(parts: Iterator[list[SeenRow]]) -> Iterator[list[SeenRow]]:
    found: list[SeenRow] = []
    for part in parts:
        found += part
        if len(found) >= _GROUP:
            yield found
            found = []
    if found:
        yield found
