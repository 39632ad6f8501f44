# SPDX-License-Identifier: Apache-2.0
"""Chunks that are said to need no reading, against what is in them."""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from blake3 import blake3
from fakes.clock import FakeClock
from fakes.scribble import MIB, PAGE, Scribbler

from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount, mounted, private_namespace, unmount
from hostlift.ports.clock import Clock
from hostlift.replicate.changes import written as module
from hostlift.replicate.changes.blocktrace import block_trace, kernel_number
from hostlift.replicate.changes.placement import place_of
from hostlift.replicate.changes.written import Written, written_blocks
from hostlift.replicate.fs.content import CHUNK
from hostlift.replicate.fs.kernel import syncfs

pytestmark = pytest.mark.root

COMMANDS = SystemCommands()
EXT4 = ("mkfs.ext4", "-q", "-F")
KINDS = {
    "ext4": EXT4,
    "ext4-1k": (*EXT4, "-b", "1024"),
    "ext4-bigalloc": (*EXT4, "-O", "bigalloc"),
    "ext3": ("mkfs.ext3", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}


@contextlib.contextmanager
def device(folder: Path, make: tuple[str, ...], *, partition: bool) -> Iterator[str]:
    """A loop device, or a partition on one, with a file system."""
    private_namespace()
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(512 * MIB)
    if partition:
        COMMANDS.run(["sfdisk", "-q", str(image)], stdin=b"label: gpt\nstart=10240\n", timeout=20)
    loop = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        if partition:
            COMMANDS.run(["partx", "--add", loop], timeout=20)
        node = f"{loop}p1" if partition else loop
        COMMANDS.run([*make, node], timeout=60)
        yield node
    finally:
        COMMANDS.run(["partx", "--delete", loop], timeout=20, check=False)
        COMMANDS.run(["losetup", "--detach", loop], timeout=20)


@contextlib.contextmanager
def disk(folder: Path, name: str) -> Iterator[Path]:
    """A mounted file system of a kind, on a partition when the name says so."""
    kind = name.removesuffix("-partition")
    with device(folder, KINDS[kind], partition=kind != name) as node:
        where = folder / "mounted"
        where.mkdir()
        with mounted(node, where, kind=kind.split("-")[0]):
            yield where


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path, getattr(request, "param", "ext4")) as where:
        yield where


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("root", names, indirect=True)


def tracing(
    root: Path, clock: Clock | None = None, **how: int
) -> contextlib.AbstractContextManager[Written]:
    return written_blocks([root.stat().st_dev], clock or FakeClock(), **how)


@dataclass
class Copier:
    """Reads files as a sender does: what is known of a chunk stays when it need not be read.

    Attributes:
        known: Digests by the number of a copy (here: of a path) and chunk.
        saved: How many chunks were not read.
        wrong: Of these, the ones of which something else is known than what they hold.
    """

    written: Written
    known: dict[tuple[int, int], bytes] = field(default_factory=dict)
    saved: int = 0
    wrong: list[tuple[int, int]] = field(default_factory=list)

    def begin(self, root: Path) -> None:
        fd = os.open(root, os.O_RDONLY)
        syncfs(fd)
        os.close(fd)
        self.written.turn()

    def read(self, path: Path, copy: int, *, until: float = 1.0, check: bool = True) -> int:
        """Pass over a file, or a part of it; how many chunks need no reading."""
        fd = os.open(path, os.O_RDONLY)
        try:
            st = os.fstat(fd)
            look = self.written.look(fd, st, copy)
            for at in range(0, int(st.st_size * until), CHUNK):
                key = copy, at // CHUNK
                if key[1] in look and key in self.known:
                    self.saved += 1
                    if check and self.known[key] != digest(fd, at, st.st_size):
                        self.wrong.append(key)
                else:
                    self.known[key] = digest(fd, at, st.st_size)
            if until == 1.0:
                look.complete(fd)
            return len(look)
        finally:
            os.close(fd)


def digest(fd: int, at: int, size: int) -> bytes:
    return blake3(os.pread(fd, min(CHUNK, size - at), at)).digest()


def direct(path: Path, places: list[int]) -> None:
    """Write pages past the page cache, each a request."""
    fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
    with mmap.mmap(-1, PAGE) as page:
        page[:] = os.urandom(PAGE)
        for at in places:
            os.pwrite(fd, page, at)
    os.close(fd)


@pytest.mark.slow
@on("ext4", "ext4-partition", "ext4-1k", "ext4-bigalloc", "ext3", "xfs", "xfs-partition")
def test_what_need_not_be_read_is_as_it_was_read(root: Path) -> None:
    """Whatever is done to files between the passes, of which some are interrupted."""
    scribbler = Scribbler(root, seed=7)
    chance = scribbler.random
    with tracing(root) as written:
        copier = Copier(written)
        for number in range(60):
            copier.begin(root)
            for copy, path in enumerate(scribbler.paths):
                until = chance.random() if chance.random() < 0.2 else 1.0
                copier.read(path, copy, until=until)
            assert copier.wrong == [], f"round {number}"
            scribbler.some(chance.choice([0, 1, 2, 5]))
        assert written.refused == {}
    assert copier.saved > 800


@pytest.mark.slow
@on("ext4", "xfs")
def test_what_is_written_during_a_pass_is_read_again(root: Path) -> None:
    """A writer that never rests while the passes read; then it is stopped for the last one."""
    scribbler = Scribbler(root, seed=11, shifts=False)
    with tracing(root, SystemClock()) as written:
        copier = Copier(written)
        for _ in range(6):
            stop = threading.Event()

            def write(stop: threading.Event = stop) -> None:
                while not stop.wait(0.002):
                    scribbler.some(1)

            writer = threading.Thread(target=write)
            writer.start()
            for _ in range(3):
                copier.begin(root)
                for copy, path in enumerate(scribbler.paths):
                    copier.read(path, copy, check=False)
            stop.set()
            writer.join()
            copier.begin(root)
            for copy, path in enumerate(scribbler.paths):
                copier.read(path, copy)
            assert copier.wrong == []
    assert copier.saved > 50


@on("ext4", "ext4-partition", "xfs", "xfs-partition")
def test_a_page_costs_the_reading_of_its_chunk(root: Path) -> None:
    """4 KiB written in 64 MiB: one of 64 chunks is read, then none."""
    path = root / "big"
    path.write_bytes(os.urandom(64 * MIB))
    with tracing(root) as written:
        copier = Copier(written)
        copier.begin(root)
        assert copier.read(path, 1) == 0
        with path.open("r+b") as file:
            file.seek(20 * MIB + 3 * PAGE)
            file.write(os.urandom(PAGE))
        copier.begin(root)
        # Metadata may share the 64 KiB that both ends of the file lie in.
        assert 61 <= copier.read(path, 1) <= 63
        copier.begin(root)
        assert copier.read(path, 1) >= 62
        assert copier.wrong == []


def test_an_interrupted_pass_forgets_nothing(root: Path) -> None:
    """What was written before a pass that was not completed is still news after it."""
    path = root / "big"
    path.write_bytes(os.urandom(16 * MIB))
    with tracing(root) as written:
        copier = Copier(written)
        copier.begin(root)
        copier.read(path, 1)
        for _ in range(7):
            direct(path, [9 * MIB])
            copier.begin(root)
            copier.read(path, 1, until=0.3)
        copier.known.clear()
        fd = os.open(path, os.O_RDONLY)
        look = written.look(fd, os.fstat(fd), 1)
        os.close(fd)
        assert 9 not in look
        assert len(look) >= 12


def test_what_was_read_of_another_file_of_the_same_name_is_nothing_to_build_on(root: Path) -> None:
    """Two files take turns under a name: what is known of the name was read of the other one."""
    one, other = root / "one", root / "other"
    for path in (one, other):
        path.write_bytes(os.urandom(8 * MIB))
    with tracing(root) as written:
        copier = Copier(written)
        for _ in range(4):
            copier.begin(root)
            assert copier.read(one, 1) == 0
            spare = root / "spare"
            one.rename(spare)
            other.rename(one)
            spare.rename(other)
        assert copier.wrong == []


def test_lost_events_make_everything_news(root: Path) -> None:
    """More writes than the buffer holds: nothing is vouched for, until read once more."""
    path = root / "big"
    path.write_bytes(os.urandom(16 * MIB))
    with tracing(root, buffer_kib=8) as written:
        copier = Copier(written)
        copier.begin(root)
        copier.read(path, 1)
        copier.begin(root)
        assert copier.read(path, 1) > 8
        for _ in range(3):
            with written._lock:  # nobody empties the buffers meanwhile
                direct(path, [5 * MIB] * 2000)
        copier.begin(root)
        assert copier.read(path, 1) == 0
        copier.begin(root)
        copier.read(path, 1)
        copier.begin(root)
        assert copier.read(path, 1) > 8
        assert copier.wrong == []


def test_a_file_system_that_was_unmounted_is_read_again(tmp_path: Path) -> None:
    """Somebody may have written to it elsewhere."""
    where = tmp_path / "here"
    where.mkdir()
    with device(tmp_path, EXT4, partition=False) as node:
        mount(node, where, kind="ext4")
        try:
            (where / "big").write_bytes(os.urandom(12 * MIB))
            with tracing(where) as written:
                copier = Copier(written)
                copier.begin(where)
                copier.read(where / "big", 1)
                unmount(where, lazy=False)
                written.turn()
                mount(node, where, kind="ext4")
                copier.begin(where)
                assert copier.read(where / "big", 1) == 0
                copier.begin(where)
                assert copier.read(where / "big", 1) > 8
        finally:
            unmount(where)


@on("btrfs")
def test_a_file_system_that_moves_data_is_refused(root: Path) -> None:
    """Nothing is said of its files, and nothing fails."""
    (root / "big").write_bytes(os.urandom(8 * MIB))
    with tracing(root) as written:
        copier = Copier(written)
        for _ in range(2):
            copier.begin(root)
            assert copier.read(root / "big", 1) == 0
        assert len(written.refused) == 1


def test_data_in_the_journal_are_refused_also_where_no_mount_option_says_so(tmp_path: Path) -> None:
    """The superblock's default shows in no mount option."""
    with device(tmp_path, EXT4, partition=False) as node:
        COMMANDS.run(["tune2fs", "-o", "journal_data", node], timeout=20)
        where = tmp_path / "here"
        where.mkdir()
        with mounted(node, where, kind="ext4"), tracing(where) as written:
            assert "journal" in written.refused[where.stat().st_dev]


def test_a_file_whose_data_are_journalled_is_always_read(tmp_path: Path) -> None:
    """Its flag `j`, which chattr does not set without CAP_SYS_RESOURCE: data are elsewhere first."""
    where = tmp_path / "here"
    where.mkdir()
    with device(tmp_path, EXT4, partition=False) as node:
        with mounted(node, where, kind="ext4"):
            for name in ("big", "usual"):
                (where / name).write_bytes(os.urandom(12 * MIB))
        COMMANDS.run(["debugfs", "-w", "-R", "sif /big flags 0x84000", node], timeout=20)
        with mounted(node, where, kind="ext4"), tracing(where) as written:
            copier = Copier(written)
            for _ in range(2):
                copier.begin(where)
                assert copier.read(where / "big", 1) == 0
                saved = copier.read(where / "usual", 2)
            assert saved > 8


def test_nothing_fails_where_tracing_is_not_permitted(root: Path) -> None:
    """An ordinary user gets a reason instead."""
    script = (
        "import sys\n"
        "from hostlift.host.clock import SystemClock\n"
        "from hostlift.replicate.changes.written import written_blocks\n"
        "with written_blocks([int(sys.argv[1])], SystemClock()) as written:\n"
        "    written.turn()\n"
        "    print(written.refused)\n"
    )
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    source = Path(module.__file__).parents[3]
    said = COMMANDS.run(
        [*nobody, sys.executable, "-c", script, str(root.stat().st_dev)],
        timeout=60,
        env={"PYTHONPATH": f"{source}", "PYTHONDONTWRITEBYTECODE": "1"},
    ).text
    assert "writes cannot be traced" in said


def test_a_trace_that_somebody_switches_off_vouches_for_nothing(root: Path) -> None:
    """As `trace-cmd reset -a` does to all instances; nothing fails."""
    path = root / "big"
    path.write_bytes(os.urandom(12 * MIB))
    where = root.parent / "tracefs"
    where.mkdir()
    with mounted("tracefs", where, kind="tracefs"), tracing(root) as written:
        copier = Copier(written)
        copier.begin(root)
        copier.read(path, 1)
        ours = next((where / "instances").glob(f"hostlift-{os.getpid()}-*"))
        (ours / "events" / "enable").write_text("0")
        assert copier.read(path, 1) == 0
        assert "switched it off" in written.refused[root.stat().st_dev]


def test_tracing_ends_with_its_block_and_leftovers_go(root: Path) -> None:
    """An instance whose process is dead is removed; one that is open stays; ours is gone after."""
    where = root.parent / "tracefs"
    where.mkdir()
    number = place_of(root.stat().st_dev).disk
    with mounted("tracefs", where, kind="tracefs"):
        instances = where / "instances"
        (instances / "hostlift-999999999-left").mkdir()
        used = instances / "hostlift-999999998-used"
        used.mkdir()
        pipe = os.open(used / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        with block_trace([number]):
            assert not (instances / "hostlift-999999999-left").exists()
            assert [p.name for p in instances.glob(f"hostlift-{os.getpid()}-*")] != []
            assert used.exists()
        assert list(instances.glob(f"hostlift-{os.getpid()}-*")) == []
        os.close(pipe)
        used.rmdir()


def test_writes_are_told_when_queued_and_when_completed(root: Path) -> None:
    """With the disk's number and sectors, once each."""
    path = root / "big"
    path.write_bytes(bytes(MIB))
    os.sync()
    place = place_of(root.stat().st_dev)
    assert place.disk == kernel_number(root.stat().st_dev)
    with block_trace([place.disk]) as trace:
        direct(path, [0, 8 * PAGE])
        told = [w for page in trace.pages() for w in trace.writes(page) if w.sectors == 8]
    assert {w.disk for w in told} == {place.disk}
    sectors = [w.sector for w in told]
    assert len(sectors) >= 4
    first = min(s for s in sectors if s + 64 in sectors)
    assert sectors.count(first) >= 2
    assert sectors.count(first + 64) >= 2
    assert not trace.lost
