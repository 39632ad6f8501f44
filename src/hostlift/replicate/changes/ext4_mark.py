# SPDX-License-Identifier: Apache-2.0
"""A mark of an ext4 file system: a hash of every piece of its inode tables.

    magic and version, identity, number of groups | zstd( pieces of each group, hashes ) | checksum

Numbers are in the machine's own order: a mark never leaves the machine that made it.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Self

import xxhash
import zstandard

from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.ext4_layout import Geometry

_MAGIC = b"hl-ext4\x01"
_HEAD = struct.Struct("=8s16sIIII")
_CHECKSUM = 8
_COUNT = 4


class Identity(NamedTuple):
    """What must not change between two marks; tables may grow, and groups may be added."""

    uuid: bytes
    block_size: int
    inode_size: int
    inodes_per_group: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Hashes by group.

    Attributes:
        counts: Hashed pieces of each group.
        hashes: Those of all groups, one after the other.
    """

    identity: Identity
    counts: array[int]
    hashes: array[int]

    @classmethod
    def blank(cls, it: Geometry) -> Self:
        """Of this file system, with nothing hashed yet."""
        identity = Identity(it.uuid, it.block_size, it.inode_size, it.inodes_per_group)
        return cls(identity, array("I", bytes(_COUNT * it.groups)), array("Q"))

    def add(self, group: int, hashes: array[int]) -> None:
        """More pieces of a group; groups come in order."""
        self.counts[group] += len(hashes)
        self.hashes.extend(hashes)

    def starts(self) -> list[int]:
        """Where the hashes of each group start, and after the last."""
        return list(accumulate(self.counts, initial=0))

    def packed(self) -> bytes:
        """As it is stored."""
        head = _HEAD.pack(_MAGIC, *self.identity, len(self.counts))
        # Hashes do not compress, but those of the many pieces that are all zeros are alike.
        body = zstandard.ZstdCompressor(level=1).compress(
            self.counts.tobytes() + self.hashes.tobytes()
        )
        return head + body + xxhash.xxh3_64_digest(head + body)


def unpacked(mark: bytes) -> Mark:
    """What `Mark.packed` stored.

    Raises:
        Untrackable: It is another version's, or damaged.
    """
    text, checksum = mark[:-_CHECKSUM], mark[-_CHECKSUM:]
    if not text.startswith(_MAGIC) or xxhash.xxh3_64_digest(text) != checksum:
        raise Untrackable("the mark is not one of this version for ext4, or it is damaged")
    _, *identity, groups = _HEAD.unpack_from(text)
    body = zstandard.ZstdDecompressor().decompress(text[_HEAD.size :])
    counts, hashes = array("I"), array("Q")
    counts.frombytes(body[: groups * _COUNT])
    hashes.frombytes(body[groups * _COUNT :])
    return Mark(Identity(*identity), counts, hashes)
