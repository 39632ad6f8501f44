# SPDX-License-Identifier: Apache-2.0
"""Large files through passes: what travels, what is kept, and what is never sent twice."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import HastyClock
from fakes.replication import CutLink, Rig, only_once, rig
from fakes.trees import look
from hypothesis import given, settings
from hypothesis import strategies as st

from hostlift.errors import AgentUnreachable
from hostlift.replicate.fs.content import data_ranges
from hostlift.replicate.fs.extents import DataMap
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.sending.chunks import (
    BLOCK,
    ChunkBook,
    blocks_of,
    changed_blocks,
    doubtful,
    mark_of,
)

MIB = 1 << 20
WINDOW = 4 * MIB
IN_FLIGHT = WINDOW + 9 * MIB // 2
"""What a broken pass may have sent in vain: the window, and the batch that did not fit in it."""


FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


@contextlib.contextmanager
def a_rig() -> Iterator[Rig]:
    """On a file system that is synced at once, however busy the machine's disk is."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        made = rig(Path(folder), clock=HastyClock())
        made.options = replace(made.options, streams=1, level=0, window=WINDOW, patience=0.0)
        yield made


@pytest.fixture
def it() -> Iterator[Rig]:
    with a_rig() as made:
        yield made


def settle(it: Rig) -> None:
    it.rest()
    assert it.run().unsettled == 0


def broken_pass(it: Rig, budget: int) -> int:
    """A pass whose only connection is cut after ``budget`` bytes either way; bytes it sent."""
    it.wrap = only_once(lambda sock: CutLink(sock, budget))
    try:
        with pytest.raises(AgentUnreachable):
            it.run()
    finally:
        it.wrap = None
    return budget


def write(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_an_update_that_breaks_off_leaves_the_old_file_and_is_continued(it: Rig) -> None:
    """The target shows the old content until all is there; what arrived is not sent again."""
    path, copy = it.source / "big", it.target / "big"
    path.write_bytes(os.urandom(60 * MIB))
    settle(it)
    old = copy.read_bytes()
    for index in range(0, 60, 2):
        write(path, index * MIB, os.urandom(MIB))
    sent = broken_pass(it, 20 * MIB)
    assert copy.read_bytes() == old
    sent += it.run().bytes_sent
    assert sent <= 30 * MIB + 100_000 + IN_FLIGHT
    assert look(it.source) == look(it.target)


def test_a_few_changed_pages_do_not_send_their_chunks(it: Rig) -> None:
    """Forty pages in forty chunks: forty blocks of 64 KiB travel."""
    path = it.source / "big"
    path.write_bytes(os.urandom(40 * MIB))
    settle(it)
    for index in range(40):
        write(path, index * MIB + 4096 * index, os.urandom(4096))
    report = it.run()
    assert report.bytes_sent < 40 * BLOCK * 1.02 + 2000
    assert look(it.source) == look(it.target)


def test_appending_sends_what_was_appended(it: Rig) -> None:
    """A log: the last chunk grows, its beginning stays."""
    path = it.source / "log"
    path.write_bytes(os.urandom(9 * MIB + 900_000))
    settle(it)
    with path.open("ab") as file:
        file.write(os.urandom(200_000))
    report = it.run()
    assert report.bytes_sent < 200_000 + BLOCK + 5000
    assert look(it.source) == look(it.target)


@pytest.mark.parametrize("instead", ["nothing", "link", "directory"])
def test_a_file_that_is_not_there_any_more_is_made_anew(it: Rig, instead: str) -> None:
    """Somebody was at the target: nothing is followed, and the same pass repairs it."""
    path, copy = it.source / "big", it.target / "big"
    path.write_bytes(os.urandom(9 * MIB))
    settle(it)
    outside = it.target.parent / "outside"
    outside.mkdir()
    copy.rename(outside / "big")
    before = (outside / "big").read_bytes()
    if instead == "link":
        copy.symlink_to(outside / "big")
    elif instead == "directory":
        (copy / "with").mkdir(parents=True)
    write(path, MIB, os.urandom(100))
    it.run()
    assert look(it.source) == look(it.target)
    assert (outside / "big").read_bytes() == before


def test_a_file_that_turns_out_missing_while_it_is_sent_is_made_anew(it: Rig) -> None:
    """The first answer comes when half of it is on its way: the rest finds its books closed."""
    path, copy = it.source / "big", it.target / "big"
    path.write_bytes(os.urandom(40 * MIB))
    settle(it)
    copy.unlink()
    (copy / "with").mkdir(parents=True)
    path.write_bytes(os.urandom(40 * MIB))
    it.run(window=1)
    assert look(it.source) == look(it.target)


def test_a_touched_file_sends_its_metadata(it: Rig) -> None:
    """It is read, nothing of its content travels, and its inode stays."""
    path = it.source / "big"
    path.write_bytes(os.urandom(12 * MIB))
    settle(it)
    inode = (it.target / "big").stat().st_ino
    path.chmod(0o640)
    report = it.run()
    assert report.bytes_read == 12 * MIB
    assert report.bytes_sent < 3000
    assert (it.target / "big").stat().st_ino == inode
    assert look(it.source) == look(it.target)


def test_an_end_that_moved_back_and_forth_is_not_believed(it: Rig) -> None:
    """The new, shorter size arrived, then the connection broke; the source is as it was before."""
    path = it.source / "big"
    whole = os.urandom(10 * MIB + 700_000)
    path.write_bytes(whole)
    settle(it)
    path.write_bytes(os.urandom(5 * MIB) + whole[5 * MIB : 10 * MIB + 100_000])
    broken_pass(it, 3 * MIB)
    path.write_bytes(whole)
    it.run()
    assert (it.target / "big").read_bytes() == whole


def test_zeros_that_became_a_hole_become_one(it: Rig) -> None:
    """The content of the chunk is the same, where its data lie is not; and back again."""
    path, copy = it.source / "big", it.target / "big"
    path.write_bytes(os.urandom(MIB // 2) + bytes(MIB // 2) + os.urandom(8 * MIB))
    settle(it)
    content = path.read_bytes()
    for wanted in ("hole", "zeros"):
        if wanted == "hole":
            path.write_bytes(b"")
            os.truncate(path, len(content))
            write(path, 0, content[: MIB // 2])
            write(path, MIB, content[MIB:])
        else:
            write(path, MIB // 2, bytes(MIB // 2))
        it.run()
        for file in (path, copy):
            with file.open("rb") as opened:
                ranges = data_ranges(opened.fileno(), 0, MIB)
            assert (ranges == ((0, MIB),)) == (wanted == "zeros")
        assert copy.read_bytes() == content


CUTS = st.lists(st.integers(0, 20 * MIB), max_size=3)


@settings(max_examples=int(os.environ.get("HOSTLIFT_EXAMPLES", "8")), deadline=None)
@given(seed=st.integers(0, 2**32), cuts=CUTS, again=CUTS)
def test_nothing_acknowledged_is_sent_twice(seed: int, cuts: list[int], again: list[int]) -> None:
    """Making a file and changing it, each through several broken passes: the bytes add up."""
    with a_rig() as it:
        _made_and_changed(it, random.Random(seed), cuts, again)


def _made_and_changed(it: Rig, chance: random.Random, cuts: list[int], again: list[int]) -> None:
    path = it.source / "big"
    path.write_bytes(chance.randbytes(32 * MIB))
    it.rest()
    _through(it, cuts, 32 * MIB)
    old = (it.target / "big").read_bytes()
    news = 0
    for index in chance.sample(range(32), 20):
        size = chance.choice([BLOCK, MIB])
        write(path, index * MIB, chance.randbytes(size))
        news += size
    it.rest()
    _through(it, again, news, old)
    assert look(it.source) == look(it.target)


def _through(it: Rig, cuts: list[int], news: int, old: bytes | None = None) -> None:
    """Broken passes, then one that is not: no more than the news and what was on its way."""
    sent = 0
    slack = 100_000
    for budget in cuts:
        if budget + 100_000 > news - sent:  # it would not break any more
            continue
        sent += broken_pass(it, budget)
        slack += IN_FLIGHT
        if old is not None:
            assert (it.target / "big").read_bytes() == old
    sent += it.run().bytes_sent
    assert sent <= news + slack


def test_memory_does_not_follow_the_size_of_the_file(it: Rig) -> None:
    """Both ends together, while much more is copied than they may need."""
    (it.source / "big").write_bytes(os.urandom(96 * MIB))
    tracemalloc.start()
    try:
        it.run(window=4 * MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 48 * MIB


def test_the_cut_chunk_is_in_doubt_when_a_file_shrinks(tmp_path: Path) -> None:
    """And no other: what lies before it was not touched."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        book = ChunkBook(manifest)
        file = book.start(1, b"big", 10 * MIB, fresh=False).id
        book.arrived((file, index, b"mark") for index in range(10))
        book.start(1, b"big", 8 * MIB + 5, fresh=False)
        assert [index for index, mark in book.known(file, 0, 10).items() if not mark] == [8, 9]


def test_late_answers_of_a_dropped_file_say_nothing_of_the_next_one(tmp_path: Path) -> None:
    """Neither an error, nor a chunk that another file is believed to have."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        book = ChunkBook(manifest)
        dropped = book.start(1, b"one", 10 * MIB, fresh=False).id
        book.drop(1, b"one")
        book.doubt([(dropped, 0, b"")])
        made = book.start(1, b"two", 10 * MIB, fresh=False).id
        book.arrived([(dropped, 1, b"mark")])
        assert not book.known(made, 0, 10)


@given(st.binary(max_size=50), st.lists(st.integers(0, 15), max_size=4), st.integers(1, MIB))
def test_changed_blocks_are_the_changed_blocks(seed: bytes, where: list[int], size: int) -> None:
    """Every block that differs is in a range, no other is, and ranges do not touch."""
    old = bytearray(size)
    old[: len(seed)] = seed[:size]
    new = bytearray(old)
    for block in where:
        if block * BLOCK < size:
            new[block * BLOCK] ^= 1
    marks = [mark_of(bytes(32), None) + blocks_of(memoryview(each)) for each in (old, new)]
    found = changed_blocks(marks[0], marks[1], size)
    assert found is not None
    assert changed_blocks(doubtful(marks[0], found), marks[0], size) == found
    differ = {at // BLOCK for at in range(0, size, BLOCK) if old[at] != new[at]}
    assert {b // BLOCK for at, n in found for b in range(at, at + n, BLOCK)} == differ
    assert all(sum(one) < two[0] for one, two in itertools.pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=8), st.integers(1, 70))
def test_the_data_map_says_what_the_kernel_says(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, int]], chunk: int
) -> None:
    """Asked in steps of any length, from the beginning to the end."""
    path = tmp_path_factory.mktemp("map") / "f"
    path.write_bytes(b"")
    os.truncate(path, 280_000)
    for at, length in parts:
        write(path, at * 4096, b"x" * (4096 * length))
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        asked = DataMap(file.fileno(), size)
        for start in range(0, size, chunk * 4096):
            end = min(start + chunk * 4096, size)
            assert asked.ranges(start, end) == data_ranges(file.fileno(), start, end)
