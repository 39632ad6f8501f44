# SPDX-License-Identifier: Apache-2.0
"""The target loses power: what was not synced is gone, what was acknowledged is there.

The target is a file system on a loop device whose backing file lies on XFS. A clone of that file,
made in an instant and without syncing, is what the disk would hold after the power came back.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import HastyClock
from fakes.replication import CutLink, Rig
from fakes.trees import look
from fakes.volume import OLD, Volume

from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted
from hostlift.replicate.receiving.journals import recover
from hostlift.replicate.receiving.redo import Journal
from hostlift.replicate.reread import reread
from hostlift.replicate.source import order_key

pytestmark = pytest.mark.root

MIB = 1 << 20
SIZE = 24
WINDOW = 4 * MIB
IN_FLIGHT = WINDOW + 9 * MIB // 2
SLACK = 100_000
FICLONE = 0x40049409
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
}
COMMANDS = SystemCommands()


class PowerCut(BaseException):
    """The sender is stopped too, to know exactly what it had been told by then."""


@contextlib.contextmanager
def on_loop(image: Path, where: Path, kind: str) -> Iterator[Path]:
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    where.mkdir(exist_ok=True)
    try:
        with mounted(device, where, kind=kind):
            yield where
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)


def fresh(image: Path, kind: str, size: int) -> Path:
    with image.open("wb") as file:
        file.truncate(size)
    COMMANDS.run([*MAKE[kind], str(image)], timeout=60)
    return image


class Disk:
    """The target's disk: one image after the other."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.image = fresh(folder / "disk0", kind, 400 * MIB)
        self.losses = 0

    def lose_power(self) -> None:
        """The next image is what this one would hold now."""
        self.losses += 1
        after = self.image.with_name(f"disk{self.losses}")
        with self.image.open("rb") as old, after.open("wb") as new:
            fcntl.ioctl(new, FICLONE, old.fileno())
        self.image = after


class DoomedLink(CutLink):
    """Some time after ``budget`` bytes were sent, power is lost."""

    def __init__(self, sock: socket.socket, budget: int, disk: Disk, delay: float) -> None:
        super().__init__(sock, budget)
        self._timer = threading.Timer(delay, self._lose, (disk,))
        self.up = 0
        self.over = False

    def _lose(self, disk: Disk) -> None:
        self.over = True  # from now on nobody hears of an acknowledgement
        disk.lose_power()

    def wait(self) -> None:
        if self._timer.ident is not None:
            self._timer.join()

    def _check(self) -> None:
        if self.over:
            raise PowerCut

    def send(self, data: memoryview) -> int:
        self._check()
        done = self.sock.send(data)
        self.up += done
        if self.up >= self.budget and self._timer.ident is None:
            self._timer.start()
        return done

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        self._check()
        got = self.sock.recv_into(buffer)
        self._check()
        return got


class Story:
    """One rig whose target disk dies again and again."""

    def __init__(self, folder: Path, disk: Disk, kind: str) -> None:
        source = folder / "source"
        source.mkdir()
        self.it = Rig(source, folder / "target", folder / "state.db", clock=HastyClock())
        self.it.options = replace(self.it.options, streams=1, level=0, window=WINDOW)
        self.disk = disk
        self.kind = kind
        self.random = random.Random(7)

    def up_to_loss(self, budget: int) -> tuple[bool, int]:
        """A pass until power is lost: whether it was, and the bytes that were sent."""
        links: list[DoomedLink] = []

        def wrap(sock: socket.socket) -> DoomedLink:
            links.append(DoomedLink(sock, budget, self.disk, self.random.uniform(0, 0.15)))
            return links[-1]

        self.it.wrap = wrap
        with on_loop(self.disk.image, self.it.target, self.kind):
            with contextlib.suppress(PowerCut):
                self.it.run()
            for link in links:
                link.wait()
            self.it.restart_receiver()
        return any(link.over for link in links), sum(link.up for link in links)

    def check_what_was_acknowledged(self) -> None:
        with self.it.opened() as manifest:
            settled = {
                bytes(key)
                for (key,) in manifest.db.execute("SELECT key FROM rep_entry WHERE state=0")
            }
            known = {e.path: e for e in manifest.entries("v") if order_key(e.path) in settled}
        found = {e.path: e for e in reread(self.it.target, drop_caches=False)}
        assert {p for p in known if known[p] != found.get(p)} == set()

    def through(self, news: int, contents: set[bytes]) -> None:
        """Three losses (or fewer, when the copy is quicker), then a pass to the end."""
        sent = losses = 0
        large = self.it.target / "large"
        for share in (0.3, 0.6, 1.0):
            lost, up = self.up_to_loss(max(0, int(news * share) - sent))
            sent += up
            losses += lost
            with on_loop(self.disk.image, self.it.target, self.kind):
                self.check_what_was_acknowledged()
                recover(self.it.target)
                assert not contents or large.read_bytes() in contents
        self.it.wrap = None
        with on_loop(self.disk.image, self.it.target, self.kind):
            sent += self.it.run().bytes_sent
            self.it.restart_receiver()
            assert look(self.it.source) == look(self.it.target)
        assert losses
        assert sent <= news + SLACK + losses * IN_FLIGHT


@pytest.mark.parametrize("kind", sorted(MAKE))
def test_what_was_acknowledged_outlives_the_power(tmp_path: Path, kind: str) -> None:
    """New files, then changes in a large one: nothing acknowledged is lost or sent again."""
    outer = fresh(tmp_path / "outer", "xfs", 4096 * MIB)
    with on_loop(outer, tmp_path / "images", "xfs") as images:
        story = Story(tmp_path, Disk(images, kind), kind)
        large = story.it.source / "large"
        old = story.random.randbytes(SIZE * MIB)
        large.write_bytes(old)
        for index in range(100):
            (story.it.source / f"small{index}").write_bytes(story.random.randbytes(20_000))
        story.it.rest()
        story.through((SIZE + 2) * MIB, set())
        with large.open("r+b") as file:
            for index in range(0, SIZE, 2):
                file.seek(index * MIB)
                file.write(story.random.randbytes(MIB))
        story.it.rest()
        story.through(SIZE // 2 * MIB, {old, large.read_bytes()})


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[tuple[Volume, Disk]]:
    """A large file on ext4, which writes over old data whenever it likes."""
    outer = fresh(tmp_path / "outer", "xfs", 1024 * MIB)
    with on_loop(outer, tmp_path / "images", "xfs") as images:
        disk = Disk(images, "ext4")
        with on_loop(disk.image, tmp_path / "target", "ext4") as target:
            made = Volume(target)
            COMMANDS.run(["sync", "--file-system", str(target)], timeout=60)
            try:
                yield made, disk
            finally:
                made.close()


def after_the_loss(disk: Disk, folder: Path) -> bytes:
    """What the large file holds on the disk that comes back."""
    disk.lose_power()
    with on_loop(disk.image, folder / "after", "ext4") as target:
        recover(target)
        return (target / "big").read_bytes()


def test_the_journal_is_durable_before_the_file_is_touched(
    volume: tuple[Volume, Disk], tmp_path: Path
) -> None:
    """Power goes when half of the file is on the disk: the journal brings the other half."""
    on, disk = volume
    on.begin()
    on.write(0, b"N" * MIB)
    on.write(5 * MIB, b"N" * MIB)
    journal = Journal(os.open(on.journals()[0], os.O_RDWR))
    journal.commit()
    with on.big.open("r+b") as file:
        file.write(b"N" * MIB)
        file.flush()
        os.fsync(file.fileno())
    new = b"N" * MIB + OLD[MIB : 5 * MIB] + b"N" * MIB + OLD[6 * MIB :]
    found = after_the_loss(disk, tmp_path)
    journal.close()
    assert found == new


def test_the_journal_goes_when_the_file_is_durable(
    volume: tuple[Volume, Disk], tmp_path: Path
) -> None:
    """Its removal reaches the disk early, with half of the file: the other half was there before."""
    on, disk = volume
    on.begin()
    for index in (0, 5):
        on.write(index * MIB, b"N" * MIB)
    on.finish()
    assert on.journals() == []
    with on.big.open("rb") as file:
        ctypes.CDLL(None).sync_file_range(file.fileno(), 0, ctypes.c_longlong(MIB), 7)
    with (on.path / "other").open("wb") as other:  # commits the removal, not the file's data
        os.fsync(other.fileno())
    new = b"N" * MIB + OLD[MIB : 5 * MIB] + b"N" * MIB + OLD[6 * MIB :]
    assert after_the_loss(disk, tmp_path) == new
