# SPDX-License-Identifier: Apache-2.0
"""What a pass asks the manifest when it does not walk: marks of the trackers, names of inodes.

All of it is answered from indexes, which are made when the first pass of a volume is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from hostlift.replicate.changes import KnownInode
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.rows import signed

_FETCH = 500
_FEW = 8
_NAMES = "SELECT key, kind, ino FROM rep_entry WHERE vol=?"
_HIGHEST = (1 << 63) - 1
_UNSIGNED = (1 << 64) - 1


class Mark(NamedTuple):
    """Up to where a tracker was heard.

    Attributes:
        ground: What the mark is worth nothing without.
    """

    tree: int
    tracker: str
    ground: bytes
    mark: bytes


class Name(NamedTuple):
    """A path in the manifest; ``ino`` is as SQLite has it, 0 when it was never acknowledged."""

    key: bytes
    kind: int
    ino: int


def make_indexes(manifest: Manifest) -> None:
    """Make what the functions below look things up by, where it is missing."""
    with manifest.transaction() as db:
        for statement in statements("tracked.sql"):
            db.execute(statement)


def marks(manifest: Manifest, vol: int) -> dict[int, Mark]:
    """The marks of a volume's trees."""
    rows = manifest.db.execute(
        "SELECT tree, tracker, ground, mark FROM rep_mark WHERE vol=?", (vol,)
    )
    return {int(r[0]): Mark(int(r[0]), str(r[1]), bytes(r[2]), bytes(r[3])) for r in rows}


class KnownInodes:
    """See `hostlift.replicate.changes.Known`; for one tree of a volume."""

    def __init__(self, manifest: Manifest, vol: int, tree: int) -> None:
        self._manifest = manifest
        self._where = (vol, tree)

    def between(self, first: int, last: int) -> Iterator[KnownInode]:
        """See the protocol. Names of one inode that disagree make it one that changed."""
        yield from self._between(first, min(last, _HIGHEST))
        if last > _HIGHEST:
            yield from self._between(signed(max(first, _HIGHEST + 1)), signed(last))

    def _between(self, first: int, last: int) -> Iterator[KnownInode]:
        while first <= last:
            with self._manifest.lock:
                rows = self._manifest.db.execute(
                    "SELECT ino, min(ctime), max(ctime), max(size) FROM rep_entry"
                    " WHERE vol=? AND tree=? AND ino>=? AND ino<=? GROUP BY ino LIMIT ?",
                    (*self._where, first, last, _FETCH),
                ).fetchall()
            for ino, low, high, size in rows:
                yield KnownInode(ino & _UNSIGNED, low if low == high else -1, size)
            if len(rows) < _FETCH:
                return
            first = rows[-1][0] + 1


def names_of(manifest: Manifest, vol: int, tree: int, inodes: Sequence[int]) -> Iterator[Name]:
    """All names of inodes of a tree."""
    for at in range(0, len(inodes), _FETCH):
        part = inodes[at : at + _FETCH]
        wanted = ",".join("?" * len(part))
        yield from _names(
            manifest,
            f"{_NAMES} AND tree=? AND ino IN ({wanted})",
            (vol, tree, *map(signed, part)),
        )


def doubtful(manifest: Manifest, vol: int, limit: int) -> list[Name]:
    """Names that another pass has to look at, at most ``limit``."""
    # The sign keeps SQLite from the primary key, by which it would read the whole volume.
    query = "SELECT key, kind, ino FROM rep_entry WHERE +vol=? AND state<>0 LIMIT ?"
    return list(_names(manifest, query, (vol, limit)))


def children(manifest: Manifest, vol: int, directory: bytes) -> Iterator[Name]:
    """What the manifest has right in a directory, sorted; what lies below is skipped, not read."""
    prefix = b"" if directory == b"." else directory + b"\0"
    at, end = prefix, prefix[:-1] + b"\1" if prefix else None
    bound = "AND key<?" if end else ""
    query = f"{_NAMES} AND key>=? {bound} ORDER BY key LIMIT ?"
    step = _FEW
    below = None
    while True:
        found = list(_names(manifest, query, (vol, at, *([end] if end else []), step)))
        for name in found:
            if below is not None and name.key.startswith(below):
                at, step = below[:-1] + b"\1", _FEW
                break
            if name.key != b".":
                yield name
            at = below = name.key + b"\0"
        else:
            if len(found) < step:
                return
            step = _FETCH


def linked_elsewhere(manifest: Manifest, vol: int) -> list[Name]:
    """Names that share an inode, as acknowledged, with one that is examined, but are not."""
    return list(
        _names(
            manifest,
            "SELECT DISTINCT m.key, m.kind, m.ino FROM scan.examined x"
            " CROSS JOIN rep_entry e ON e.vol=x.vol AND e.key=x.key"
            " CROSS JOIN rep_entry m ON m.vol=e.vol AND m.anchor=e.anchor"
            " WHERE x.vol=? AND e.anchor IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM scan.examined y WHERE y.vol=m.vol AND y.key=m.key)",
            (vol,),
        )
    )


def _names(manifest: Manifest, query: str, values: Sequence[object]) -> Iterator[Name]:
    with manifest.lock:
        rows = manifest.db.execute(query, values).fetchall()
    for key, kind, ino in rows:
        yield Name(key, kind, ino)


def statements(name: str) -> list[str]:
    """The statements of a file of ``sql/``."""
    text = (files("hostlift.replicate") / "sql" / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]
