# SPDX-License-Identifier: Apache-2.0
"""A large file whose holes, data and reserved space change from pass to pass, block by block."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import HastyClock
from fakes.replication import CutLink, Rig, only_once, rig

from hostlift.errors import AgentUnreachable
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted

pytestmark = pytest.mark.root

MIB = 1 << 20
BLOCK = 4096
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
COMMANDS = SystemCommands()
LIBC = ctypes.CDLL(None, use_errno=True)
KEEP, PUNCH, COLLAPSE, ZERO, INSERT = 0x1, 0x2, 0x8, 0x10, 0x20
FIEMAP, FLUSH, LAST, UNWRITTEN = 0xC020660B, 0x1, 0x1, 0x800


@pytest.fixture(params=sorted(MAKE))
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Source and target on two file systems of one kind."""
    made = rig(tmp_path, clock=HastyClock())
    made.options = replace(made.options, streams=1, patience=0.0)
    with contextlib.ExitStack() as stack:
        for where in (made.source, made.target):
            image = tmp_path / f"{where.name}.img"
            with image.open("wb") as file:
                file.truncate(512 * MIB)
            COMMANDS.run([*MAKE[request.param], str(image)], timeout=60)
            found = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20)
            device = found.text.strip()
            stack.callback(COMMANDS.run, ["losetup", "--detach", device], timeout=20)
            stack.enter_context(mounted(device, where, kind=request.param))
        yield made


def fallocate(path: Path, mode: int, offset: int, length: int) -> None:
    """What the file system cannot do it does not do."""
    with path.open("r+b") as file:
        LIBC.fallocate(file.fileno(), mode, ctypes.c_longlong(offset), ctypes.c_longlong(length))


class Sculptor:
    """Changes one file at random, repeatably."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)

    def one(self) -> None:
        steps: list[Callable[[], None]] = [
            self.write, self.write, self.zeros, self.punch, self.unwrite, self.reserve,
            self.reserve_behind, self.resize, self.move,
        ]  # fmt: skip
        self.random.choice(steps)()

    def size(self) -> int:
        return self.path.stat().st_size

    def stretch(self) -> tuple[int, int]:
        length = self.random.choice([1, 7, 40, 300, 700]) * BLOCK
        at = self.random.randrange(max(1, (self.size() - length) // BLOCK)) * BLOCK
        return at, length

    def put(self, at: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(at)
            file.write(data)

    def write(self) -> None:
        at, length = self.stretch()
        odd = self.random.choice([0, 0, 123])
        self.put(at + odd, self.random.randbytes(length - odd))

    def zeros(self) -> None:
        at, length = self.stretch()
        self.put(at, bytes(length))

    def punch(self) -> None:
        fallocate(self.path, KEEP | PUNCH, *self.stretch())

    def unwrite(self) -> None:
        fallocate(self.path, KEEP | ZERO, *self.stretch())

    def reserve(self) -> None:
        fallocate(self.path, KEEP, *self.stretch())

    def reserve_behind(self) -> None:
        end = -(-self.size() // BLOCK) * BLOCK
        fallocate(self.path, KEEP, end + self.random.choice([0, 5]) * BLOCK, 20 * BLOCK)

    def resize(self) -> None:
        os.truncate(self.path, self.random.randrange(9 * MIB, 14 * MIB))

    def move(self) -> None:
        at, length = self.stretch()
        mode = self.random.choice([COLLAPSE, INSERT])
        if 9 * MIB < self.size() < 14 * MIB:
            fallocate(self.path, mode, at, length)


def extents(path: Path) -> Iterator[tuple[int, int, int]]:
    """(offset, length, flags) of all that is allocated to a file, once it is written back."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        start = 0
        while True:
            buffer = bytearray(32 + 56 * 200)
            struct.pack_into("=QQIIII", buffer, 0, start, (1 << 62) - start, FLUSH, 0, 200, 0)
            fcntl.ioctl(file, FIEMAP, buffer, True)
            count = struct.unpack_from("=I", buffer, 20)[0]
            for index in range(count):
                at, _, length, _, _, flags, *_ = struct.unpack_from(
                    "=QQQQQIIII", buffer, 32 + 56 * index
                )
                yield at, length, flags
                start = at + length
                if flags & LAST:
                    return
            if not count:
                return


def blocks(path: Path) -> set[int]:
    """Blocks that are allocated, written or not."""
    return {
        block
        for at, length, _ in extents(path)
        for block in range(at // BLOCK, (at + length) // BLOCK)
    }


def content(path: Path) -> tuple[int, str]:
    data = path.read_bytes()
    return len(data), hashlib.sha256(data).hexdigest()


def cut_pass(it: Rig, budget: int) -> None:
    it.wrap = only_once(lambda sock: CutLink(sock, budget))
    with contextlib.suppress(AgentUnreachable):
        it.run()
    it.wrap = None


@pytest.mark.parametrize("seed", [1, 2])
def test_blocks_stay_what_they_are_through_passes(it: Rig, seed: int) -> None:
    """Content and the set of allocated blocks are the source's after every whole pass."""
    path, copy = it.source / "large", it.target / "large"
    sculptor = Sculptor(path, seed)
    path.write_bytes(b"")
    os.truncate(path, 12 * MIB)
    for _ in range(12):
        for _ in range(sculptor.random.randrange(1, 6)):
            sculptor.one()
        if sculptor.random.random() < 0.4:
            cut_pass(it, sculptor.random.randrange(3 * MIB))
        assert it.run().findings == ()
        assert content(path) == content(copy)
        assert blocks(path) == blocks(copy)


def test_reserved_space_comes_and_goes(it: Rig) -> None:
    """Inside the file and behind its end; what was reserved and is no longer is given back."""
    path, copy = it.source / "large", it.target / "large"
    path.write_bytes(os.urandom(9 * MIB))
    os.truncate(path, 12 * MIB)
    for mode, at in ((KEEP, 10), (KEEP, 12), (KEEP | PUNCH, 10), (KEEP | ZERO, 2)):
        fallocate(path, mode, at * MIB, MIB)
        it.run()
        assert blocks(path) == blocks(copy)
        if mode == KEEP:
            unwritten = {(o, n) for o, n, flags in extents(copy) if flags & UNWRITTEN}
            assert (at * MIB, MIB) in unwritten
    os.truncate(path, 12 * MIB)
    it.run()
    assert content(path) == content(copy)
    assert max(blocks(copy)) < 12 * MIB // BLOCK
