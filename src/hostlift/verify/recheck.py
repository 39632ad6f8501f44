# SPDX-License-Identifier: Apache-2.0
"""Judging a tree of today against the entries of a receipt.

Adaptation changes the copy after both sides were compared, and a target may be unable to hold
something, so a difference is of one of two sorts: *recorded*, when the receipt lists it, or its
list of edits explains it (the same path with the content written down, or the time of a directory
in which an edit made or removed a name, or the lost tie of other names to an edited file), or
*open*.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from blake3 import blake3

from hostlift.model.adaptation import Edit, EditKind
from hostlift.model.entry import Entry, Kind, TreeFold
from hostlift.model.receipt import Difference, VolumeReceipt
from hostlift.verify.compare import Merged, Pair, judge

PlainDigest = Callable[[bytes], str]
"""blake3 hex of all bytes of a file of the tree at hand, by its path in the volume."""

_EMPTY = blake3(b"").hexdigest()


@dataclass(slots=True, kw_only=True)
class Found:
    """One volume, re-read.

    Attributes:
        open: The first differences that nothing explains.
        recorded: The first differences that the adaptation wrote down.
        counts: How many of each sort and kind, as ``open missing`` or ``recorded content``.
    """

    volume: str
    receipt: VolumeReceipt
    open: tuple[Difference, ...]
    recorded: tuple[Difference, ...]
    counts: dict[str, int]

    @property
    def equal(self) -> bool:
        """True when every difference is recorded."""
        return not any(name.startswith("open") for name in self.counts)


class Edits:
    """The signed edits as seen from one volume.

    Args:
        edits: All edits of the adaptation; paths are absolute in the migrated system.
        mount_point: Where the migrated system mounts the volume.
        plain: See `PlainDigest`.
    """

    def __init__(self, edits: Iterable[Edit], mount_point: str, plain: PlainDigest) -> None:
        files = {_raw(e.path): e for e in edits if e.kind is not EditKind.BOOT_CODE}
        self._edits = files
        self._parents = {posixpath.dirname(path) for path in files}
        self._base = _raw(mount_point).rstrip(b"/")
        self._plain = plain
        self._split: dict[bytes, Entry] = {}
        self._heirs: dict[bytes, bytes] = {}

    def explain(self, pair: Pair) -> bool:
        """Whether the adaptation's own account says that this pair differs as it does."""
        here, there = pair
        entry = here or there
        if entry is None:
            return False
        absolute = self._base + b"/" + entry.path if entry.path != b"." else self._base or b"/"
        edit = self._edits.get(absolute)
        if edit is not None and here is not None:
            self._split[here.path] = here
        if edit is not None and self._is_as_written(edit, here, there):
            return True
        return self._lost_its_tie(here, there) or (
            absolute in self._parents and _is_only_time(here, there)
        )

    def _lost_its_tie(self, here: Entry | None, there: Entry | None) -> bool:
        """A further name of an edited file: an edit makes that one of its own, and leaves this."""
        if here is None or there is None or here.link_of not in self._split:
            return False
        if there.link_of:
            joined = self._heirs.get(there.link_of) == here.link_of
            return joined and replace(here, link_of=there.link_of) == there
        self._heirs[here.path] = here.link_of
        return replace(self._split[here.link_of], path=here.path) == there

    def _is_as_written(self, edit: Edit, here: Entry | None, there: Entry | None) -> bool:
        if there is None or edit.kind is EditKind.REMOVED:
            return there is None and edit.kind is EditKind.REMOVED
        return _privileges(here) == _privileges(there) and edit.after == self._digest(there)

    def _digest(self, there: Entry) -> str:
        """Of the object as the ledger of edits takes it: over plain bytes, whatever the size."""
        if there.kind is Kind.SYMLINK:
            return blake3(there.target).hexdigest()
        return self._plain(there.path) if there.kind is Kind.FILE else _EMPTY


def recheck(
    before: VolumeReceipt,
    entries: Iterable[Entry],
    tree: Iterable[Entry],
    edits: Edits,
    *,
    known: Iterable[Difference] = (),
    most: int,
) -> Found:
    """Compare a volume's entries with what a tree holds now.

    Args:
        known: Differences that were accepted when the copy was proved, as they were then.
        most: Differences kept of each sort; all are counted.

    Raises:
        ProtocolError: One of the streams is not in order.
    """
    merged = Merged(entries, tree)
    accepted = frozenset(known)
    counts: Counter[str] = Counter()
    kept: dict[str, list[Difference]] = {"open": [], "recorded": []}
    for pair in merged.pairs():
        difference = judge(before.volume, *pair)
        if difference is None:
            continue
        sort = "recorded" if difference in accepted or edits.explain(pair) else "open"
        counts[f"{sort} {difference.kind.value}"] += 1
        if len(kept[sort]) < most:
            kept[sort].append(difference)
    return Found(
        volume=before.volume,
        receipt=merged.receipt(before.volume, before.mount_point),
        open=tuple(kept["open"]),
        recorded=tuple(kept["recorded"]),
        counts=dict(counts),
    )


@dataclass(slots=True)
class Sum:
    """Root and count of a stream of entries."""

    fold: TreeFold = field(default_factory=TreeFold)
    entries: int = 0

    def over(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, summed as they pass."""
        for entry in entries:
            self.fold.add(entry.digest)
            self.entries += 1
            yield entry

    @property
    def root(self) -> str:
        """The root over all that passed, hex."""
        return self.fold.root().hex()


def _is_only_time(here: Entry | None, there: Entry | None) -> bool:
    """A directory whose content was edited: nothing but its time is another."""
    if here is None or there is None or here.kind is not Kind.DIRECTORY:
        return False
    moved = replace(here, meta=replace(here.meta, mtime_ns=there.meta.mtime_ns))
    return moved == there


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _privileges(entry: Entry | None) -> tuple[int, bytes]:
    """What makes a program run as somebody else; no edit gives or takes it."""
    if entry is None:
        return 0, b""
    return entry.meta.mode & 0o6000, dict(entry.meta.xattrs).get(b"security.capability", b"")
