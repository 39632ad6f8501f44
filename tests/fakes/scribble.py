# SPDX-License-Identifier: Apache-2.0
"""Changes large files in every way that leaves, or leaves no, writes to their blocks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from hostlift.replicate.fs.kernel import KEEP_SIZE, PUNCH_HOLE, fallocate

MIB = 1 << 20
PAGE = 4096
COLLAPSE, ZERO, INSERT = 0x08, 0x10, 0x20
_CLONE_RANGE = 0x4020940D
_REFUSALS = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.ENOSPC}


class Scribbler:
    """Changes files at random, repeatably.

    Args:
        shifts: Also move extents within a file, and from one file to another.
    """

    def __init__(self, root: Path, seed: int, *, shifts: bool = True) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.paths = [root / name for name in "abc"]
        self.ways: list[Callable[[Path], None]] = [
            self.patch, self.patch, self.direct, self.direct, self.store, self.store, self.punch,
            self.zero, self.fill, self.append, self.resize, self.reserve,
        ]  # fmt: skip
        if shifts:
            self.ways += [
                self.collapse, self.insert, self.clone, self.clone, self.swap, self.replace,
                self.shrink_and_grow,
            ]  # fmt: skip
        for path in self.paths:
            self.anew(path)

    def some(self, count: int) -> None:
        for _ in range(count):
            # What a file system cannot do is not done.
            try:
                self.random.choice(self.ways)(self.random.choice(self.paths))
            except OSError as error:
                if error.errno not in _REFUSALS:
                    raise

    def anew(self, path: Path) -> None:
        path.write_bytes(self.random.randbytes(self.random.randint(8 * MIB, 20 * MIB)))

    @contextlib.contextmanager
    def opened(self, path: Path, flags: int = 0) -> Iterator[tuple[int, int]]:
        fd = os.open(path, os.O_RDWR | flags)
        try:
            yield fd, max(os.fstat(fd).st_size, PAGE)
        finally:
            os.close(fd)

    def range(self, size: int, most: int = 2 * MIB, step: int = 65536) -> tuple[int, int]:
        at = self.random.randrange(size) // step * step
        return at, max(self.random.randrange(most) // step, 1) * step

    def patch(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            os.pwrite(fd, self.random.randbytes(self.random.choice([1, PAGE, 99_999])),
                      self.random.randrange(size))  # fmt: skip

    def direct(self, path: Path) -> None:
        with self.opened(path, os.O_DIRECT) as (fd, size), mmap.mmap(-1, PAGE) as page:
            page[:] = self.random.randbytes(PAGE)
            os.pwrite(fd, page, self.random.randrange(size) // PAGE * PAGE)

    def store(self, path: Path) -> None:
        """A store beyond the end of a file kills: only this thread changes it meanwhile."""
        with self.opened(path) as (fd, size):
            if os.fstat(fd).st_size:
                with mmap.mmap(fd, 0) as pages:
                    pages[self.random.randrange(min(size, len(pages)))] = self.random.randrange(256)

    def punch(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            at, length = self.range(size, step=self.random.choice([1, PAGE]))
            fallocate(fd, PUNCH_HOLE | KEEP_SIZE, at, length)

    def zero(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            fallocate(fd, ZERO | KEEP_SIZE, *self.range(size, step=self.random.choice([1, PAGE])))

    def reserve(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            fallocate(fd, self.random.choice([0, KEEP_SIZE]), *self.range(size))

    def collapse(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            fallocate(fd, COLLAPSE, *self.range(size))

    def insert(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            fallocate(fd, INSERT, *self.range(size))

    def clone(self, path: Path) -> None:
        """Share a range of another file, or of this one."""
        source = self.random.choice(self.paths)
        with self.opened(path) as (fd, size), self.opened(source) as (other, length):
            at, _ = self.range(length)
            to, count = self.range(size)
            count = max(min(count, length - at) // PAGE * PAGE, PAGE)
            fcntl.ioctl(fd, _CLONE_RANGE, struct.pack("=qQQQ", other, at, count, to))

    def swap(self, path: Path) -> None:
        other, spare = self.random.choice(self.paths), self.root / "spare"
        if other != path:
            path.rename(spare)
            other.rename(path)
            spare.rename(other)

    def replace(self, path: Path) -> None:
        new = self.root / "new"
        self.anew(new)
        new.rename(path)

    def fill(self, path: Path) -> None:
        """Data where a hole is, when there is one."""
        with self.opened(path) as (fd, size):
            at = os.lseek(fd, 0, os.SEEK_HOLE)
            os.pwrite(fd, self.random.randbytes(30_000), min(at, size))

    def append(self, path: Path) -> None:
        with self.opened(path) as (fd, size):
            if size < 24 * MIB:
                os.pwrite(fd, self.random.randbytes(self.random.choice([1, 300_000])), size)

    def resize(self, path: Path) -> None:
        size = path.stat().st_size
        os.truncate(
            path, min(max(size + self.random.choice([-MIB, -1, 1, 5000, MIB]), 0), 24 * MIB)
        )

    def shrink_and_grow(self, path: Path) -> None:
        size = path.stat().st_size
        os.truncate(path, self.random.randrange(size + 1))
        os.truncate(path, max(size, 8 * MIB))
