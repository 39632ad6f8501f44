# SPDX-License-Identifier: Apache-2.0
"""The stored form of what ext4's inode tables looked like."""

from __future__ import annotations

import itertools
from array import array
from pathlib import Path

import pytest
from fakes.changes import Ext4Image
from hypothesis import given
from hypothesis import strategies as st

from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.ext4_layout import geometry
from hostlift.replicate.changes.ext4_mark import Mark, unpacked

HASHES = st.lists(st.lists(st.integers(0, (1 << 64) - 1), max_size=9), min_size=1, max_size=9)


def mark_of(groups: list[list[int]]) -> Mark:
    image = Ext4Image(Path("unused"), groups=len(groups))
    mark = Mark.blank(geometry(image.superblock()))
    for group, hashes in enumerate(groups):
        mark.add(group, array("Q", hashes))
    return mark


@given(HASHES)
def test_a_mark_comes_back_as_it_was(groups: list[list[int]]) -> None:
    """Identity, counts and hashes, by group."""
    mark = mark_of(groups)
    found = unpacked(mark.packed())
    assert found == mark
    starts = found.starts()
    assert [list(found.hashes[a:b]) for a, b in itertools.pairwise(starts)] == groups


@given(HASHES, st.integers(0), st.integers(1, 255))
def test_any_damage_to_a_mark_is_noticed(groups: list[list[int]], at: int, flip: int) -> None:
    """One byte anywhere."""
    data = bytearray(mark_of(groups).packed())
    data[at % len(data)] ^= flip
    with pytest.raises(Untrackable):
        unpacked(bytes(data))


@pytest.mark.parametrize("data", [b"", b"hl-ext4", b"hl-ext4\x01", b"\0" * 100])
def test_what_is_no_mark_is_refused(data: bytes) -> None:
    """Empty, cut off, or something else."""
    with pytest.raises(Untrackable):
        unpacked(data)


def test_pieces_that_were_never_written_cost_little() -> None:
    """Tables without gdt_csum are read whole, mostly zeros."""
    assert len(mark_of([[7] * 10_000] * 10).packed()) < 1000
