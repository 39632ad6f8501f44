# SPDX-License-Identifier: Apache-2.0
"""A target volume with one large file in it, and operations on that as a sender would ask."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate import ops
from hostlift.replicate.receiving.target import Target
from hostlift.replicate.source import RESERVED

MIB = 1 << 20
OLD = bytes(range(256)) * (9 * MIB // 256)
"""What the file holds."""


class Volume:
    """A target volume with a complete large file ``big`` in it."""

    def __init__(self, root: Path) -> None:
        self.path = root
        self.big = root / "big"
        self.big.write_bytes(OLD)
        self._fd = os.open(root, os.O_RDONLY)
        self._made = 0
        self.target = self.connected()

    def connected(self) -> Target:
        """What a new connection works with."""
        self._made += 1
        self.target = Target(self._fd, f"t{self._made}")
        return self.target

    def close(self) -> None:
        self.target.close()
        os.close(self._fd)

    def journals(self) -> list[Path]:
        return sorted(self.path.glob(f"{os.fsdecode(RESERVED)}/redo/*"))

    def begin(self, size: int = len(OLD), *, whole: bool = True) -> None:
        self.target.apply(ops.Begin(b"big", size, False, whole, 0, ()), memoryview(b""))

    def write(self, offset: int, data: bytes) -> None:
        op = ops.Chunk(b"big", offset, len(data), blake3(data).digest(), len(data), None)
        self.target.apply(op, memoryview(data))

    def finish(self, size: int = len(OLD)) -> None:
        meta = Meta(mode=0o600, uid=os.getuid(), gid=os.getgid(), mtime_ns=10**18)
        entry = Entry(path=b"big", kind=Kind.FILE, meta=meta, size=size, content=bytes(32))
        self.target.apply(ops.Finish(entry.pack(), ()), memoryview(b""))
