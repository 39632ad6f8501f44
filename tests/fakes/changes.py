# SPDX-License-Identifier: Apache-2.0
"""What trackers work with: known inodes in memory, and ext4 inode tables in a plain file."""

from __future__ import annotations

import bisect
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hostlift.replicate.changes import KnownInode

FILE, FOLDER = 0o100644, 0o040755


@dataclass
class KnownInodes:
    """Known inodes; ``asked`` are the ranges that a tracker wanted to hear about."""

    inodes: list[KnownInode]
    asked: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, inodes: Iterable[KnownInode]) -> KnownInodes:
        return cls(sorted(inodes))

    def between(self, first: int, last: int) -> Iterator[KnownInode]:
        self.asked.append((first, last))
        start = bisect.bisect_left(self.inodes, (first,))
        for inode in self.inodes[start:]:
            if inode.ino > last:
                return
            yield inode


@dataclass
class Ext4Image:
    """A plain file with an ext4 superblock, group descriptors and inode tables; no data."""

    path: Path
    inode_size: int = 256
    inodes_per_group: int = 8192
    groups: int = 2
    unused: dict[int, int] = field(default_factory=dict)
    uninit: set[int] = field(default_factory=set)
    uuid: bytes = b"0123456789abcdef"

    BLOCK = 4096
    PER_GROUP = 32768

    def save(self) -> None:
        """Superblock and descriptors as they are now; the tables stay."""
        mode = "r+b" if self.path.exists() else "w+b"
        with self.path.open(mode) as file:
            file.truncate(self.groups * self.PER_GROUP * self.BLOCK)
            file.seek(1024)
            file.write(self.superblock())
            file.seek(self.BLOCK)
            for group in range(self.groups):
                file.write(self._descriptor(group))

    def superblock(self, **changed: int) -> bytes:
        """With some fields, named by `FIELDS`, replaced."""
        values = {
            "inodes": self.groups * self.inodes_per_group,
            "blocks": self.groups * self.PER_GROUP,
            "log_block_size": 2,
            "blocks_per_group": self.PER_GROUP,
            "inodes_per_group": self.inodes_per_group,
            "magic": 0xEF53,
            "revision": 1,
            "inode_size": self.inode_size,
            "incompatible": 0x2C2,
            "read_only": 0x46B,
            "descriptor_size": 64,
            **changed,
        }
        block = bytearray(1024)
        for name, value in values.items():
            at, form = FIELDS[name]
            struct.pack_into(form, block, at, value)
        block[0x68:0x78] = self.uuid
        return bytes(block)

    def table(self, group: int) -> int:
        """Offset of a group's inode table."""
        return (group * self.PER_GROUP + 1000) * self.BLOCK

    def _descriptor(self, group: int) -> bytes:
        block = bytearray(64)
        struct.pack_into("<I", block, 8, self.table(group) // self.BLOCK)
        struct.pack_into("<H", block, 0x12, 1 if group in self.uninit else 4)
        struct.pack_into("<H", block, 0x1C, self.unused.get(group, 0))
        return bytes(block)

    def put(self, inode: KnownInode, *, mode: int = FILE, links: int = 1) -> None:
        """Write an inode into its table."""
        group, index = divmod(inode.ino - 1, self.inodes_per_group)
        with self.path.open("r+b") as file:
            file.seek(self.table(group) + index * self.inode_size)
            file.write(inode_bytes(inode, mode=mode, links=links, size=self.inode_size))

    def open(self) -> int:
        """As a tracker's device."""
        return os.open(self.path, os.O_RDONLY)


FIELDS = {
    "inodes": (0, "<I"),
    "blocks": (4, "<I"),
    "first_block": (0x14, "<I"),
    "log_block_size": (0x18, "<I"),
    "blocks_per_group": (0x20, "<I"),
    "inodes_per_group": (0x28, "<I"),
    "magic": (0x38, "<H"),
    "revision": (0x4C, "<I"),
    "inode_size": (0x58, "<H"),
    "compatible": (0x5C, "<I"),
    "incompatible": (0x60, "<I"),
    "read_only": (0x64, "<I"),
    "descriptor_size": (0xFE, "<H"),
    "first_meta": (0x104, "<I"),
    "blocks_high": (0x150, "<I"),
    "copy_1": (0x24C, "<I"),
    "copy_2": (0x250, "<I"),
}


def inode_bytes(
    inode: KnownInode, *, mode: int = FILE, links: int = 1, size: int = 256, extra: int = 32
) -> bytes:
    """An inode as ext4 stores it; ``extra``: its i_extra_isize, where it is large enough."""
    seconds, nanos = divmod(inode.ctime_ns, 1_000_000_000)
    low = (seconds + (1 << 31)) % (1 << 32) - (1 << 31)
    data = bytearray(size)
    struct.pack_into("<H", data, 0, mode)
    struct.pack_into("<I", data, 4, inode.size & 0xFFFF_FFFF)
    struct.pack_into("<i", data, 12, low)
    struct.pack_into("<H", data, 26, links)
    struct.pack_into("<I", data, 108, inode.size >> 32)
    if size > 128:
        struct.pack_into("<H", data, 128, extra)
        struct.pack_into("<I", data, 132, ((seconds - low) >> 32 & 3) | nanos << 2)
    return bytes(data)
