# SPDX-License-Identifier: Apache-2.0
"""Changing a large file at the target: the old one or the new one, whatever dies in between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from fakes.volume import MIB, OLD, Volume

from hostlift.replicate import ops
from hostlift.replicate.receiving.journals import recover
from hostlift.replicate.receiving.redo import Journal


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    made = Volume(tmp_path)
    yield made
    made.close()


def with_patch(offset: int, data: bytes, old: bytes = OLD) -> bytes:
    return old[:offset] + data + old[offset + len(data) :]


def test_the_old_file_stays_until_the_new_one_is_there(volume: Volume) -> None:
    """Chunks and the new size show only after Finish; nothing of the journal is left then."""
    volume.begin(10 * MIB)
    volume.write(5 * MIB, b"N" * MIB)
    assert volume.big.read_bytes() == OLD
    volume.finish(10 * MIB)
    assert volume.big.read_bytes() == with_patch(5 * MIB, b"N" * MIB) + bytes(MIB)
    assert volume.journals() == []


def test_a_later_pass_goes_on_with_what_an_earlier_one_left(volume: Volume) -> None:
    """Two passes bring a chunk each, the second also takes one back; the last word counts."""
    volume.begin()
    volume.write(0, b"1" * MIB)
    volume.write(MIB, b"1" * MIB)
    volume.connected().clean()
    assert len(volume.journals()) == 1
    volume.begin()
    volume.write(MIB, b"2" * MIB)
    volume.finish()
    assert volume.big.read_bytes() == b"1" * MIB + b"2" * MIB + OLD[2 * MIB :]


def test_chunks_on_another_connection_find_the_journal(volume: Volume) -> None:
    """The beginning was acknowledged before the connection was lost."""
    volume.begin()
    volume.connected()
    volume.write(0, b"n" * MIB)
    assert volume.big.read_bytes() == OLD
    volume.connected()
    volume.finish()
    assert volume.big.read_bytes() == with_patch(0, b"n" * MIB)


def test_a_half_written_file_is_completed(volume: Volume) -> None:
    """Death between commit and the end of writing: a new pass, or `recover`, writes again."""
    volume.begin()
    volume.write(2 * MIB, b"a" * MIB)
    volume.write(4 * MIB, b"b" * MIB)
    new = with_patch(4 * MIB, b"b" * MIB, with_patch(2 * MIB, b"a" * MIB))
    journal = Journal(os.open(volume.journals()[0], os.O_RDWR))
    journal.commit()
    journal.close()
    with volume.big.open("r+b") as file:
        file.seek(2 * MIB)
        file.write(b"a" * 1000)
    recover(volume.path)
    assert volume.big.read_bytes() == new
    assert list(volume.path.iterdir()) == [volume.big]


def test_what_was_not_committed_is_not_written_by_recovery(volume: Volume) -> None:
    """The old file stays, and so does what is known of the new one."""
    volume.begin()
    volume.write(0, b"x" * MIB)
    recover(volume.path)
    assert volume.big.read_bytes() == OLD
    assert len(volume.journals()) == 1


def test_the_journal_of_a_file_that_is_gone_goes(volume: Volume) -> None:
    """Removed, or replaced by another file of the same name."""
    volume.begin()
    volume.write(0, b"x" * MIB)
    other = volume.path / "other"
    other.write_bytes(b"other")
    other.rename(volume.big)
    recover(volume.path)
    assert list(volume.path.iterdir()) == [volume.big]
    assert volume.big.read_bytes() == b"other"


def test_a_file_made_anew_forgets_the_journal_of_the_old_one(volume: Volume) -> None:
    """The sender starts from nothing: so must the receiver."""
    volume.begin()
    volume.write(0, b"x" * MIB)
    volume.target.apply(ops.Begin(b"big", 9 * MIB, True, False, 0, ()), memoryview(b""))
    volume.write(MIB, b"n" * MIB)
    volume.finish()
    assert volume.big.read_bytes() == bytes(MIB) + b"n" * MIB + bytes(7 * MIB)
    assert volume.journals() == []


def test_a_file_that_never_was_complete_is_written_at_once(volume: Volume) -> None:
    """There is nothing to protect."""
    volume.begin(whole=False)
    volume.write(0, b"x" * MIB)
    assert volume.big.read_bytes() == with_patch(0, b"x" * MIB)
    assert volume.journals() == []


@pytest.mark.parametrize("damage", ["short", "flipped", "zeroed"])
def test_a_journal_ends_at_its_first_damaged_record(volume: Volume, damage: str) -> None:
    """Nothing behind it counts, not even a commit record; before it all does."""
    volume.begin()
    volume.write(0, b"1" * MIB)
    path = volume.journals()[0]
    size = path.stat().st_size
    volume.write(MIB, b"2" * MIB)
    journal = Journal(os.open(path, os.O_RDWR))
    journal.commit()
    journal.close()
    with path.open("r+b") as file:
        if damage == "short":
            file.truncate(size + 5000)
        else:
            file.seek(size + 5000)
            file.write(b"3" if damage == "flipped" else bytes(MIB))
    volume.connected().clean()
    assert volume.big.read_bytes() == OLD
    volume.begin()
    volume.finish()
    assert volume.big.read_bytes() == with_patch(0, b"1" * MIB)


def test_a_patch_leaves_the_rest_of_its_chunk(volume: Volume) -> None:
    """Only the data of the ranges travel; between them everything stays."""
    volume.begin()
    data = b"p" * 100 + b"q" * 50
    op = ops.Chunk(
        b"big", MIB, MIB, blake3(data).digest(), 150, ((10, 100), (5000, 50)), patch=True
    )
    volume.target.apply(op, memoryview(data))
    volume.finish()
    first = with_patch(MIB + 10, b"p" * 100)
    assert volume.big.read_bytes() == with_patch(MIB + 5000, b"q" * 50, first)


def test_shrinking_and_growing_loses_what_was_cut(volume: Volume) -> None:
    """Sizes are part of the journal's order, as if the file itself had been changed each time."""
    volume.begin(8 * MIB)
    volume.connected()
    volume.begin(9 * MIB)
    volume.finish(9 * MIB)
    assert volume.big.read_bytes() == OLD[: 8 * MIB] + bytes(MIB)
