# SPDX-License-Identifier: Apache-2.0
"""Merging what was read at both ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Kind, Meta, tree_root
from hostlift.model.receipt import Divergence
from hostlift.verify.compare import MOST_DIFFERENCES, compare, show_path, sort_key

META = Meta(mode=0o644, uid=0, gid=0, mtime_ns=1)


def an_entry(path: bytes, **changes: object) -> Entry:
    base = Entry(path=path, kind=Kind.FILE, meta=META, size=3, content=b"\x01" * 32)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_equal_trees_have_equal_roots_and_no_differences() -> None:
    """The root is that of the digests in order; links count their bytes once."""
    entries = [an_entry(b"a"), an_entry(b"a/b"), an_entry(b"a-b", link_of=b"a/b")]
    receipt, differences = compare("disk0p1", "/", entries, list(entries))
    assert differences == ()
    assert receipt.source_root == receipt.target_root == tree_root(e.digest for e in entries).hex()
    assert (receipt.entries, receipt.bytes) == (3, 6)


def test_a_directory_comes_right_before_what_it_holds() -> None:
    """``a-b`` sorts behind everything below ``a``."""
    paths = [b"a-b", b"a", b"a/b", b"a/b/c"]
    assert sorted(paths, key=sort_key) == [b"a", b"a/b", b"a/b/c", b"a-b"]


def test_each_kind_of_difference_is_told() -> None:
    """Missing, extra, content and metadata, in order of path."""
    source = [an_entry(b"a"), an_entry(b"b"), an_entry(b"c"), an_entry(b"e")]
    target = [
        an_entry(b"b", content=b"\x82" * 32),
        an_entry(b"c", meta=replace(META, mode=0o4755, uid=7)),
        an_entry(b"d"),
        an_entry(b"e"),
    ]
    receipt, differences = compare("disk0p1", "/", source, target)
    assert [(d.path, d.kind) for d in differences] == [
        ("a", Divergence.MISSING),
        ("b", Divergence.CONTENT),
        ("c", Divergence.METADATA),
        ("d", Divergence.EXTRA),
    ]
    assert differences[2].detail == "mode 0644 became 4755; uid 0 became 7"
    assert receipt.source_root != receipt.target_root


@pytest.mark.parametrize("side", [0, 1])
def test_an_empty_side_is_all_different(side: int) -> None:
    """Nothing is lost at the end of a stream."""
    sides: list[list[Entry]] = [[], []]
    sides[side] = [an_entry(b"x"), an_entry(b"y")]
    _, differences = compare("v", "/", *sides)
    assert [d.path for d in differences] == ["x", "y"]


def test_a_stream_out_of_order_is_refused() -> None:
    """A merge of unsorted streams would invent differences."""
    with pytest.raises(ProtocolError, match="target's entries are not in order"):
        compare("v", "/", [], [an_entry(b"b"), an_entry(b"a")])
    with pytest.raises(ProtocolError, match="source"):
        compare("v", "/", [an_entry(b"a"), an_entry(b"a")], [])


def test_the_list_of_differences_is_bounded_but_the_roots_are_not() -> None:
    """A million lost files do not fill the memory; both streams are read to their ends."""
    seen = 0

    def many() -> Iterator[Entry]:
        nonlocal seen
        for n in range(MOST_DIFFERENCES + 50):
            seen += 1
            yield an_entry(b"%06d" % n)

    receipt, differences = compare("v", "/", many(), [])
    assert len(differences) == MOST_DIFFERENCES
    assert receipt.entries == seen == MOST_DIFFERENCES + 50
    assert receipt.target_root == "00" * 32


def test_paths_are_shown_without_breaking_a_terminal() -> None:
    """Foreign bytes and control characters become escapes."""
    assert show_path(b"caf\xe9/\x1b[31m\n\xc3\xa9") == r"caf\xe9/\x1b[31m\x0aé"
