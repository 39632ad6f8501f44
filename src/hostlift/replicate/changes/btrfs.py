# SPDX-License-Identifier: Apache-2.0
"""Changes on btrfs: inode items in those leaves of the subvolume's tree that were written since.

A tree search, not a snapshot and ``send --no-data``: it writes nothing to the source and leaves
nothing behind. It sees the tree in memory; items that the kernel still holds back get there with
the commit of their transaction, so with the caller's `syncfs`, also after fsync, whose log only
matters to a crash. What is held back after that is written by a later transaction than the mark's.

The item of an inode that is gone is not found; that of the directory it was in is, or of the next
above that is still there. A subvolume below has a device number of its own: not seen here.
"""

from __future__ import annotations

import fcntl
import stat
import struct
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hostlift.replicate.changes import Changed, Known, Untrackable

_TREE_SEARCH_V2 = 0xC0709411  # Linux 3.14
_INO_LOOKUP = 0xD0009412
_FS_INFO = 0x8400941F
_LOOKUP_SIZE, _INFO_SIZE = 4096, 1024
_FSID = slice(16, 32)

_SEARCH = struct.Struct("=7Q4I5Q")
"""btrfs_ioctl_search_args_v2: tree; first and last inode, offset, transaction; types, number of
items, padding; size of the buffer that follows."""
_GIVEN_AT = 64
_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")
_ITEM_HEAD = struct.Struct("=QQQII")
"""btrfs_ioctl_search_header: transaction of the leaf, inode, offset, type, length."""
_INODE = struct.Struct("<16xQ16xI8xI68xqI")
"""btrfs_inode_item: size, links, mode, ctime, its nanoseconds."""
_GENERATION = struct.Struct("<160xQ")
"""btrfs_root_item: generation."""
_BUFFER = 1 << 20
_OWN_TREE, _ROOT_TREE = 0, 1
_INODE_ITEM, _ROOT_ITEM = 1, 132
_FIRST_INODE, _LAST_INODE = 256, (1 << 64) - 257
_MOST = (1 << 64) - 1
_GAP = 64
"""Known inodes that are read for nothing rather than by a query of their own."""
_MARK = struct.Struct("=8s16s16sQQ")
_MAGIC = b"hl-btrf\x01"
_NANO = 1_000_000_000

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Position(NamedTuple):
    """What a mark says: boot, file system, subvolume, and a generation that it was complete in."""

    boot: bytes
    fsid: bytes
    tree: int
    generation: int


class Item(NamedTuple):
    """One item of a tree, its key without the offset."""

    ino: int
    kind: int
    data: memoryview


class Btrfs:
    """Follows one subvolume of a btrfs file system.

    Args:
        root: Descriptor of a directory of it, opened for reading; it stays the caller's.
    """

    name = "btrfs"

    def __init__(self, root: int) -> None:
        self._root = root

    def mark(self) -> bytes:
        """See `Tracker.mark`."""
        return _packed(self._position())

    def changed(self, mark: bytes, known: Known) -> Changed:
        """See `Tracker.changed`."""
        before = _unpacked(mark)
        now = self._position()  # first: what is written during the search is found the next time
        if before[:3] != now[:3] or before.generation > now.generation:
            raise Untrackable("the mark is of another subvolume, or from before a reboot")
        inodes: list[int] = []
        try:
            for found in _inodes(self._root, before.generation):
                inodes.extend(_differing(found, known))
        except OSError as error:
            raise Untrackable(f"the tree cannot be searched: {error.strerror}") from error
        return Changed(tuple(inodes), _packed(now))

    def _position(self) -> _Position:
        info, lookup = bytearray(_INFO_SIZE), bytearray(_LOOKUP_SIZE)
        struct.pack_into("=QQ", lookup, 0, _OWN_TREE, _FIRST_INODE)
        try:
            # A crash takes what was not committed, so what was known may be newer than what is.
            boot = uuid.UUID(_BOOT_ID.read_text(encoding="ascii").strip()).bytes
            fcntl.ioctl(self._root, _FS_INFO, info, True)
            fcntl.ioctl(self._root, _INO_LOOKUP, lookup, True)
            tree = _U64.unpack_from(lookup)[0]
            generation = _generation(self._root, tree)
        except OSError as error:
            raise Untrackable(f"btrfs does not tell its state: {error.strerror}") from error
        return _Position(boot, bytes(info[_FSID]), tree, generation)


def _packed(position: _Position) -> bytes:
    return _MARK.pack(_MAGIC, *position)


def _unpacked(mark: bytes) -> _Position:
    if len(mark) != _MARK.size or not mark.startswith(_MAGIC):
        raise Untrackable("the mark is not one of this version for btrfs")
    return _Position(*_MARK.unpack(mark)[1:])


def _generation(fd: int, tree: int) -> int:
    """The last transaction that changed the subvolume and is complete in memory."""
    for item in _search(fd, _ROOT_TREE, first=(tree, _ROOT_ITEM), last=(tree, _ROOT_ITEM)):
        return int(_GENERATION.unpack_from(item.data)[0])
    raise Untrackable("the subvolume has no root item")


def _inodes(fd: int, since: int) -> Iterator[dict[int, tuple[int, int] | None]]:
    """Inodes of leaves written in ``since`` or later: change time and size, or None: unlinked."""
    start = _FIRST_INODE
    while True:
        found: dict[int, tuple[int, int] | None] = {}
        last = -1
        for item in _search(
            fd, _OWN_TREE, first=(start, _INODE_ITEM), last=(_LAST_INODE, 255), since=since
        ):
            last = item.ino
            if item.kind == _INODE_ITEM:
                found[item.ino] = state_of(item.data)
        if last < 0:
            return
        yield found
        start = last + 1  # an inode's own item comes before all others of it


def state_of(data: memoryview) -> tuple[int, int] | None:
    """Change time in ns and size (0 unless a regular file) in an inode item; None: unlinked."""
    size, links, mode, ctime, nanos = _INODE.unpack_from(data)
    return (ctime * _NANO + nanos, size if stat.S_ISREG(mode) else 0) if links else None


def _search(
    fd: int, tree: int, *, first: tuple[int, int], last: tuple[int, int], since: int = 0
) -> Iterator[Item]:
    """As many items as fit into one answer, ascending; keys without their offsets."""
    buffer = bytearray(_SEARCH.size + _BUFFER)
    _SEARCH.pack_into(
        buffer, 0,
        tree, first[0], last[0], 0, _MOST, since, _MOST, first[1], last[1],
        (1 << 32) - 1, 0, 0, 0, 0, 0, _BUFFER,
    )  # fmt: skip
    fcntl.ioctl(fd, _TREE_SEARCH_V2, buffer, True)
    yield from items(memoryview(buffer))


def items(answer: memoryview) -> Iterator[Item]:
    """What a btrfs_ioctl_search_args_v2 holds after a search."""
    at = _SEARCH.size
    for _ in range(_U32.unpack_from(answer, _GIVEN_AT)[0]):
        _, ino, _, kind, length = _ITEM_HEAD.unpack_from(answer, at)
        at += _ITEM_HEAD.size
        yield Item(ino, kind, answer[at : at + length])
        at += length


def _differing(found: dict[int, tuple[int, int] | None], known: Known) -> Iterator[int]:
    for first, last in runs(found):
        for ino, ctime_ns, size in known.between(first, last):
            if ino in found and found[ino] != (ctime_ns, size):
                yield ino


def runs(found: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of inodes that are near each other; they come ascending."""
    first = last = -1
    for ino in found:
        if last >= 0 and ino - last > _GAP:
            yield first, last
            first = ino
        elif last < 0:
            first = ino
        last = ino
    if last >= 0:
        yield first, last
