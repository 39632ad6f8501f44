# SPDX-License-Identifier: Apache-2.0
"""Where ext2, ext3 and ext4 keep their inodes, and what an inode's bytes say.

Pure: bytes in, numbers out. Placement follows the kernel's `descriptor_loc` and `ext4_bg_has_super`,
times its `ext4_decode_extra_time`. What does not look as it should is `Untrackable`.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hostlift.replicate.changes import Untrackable

SUPERBLOCK = (1024, 1024)
"""Offset and length on the device."""

_MAGIC = 0xEF53
_GOOD_OLD_SIZE = 128
_SPARSE_SUPER2 = 0x200  # compatible
_SPARSE_SUPER, _GDT_CSUM, _METADATA_CSUM = 0x1, 0x10, 0x400  # read-only compatible
_META_BG, _64BIT = 0x10, 0x80  # incompatible
# filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode, dirdata, csum_seed, largedir,
# inline_data, encrypt, casefold: none of them moves an inode. Any other might.
_UNDERSTOOD = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x1C000
_UNDERSTOOD |= 0x20000
_INODE_UNINIT = 0x1
_INODE_SIZES = tuple(128 << i for i in range(10))
_LARGEST_BLOCK = 65536
_OLD_DESCRIPTOR = 32
_DESCRIPTOR_SIZES = tuple(_OLD_DESCRIPTOR << i for i in range(6))

_U16, _U32 = struct.Struct("<H"), struct.Struct("<I")
_OLD_INODE = struct.Struct("<HxxI4xi10xH80xI")
"""mode, size, ctime, links, upper half of size."""
_INODE = struct.Struct("<HxxI4xi10xH80xI16xH2xI")
"""The same, then i_extra_isize and ctime_extra."""
_CTIME_EXTRA_ENDS = 8
_NANO = 1_000_000_000


class Table(NamedTuple):
    """The part of a group's inode table that was ever used, in bytes of the device."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """What the superblock says; sizes in bytes.

    Attributes:
        piece: What is hashed as one: some whole inodes, 4 KiB unless one is larger.
        counts_unused: Group descriptors say which part of their table was never used.
        first_meta: Descriptor blocks from this one on lie in the groups that they describe.
        sparse: Only some groups have a copy of the superblock.
        copies: The only groups besides 0 with a copy, where that is so.
    """

    uuid: bytes
    block_size: int
    blocks: int
    first_block: int
    blocks_per_group: int
    inode_size: int
    inodes_per_group: int
    groups: int
    descriptor_size: int
    piece: int
    counts_unused: bool
    first_meta: int
    sparse: bool
    copies: tuple[int, int] | None

    def descriptor_block(self, number: int) -> int:
        """Number of the file system block that holds the ``number``-th block of descriptors."""
        if number < self.first_meta:
            return SUPERBLOCK[0] // self.block_size + 1 + number
        group = number * (self.block_size // self.descriptor_size)
        copy = int(self._has_superblock(group))
        if self.block_size == SUPERBLOCK[1] and group == 0 and self.first_block == 0:
            copy += 1  # bigalloc with 1 KiB blocks: block 0 is the boot block
        return self.first_block + group * self.blocks_per_group + copy

    def _has_superblock(self, group: int) -> bool:
        if group == 0:
            return True
        if self.copies is not None:
            return group in self.copies
        return group == 1 or not self.sparse or any(_power(group, base) for base in (3, 5, 7))


def _power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1


def geometry(superblock: bytes) -> Geometry:
    """Read the superblock.

    Raises:
        Untrackable: It is none, or it has features that are not known here.
    """

    def u32(at: int) -> int:
        return int(_U32.unpack_from(superblock, at)[0])

    def u16(at: int) -> int:
        return int(_U16.unpack_from(superblock, at)[0])

    if len(superblock) < SUPERBLOCK[1] or u16(0x38) != _MAGIC:
        raise Untrackable("the device has no ext4 superblock")
    compatible, incompatible, read_only = u32(0x5C), u32(0x60), u32(0x64)
    if incompatible & ~_UNDERSTOOD:
        raise Untrackable(f"ext4 features {incompatible & ~_UNDERSTOOD:#x} are not known here")
    wide = bool(incompatible & _64BIT)
    block_size = 1024 << min(u32(0x18), 16)
    inode_size = u16(0x58) if u32(0x4C) else _GOOD_OLD_SIZE
    blocks = u32(0x04) | (u32(0x150) << 32 if wide else 0)
    per_group = u32(0x20)
    found = Geometry(
        uuid=bytes(superblock[0x68:0x78]),
        block_size=block_size,
        blocks=blocks,
        first_block=u32(0x14),
        blocks_per_group=per_group,
        inode_size=inode_size,
        inodes_per_group=u32(0x28),
        groups=-(-(blocks - u32(0x14)) // max(per_group, 1)),
        descriptor_size=u16(0xFE) if wide else _OLD_DESCRIPTOR,
        piece=max(4096, inode_size),
        counts_unused=bool(read_only & (_GDT_CSUM | _METADATA_CSUM)),
        first_meta=u32(0x104) if incompatible & _META_BG else 1 << 32,
        sparse=bool(read_only & _SPARSE_SUPER),
        copies=(u32(0x24C), u32(0x250)) if compatible & _SPARSE_SUPER2 else None,
    )
    if not _plausible(found, inodes=u32(0x00)):
        raise Untrackable("the ext4 superblock makes no sense")
    return found


def _plausible(it: Geometry, *, inodes: int) -> bool:
    return (
        it.block_size <= _LARGEST_BLOCK
        and it.inode_size in _INODE_SIZES
        and it.inode_size <= it.block_size
        and it.descriptor_size in _DESCRIPTOR_SIZES
        and it.blocks_per_group > 0
        and it.groups > 0
        and inodes == it.groups * it.inodes_per_group
    )


def tables(it: Geometry, read: Callable[[int, int], bytes]) -> Iterator[Table]:
    """The inode table of every group, in order.

    Args:
        it: Of this file system.
        read: Offset and length in bytes to what the device holds there.

    Raises:
        Untrackable: A descriptor points outside the file system.
    """
    per_block = it.block_size // it.descriptor_size
    for number, first in enumerate(range(0, it.groups, per_block)):
        block = read(it.descriptor_block(number) * it.block_size, it.block_size)
        for i in range(min(per_block, it.groups - first)):
            at = i * it.descriptor_size
            yield _table(it, block[at : at + it.descriptor_size])


def _table(it: Geometry, descriptor: bytes) -> Table:
    block = _U32.unpack_from(descriptor, 0x08)[0]
    unused = _U16.unpack_from(descriptor, 0x1C)[0]
    if it.descriptor_size > _OLD_DESCRIPTOR:
        block |= _U32.unpack_from(descriptor, 0x28)[0] << 32
        unused |= _U16.unpack_from(descriptor, 0x32)[0] << 16
    used = it.inodes_per_group
    if it.counts_unused:
        uninit = _U16.unpack_from(descriptor, 0x12)[0] & _INODE_UNINIT
        used = 0 if uninit else used - unused
    whole = _up(it.inodes_per_group * it.inode_size, it.block_size)
    if used < 0 or not it.first_block < block <= it.blocks - whole // it.block_size:
        raise Untrackable("an ext4 group descriptor makes no sense")
    return Table(block * it.block_size, min(whole, _up(used * it.inode_size, it.piece)))


def _up(number: int, unit: int) -> int:
    return -(-number // unit) * unit


def state_of(view: bytes | memoryview, at: int, *, old: bool) -> tuple[int, int] | None:
    """Change time in ns and size (0 unless a regular file) of the inode at ``at``; None: free.

    Args:
        view: Bytes of an inode table.
        at: Where the inode starts.
        old: It has 128 bytes: its times are whole seconds.
    """
    if old:
        mode, low, ctime, links, high = _OLD_INODE.unpack_from(view, at)
        ctime *= _NANO
    else:
        mode, low, ctime, links, high, extra_size, extra = _INODE.unpack_from(view, at)
        # 0: the kernel takes the fields as present. Else they count as far as it reaches.
        if extra_size == 0 or extra_size >= _CTIME_EXTRA_ENDS:
            ctime = (ctime + ((extra & 3) << 32)) * _NANO + (extra >> 2)
        else:
            ctime *= _NANO
    if links == 0 or mode == 0:
        return None
    return ctime, low | high << 32 if stat.S_ISREG(mode) else 0
