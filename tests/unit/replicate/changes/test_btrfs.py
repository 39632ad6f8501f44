# SPDX-License-Identifier: Apache-2.0
"""What a search of a btrfs tree answers."""

from __future__ import annotations

import os
import struct

import pytest
from fakes.changes import FILE, FOLDER, KnownInodes
from hypothesis import given
from hypothesis import strategies as st

from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.btrfs import Btrfs, items, runs, state_of

SECOND = 1_000_000_000


def inode_item(ctime_ns: int, size: int, *, mode: int = FILE, links: int = 1) -> bytes:
    """struct btrfs_inode_item."""
    seconds, nanos = divmod(ctime_ns, SECOND)
    head = struct.pack("<QQQQQIIIIQQQ32x", 1, 2, size, 4, 5, links, 7, 8, mode, 10, 11, 12)
    return head + struct.pack("<qIqIqIqI", 1, 2, seconds, nanos, 3, 4, 5, 6)


@given(st.integers(-(1 << 60), 1 << 62), st.integers(0, (1 << 63) - 1))
def test_an_inode_item_says_time_and_size(ctime_ns: int, size: int) -> None:
    """Before 1970 too; only regular files have a size, and what has no links is gone."""
    assert state_of(memoryview(inode_item(ctime_ns, size))) == (ctime_ns, size)
    assert state_of(memoryview(inode_item(ctime_ns, size, mode=FOLDER))) == (ctime_ns, 0)
    assert state_of(memoryview(inode_item(ctime_ns, size, links=0))) is None


@given(st.lists(st.tuples(st.integers(1, 1 << 63), st.integers(1, 255), st.binary(max_size=40))))
def test_an_answer_is_taken_apart(expected: list[tuple[int, int, bytes]]) -> None:
    """As many items as the answer says, whatever follows them."""
    answer = bytearray(112)
    struct.pack_into("=I", answer, 64, len(expected))
    for ino, kind, data in expected:
        answer += struct.pack("=QQQII", 99, ino, 5, kind, len(data)) + data
    answer += b"\xff" * 64
    found = [(item.ino, item.kind, bytes(item.data)) for item in items(memoryview(answer))]
    assert found == expected


@given(st.sets(st.integers(256, 5000)))
def test_runs_cover_what_was_found_and_little_else(found: set[int]) -> None:
    """Each in one run, runs apart, no wide gaps within."""
    made = list(runs(sorted(found)))
    covered = [ino for first, last in made for ino in range(first, last + 1)]
    assert found <= set(covered)
    assert len(covered) == len(set(covered))
    assert len(covered) <= 64 * max(1, len(found))
    assert all(first in found and last in found for first, last in made)


@pytest.mark.parametrize("mark", [b"", b"hl-btrf\x01", b"x" * 64, b"hl-btrf\x02" + b"x" * 56])
def test_what_is_no_mark_is_refused(mark: bytes) -> None:
    """Empty, cut off, of another kind or version."""
    with pytest.raises(Untrackable, match="version"):
        Btrfs(-1).changed(mark, KnownInodes([]))


def test_what_is_not_btrfs_is_refused() -> None:
    """The kernel does not know the question there."""
    fd = os.open("/proc", os.O_RDONLY)
    try:
        with pytest.raises(Untrackable):
            Btrfs(fd).mark()
    finally:
        os.close(fd)
