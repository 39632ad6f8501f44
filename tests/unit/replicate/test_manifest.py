# SPDX-License-Identifier: Apache-2.0
"""What the manifest remembers, and when it forgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.errors import StateError
from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.rows import Row, State
from hostlift.replicate.sending.chunks import ChunkBook
from hostlift.replicate.source import order_key

META = Meta(mode=0o644, uid=0, gid=0, mtime_ns=5)
MIB = 1 << 20


def row(path: bytes, *, anchor: bytes | None = None, size: int = 3, kind: Kind = Kind.FILE) -> Row:
    entry = Entry(path=path, kind=kind, meta=META, size=size)
    packed = entry.pack() if anchor in {None, path} else b""
    key = None if anchor is None else order_key(anchor)
    return Row(order_key(path), int(kind), 1, 2, 3, size, State.SETTLED, key, packed)


def test_entries_come_in_depth_first_order(tmp_path: Path) -> None:
    """A directory is followed by what is in it, whatever characters sort before the slash."""
    paths = [b"a", b"a/b", b"a/z/1", b"a-b", b"a.b", b"a\x01", b".", b"-x", b"\xff"]
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        manifest.settle(manifest.number("v"), [row(p) for p in paths])
        found = [e.path for e in manifest.entries("v")]
    assert found == [b"-x", b".", b"a", b"a/b", b"a/z/1", b"a\x01", b"a-b", b"a.b", b"\xff"]


def test_the_first_name_carries_the_entry_whichever_was_sent(tmp_path: Path) -> None:
    """The anchor of a group may be any name; the description does not depend on it."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        names = [row(n, anchor=b"m") for n in (b"m", b"z", b"b")]
        manifest.settle(manifest.number("v"), names)
        found = list(manifest.entries("v"))
        assert [(e.path, e.link_of, e.size) for e in found] == [
            (b"b", b"", 3),
            (b"m", b"b", 0),
            (b"z", b"b", 0),
        ]
        assert (manifest.totals("v").entries, manifest.totals("v").bytes) == (3, 3)


def test_another_generation_forgets_that_volume_only(tmp_path: Path) -> None:
    """A disk made anew holds nothing."""
    with Manifest.open(tmp_path / "db") as manifest:
        assert manifest.bind("v", "one") is False
        assert manifest.bind("w", "one") is False
        for volume in ("v", "w"):
            manifest.settle(manifest.number(volume), [row(b"f")])
        assert manifest.bind("v", "one") is True
        assert manifest.bind("v", "two") is False
        assert (manifest.totals("v").entries, manifest.totals("w").entries) == (0, 1)


def test_it_survives_closing(tmp_path: Path) -> None:
    """What was settled is there in the next process."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        manifest.settle(1, [row(b"f")])
    with Manifest.open(tmp_path / "db") as manifest:
        assert manifest.bind("v", "g") is True
        assert [e.path for e in manifest.entries("v")] == [b"f"]


def test_doubt_keeps_the_entry_but_not_the_chunks(tmp_path: Path) -> None:
    """A file that read back differently is sent whole."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        book = ChunkBook(manifest)
        vol = manifest.number("v")
        large = book.start(vol, b"f", 9 * MIB, fresh=False)
        book.arrived([(large.id, 0, b"d")])
        manifest.settle(vol, [row(b"f", size=9 * MIB)])
        manifest.doubt("v", [b"f"])
        assert manifest.unsettled("v") == 1
        assert manifest.totals("v").entries == 1
        assert book.start(vol, b"f", 9 * MIB, fresh=False).create


def test_a_large_file_goes_on_where_it_was(tmp_path: Path) -> None:
    """Acknowledged chunks are known to the next start; cut-off ones are in doubt, not forgotten."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        book = ChunkBook(manifest)
        first = book.start(1, b"f", 10 * MIB, fresh=False)
        assert (first.create, first.fresh) == (True, True)
        book.arrived([(first.id, 0, b"zero"), (first.id, 9, b"nine")])
        again = book.start(1, b"f", 9 * MIB, fresh=False)
        assert (again.id, again.create, again.fresh) == (first.id, False, True)
        assert book.known(first.id, 0, 10) == {0: b"zero", 9: b""}
        book.complete(first.id, 9 * MIB)
        assert book.known(first.id, 0, 10) == {0: b"zero"}
        assert book.start(1, b"f", 9 * MIB, fresh=False).fresh is False
        assert book.start(1, b"f", 9 * MIB, fresh=True).create


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """The error says which file."""
    path = tmp_path / "db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StateError, match="db"), Manifest.open(path):
        pytest.fail("must not open")


def test_an_unbound_volume_is_an_error(tmp_path: Path) -> None:
    """Nothing can be known of it."""
    with Manifest.open(tmp_path / "db") as manifest, pytest.raises(StateError, match="v"):
        manifest.number("v")
