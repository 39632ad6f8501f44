# SPDX-License-Identifier: Apache-2.0
"""The pieces that tell which chunks were written: sets of blocks, layouts, pages of events."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
from fakes.sysfs import GIB, FakeKernel

from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.blockset import BlockSet
from hostlift.replicate.changes.blocktrace import BlockTrace, Write
from hostlift.replicate.changes.placement import Run, moved, place_of

KIB = 1 << 10
UNIT = 64 * KIB
TIB = 1 << 40


def test_a_block_set_tells_what_was_added() -> None:
    """Against a plain set of pieces, for ranges of all sizes."""
    chance = random.Random(1)
    size = 1 << 30
    for _ in range(30):
        blocks, pieces = BlockSet(size), set()
        for _ in range(chance.randint(0, 6)):
            start = chance.randrange(size - (40 << 20))
            end = start + chance.choice([1, 4096, UNIT, 9 * UNIT, 40 << 20])
            blocks.add(start, end)
            pieces.update(range(start // UNIT, (end - 1) // UNIT + 1))
        for _ in range(200):
            start = chance.randrange(size - (9 << 20))
            end = start + chance.choice([1, 4096, 20 * UNIT, 9 << 20])
            wanted = not pieces.isdisjoint(range(start // UNIT, (end - 1) // UNIT + 1))
            assert blocks.touches(start, end) == wanted


def test_a_block_set_of_a_large_disk_stays_small() -> None:
    """Its pieces are larger; what was added is never missed."""
    blocks = BlockSet(100 * TIB)
    blocks.add(99 * TIB, 99 * TIB + 512)
    assert blocks.touches(99 * TIB + 256, 99 * TIB + 4096)
    assert not blocks.touches(98 * TIB, 98 * TIB + 4096)
    assert len(blocks._bits) <= 9 << 20


def test_a_disk_that_grew_is_news_as_a_whole() -> None:
    """Beyond its end nothing can be noted."""
    blocks = BlockSet(GIB)
    assert blocks.touches(2 * GIB, 2 * GIB + 1)
    blocks.add(2 * GIB, 2 * GIB + 1)
    assert blocks.touches(0, 1)


def test_a_block_set_takes_another_in() -> None:
    """And that this one held everything."""
    one, other = BlockSet(GIB), BlockSet(GIB)
    one.add(0, 1)
    other.add(5 * UNIT, 6 * UNIT)
    one.update(other)
    assert [one.touches(n * UNIT, n * UNIT + 1) for n in (0, 1, 5, 6)] == [True, False, True, False]
    other.everything = True
    one.update(other)
    assert one.touches(7 * UNIT, 7 * UNIT + 1)


def some_runs(chance: random.Random) -> tuple[Run, ...]:
    found, at = [], 0
    for _ in range(chance.randint(0, 6)):
        at += chance.randint(0, 3)
        end = at + chance.randint(1, 5)
        found.append(Run(at, end, chance.choice([100, 200])))
        at = end
    return tuple(found)


def test_moved_parts_are_those_at_another_place() -> None:
    """Against a look at every byte."""
    chance = random.Random(2)
    for _ in range(3000):
        ours, theirs = some_runs(chance), some_runs(chance)
        places, others = (
            {at: at + run.shift for run in runs for at in range(run.start, run.end)}
            for runs in (ours, theirs)
        )
        told = [at for start, end in moved(ours, theirs) for at in range(start, end)]
        assert told == [at for at, place in places.items() if others.get(at) != place]


PAGE_FORMAT = (
    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
    "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
    "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"
)
STATS = "entries: 0\noverrun: {}\ncommit overrun: 0\nbytes: 0\ndropped events: {}\nread events: 9\n"


def event(ident: int, disk: int, sector: int, sectors: int) -> bytes:
    body = struct.pack("<HBBiI4xQI", ident, 0, 0, 77, disk, sector, sectors) + bytes(28)
    return struct.pack("<I", len(body) // 4 | 5 << 5) + body


def page(events: bytes, flags: int = 0) -> bytes:
    return struct.pack("<QQ", 1, len(events) | flags) + events.ljust(4080, b"\0")


class Instance:
    """A folder of tracefs with one processor, and a pipe of which each read gives a page."""

    def __init__(self, folder: Path, pages: list[bytes]) -> None:
        (folder / "events").mkdir()
        (folder / "events" / "header_page").write_text(PAGE_FORMAT)
        for name in ("block_bio_queue", "block_rq_complete", "block_bio_complete"):
            (folder / "events" / "block" / name).mkdir(parents=True)
            (folder / "events" / "block" / name / "enable").write_text("1\n")
        self.switch = folder / "tracing_on"
        self.switch.write_text("1\n")
        self.stats = folder / "per_cpu" / "cpu0" / "stats"
        self.stats.parent.mkdir(parents=True)
        self.stats.write_text(STATS.format(0, 0))
        data = folder / "data"
        data.write_bytes(b"".join(pages))
        self.fd = os.open(data, os.O_RDONLY)
        self.trace = BlockTrace(folder, [self.fd], [7])

    def told(self) -> list[Write]:
        return [w for page in self.trace.pages() for w in self.trace.writes(page)]


def test_writes_are_read_from_a_page(tmp_path: Path) -> None:
    """Between time stamps and dropped events, until the padding; other events are passed over."""
    longer = struct.pack("<II", 0, 12) + bytes(8)
    events = (
        event(7, 3, 100, 8)
        + struct.pack("<II", 30 | 1 << 5, 2)
        + struct.pack("<II", 31, 2)
        + event(8, 3, 1, 1)
        + struct.pack("<II", 29 | 1 << 5, 8) + bytes(4)
        + longer
        + event(7, 3, (1 << 64) - 1, 0)
        + event(7, 4, 1 << 40, 2048)
        + struct.pack("<I", 29)
        + event(7, 3, 5, 5)
    )  # fmt: skip
    it = Instance(tmp_path, [page(events), page(event(7, 3, 9, 1))])
    assert it.told() == [Write(3, 100, 8), Write(4, 1 << 40, 2048), Write(3, 9, 1)]
    assert not it.trace.lost
    os.close(it.fd)


@pytest.mark.parametrize("counts", [(1, 0), (0, 4)])
def test_events_that_found_no_room_are_noticed(tmp_path: Path, counts: tuple[int, int]) -> None:
    """By the counters of a processor; and it is said once."""
    it = Instance(tmp_path, [])
    it.stats.write_text(STATS.format(*counts))
    assert it.told() == []
    assert it.trace.lost
    it.trace.lost = False
    assert it.told() == []
    assert not it.trace.lost
    os.close(it.fd)


def test_a_page_that_says_that_events_are_missing_is_believed(tmp_path: Path) -> None:
    """With or without their number."""
    it = Instance(tmp_path, [page(event(7, 3, 9, 1), 1 << 31 | 1 << 30)])
    assert it.told() == [Write(3, 9, 1)]
    assert it.trace.lost
    os.close(it.fd)


def test_a_trace_that_was_switched_off_is_not_read(tmp_path: Path) -> None:
    """What it does not tell then may have been written nevertheless."""
    it = Instance(tmp_path, [])
    it.switch.write_text("0\n")
    with pytest.raises(OSError, match="switched it off"):
        it.told()
    os.close(it.fd)


def kernel_with(folder: Path, kind: str, options: str = "rw", **queue: str) -> FakeKernel:
    """A disk 8:0 with a partition 8:2 at 1 GiB, mounted."""
    kernel = FakeKernel(folder)
    kernel.disk("sda", "8:0", 20 * GIB)
    kernel.partition("sda", "sda2", "8:2", GIB, 19 * GIB)
    for name, value in {"dax": "0", "zoned": "none", **queue}.items():
        kernel.put(f"sys/devices/virtual/block/sda/queue/{name}", value + "\n")
    kernel.put("sys/devices/virtual/block/sda/dev", "8:0\n")
    kernel.put("proc/self/mountinfo", f"30 1 8:2 / / rw - {kind} /dev/sda2 {options}\n")
    return kernel


def found(kernel: FakeKernel) -> tuple[int, int, int]:
    place = place_of(os.makedev(8, 2), sys=kernel.folder / "sys", proc=kernel.folder / "proc")
    return place.disk, place.start, place.size


def test_a_partition_is_followed_on_its_disk(tmp_path: Path) -> None:
    """Events name the whole disk, and sectors from its beginning."""
    assert found(kernel_with(tmp_path, "xfs")) == (8 << 20, GIB, 20 * GIB)


def test_data_in_the_journal_show_in_the_list_of_all_options(tmp_path: Path) -> None:
    """The mount table does not list a superblock's defaults."""
    kernel = kernel_with(tmp_path, "ext4")
    kernel.put("proc/fs/ext4/sda2/options", "rw\ndata=ordered\n")
    assert found(kernel) == (8 << 20, GIB, 20 * GIB)
    kernel.put("proc/fs/ext4/sda2/options", "rw\ndata=journal\n")
    with pytest.raises(Untrackable, match="journal"):
        found(kernel)


@pytest.mark.parametrize(
    ("kind", "options", "queue", "why"),
    [
        ("ext4", "rw", {}, "not known"),  # its options are nowhere
        ("btrfs", "rw", {}, "in place"),
        ("xfs", "rw,dax=inode", {}, "DAX"),
        ("xfs", "rw", {"dax": "1"}, "DAX"),
        ("xfs", "rw", {"zoned": "host-managed"}, "zoned"),
    ],
)
def test_what_is_written_elsewhere_or_unseen_is_refused(
    tmp_path: Path, kind: str, options: str, queue: dict[str, str], why: str
) -> None:
    """With the reason."""
    with pytest.raises(Untrackable, match=why):
        found(kernel_with(tmp_path, kind, options, **queue))


def test_a_file_system_without_a_disk_is_refused(tmp_path: Path) -> None:
    """tmpfs, overlay, network."""
    kernel = FakeKernel(tmp_path)
    with pytest.raises(Untrackable):
        place_of(os.makedev(0, 31), sys=tmp_path / "sys", proc=tmp_path / "proc")
    assert kernel.mounts == []
