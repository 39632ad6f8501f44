# SPDX-License-Identifier: Apache-2.0
"""Changes on XFS: the kernel's list of all inodes (bulkstat) beside the list of the known ones.

    bulkstat, ascending  --+
                           +-> merged by inode number -> gone, or another change time or size
    known, ascending     --+

Bulkstat tells what is in memory, so nothing need be synced for it but data whose size is not yet
settled. Every known inode is compared each time: a mark only says which file system it was.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import stat
import struct
from collections.abc import Callable, Iterator

from hostlift.replicate.changes import Changed, Known, KnownInode, Untrackable

_FSGEOMETRY_V1 = 0x80705864
_BULKSTAT = 0x8040587F  # Linux 5.3
_FSBULKSTAT = 0xC0205865

_GEOMETRY_SIZE = 112
_UUID = slice(64, 80)
_HEAD = struct.Struct("=QIIII40x")
"""xfs_bulk_ireq: next inode, flags, records asked for, records given, group."""
_RECORD = struct.Struct("=QQ32xq32xI20xI16xH58x")
"""xfs_bulkstat: inode, size, ctime, its nanoseconds, links, mode."""
_OLD_RECORD = struct.Struct("=QHH20xq32xqi52x")
"""xfs_bstat: inode, mode, links, size, ctime, its nanoseconds."""
_OLD_REQUEST = struct.Struct("@PiPP")
"""xfs_fsop_bulkreq: where the last inode is, records asked for, where to put them and how many."""
_BATCH = 4096
_LAST_INODE = (1 << 56) - 1
"""XFS_MAXINUMBER: no sign bit to think of."""
_MAGIC = b"hl-xfs\x00\x01"
_NANO = 1_000_000_000


class Xfs:
    """Follows an XFS file system.

    Args:
        root: Descriptor of a directory of it, opened for reading; it stays the caller's.
        stats: Ways to list its inodes; the first that this kernel knows is used.
    """

    name = "xfs"

    def __init__(
        self, root: int, stats: tuple[Callable[[int], Iterator[KnownInode]], ...] | None = None
    ) -> None:
        self._root = root
        self._stats = stats or (bulkstat, old_bulkstat)

    def mark(self) -> bytes:
        """See `Tracker.mark`."""
        next(self._all(), None)
        return self._identity()

    def changed(self, mark: bytes, known: Known) -> Changed:
        """See `Tracker.changed`."""
        identity = self._identity()
        if mark != identity:
            raise Untrackable("the mark is of another XFS file system, or of another version")
        return Changed(tuple(merged(known, self._all())), identity)

    def _identity(self) -> bytes:
        buffer = bytearray(_GEOMETRY_SIZE)
        try:
            fcntl.ioctl(self._root, _FSGEOMETRY_V1, buffer, True)
        except OSError as error:
            raise Untrackable(f"XFS does not tell its geometry: {error.strerror}") from error
        return _MAGIC + bytes(buffer[_UUID])

    def _all(self) -> Iterator[KnownInode]:
        """Every inode in use, ascending."""
        before = -1
        try:
            for found in self._first_known():
                if found.ino <= before:
                    raise Untrackable("XFS does not list its inodes in order")
                before = found.ino
                yield found
        except OSError as error:
            raise Untrackable(f"XFS does not list its inodes: {error.strerror}") from error

    def _first_known(self) -> Iterator[KnownInode]:
        for way in self._stats:
            try:
                yield from way(self._root)
            except OSError as error:
                if error.errno != errno.ENOTTY:
                    raise
            else:
                return
        raise Untrackable("this kernel has no bulkstat")


def merged(known: Known, found: Iterator[KnownInode]) -> Iterator[int]:
    """Known inodes that are not found, or not as they were; both come ascending."""
    at = next(found, None)
    for inode in known.between(0, _LAST_INODE):
        while at is not None and at.ino < inode.ino:
            at = next(found, None)
        if at is None or at != inode:
            yield inode.ino


def bulkstat(fd: int) -> Iterator[KnownInode]:
    """All inodes in use, as XFS_IOC_BULKSTAT lists them.

    Raises:
        OSError: ENOTTY: the kernel is too old. EPERM: not root.
    """
    buffer = bytearray(_HEAD.size + _BATCH * _RECORD.size)
    start, given = 0, _BATCH
    while given:
        _HEAD.pack_into(buffer, 0, start, 0, _BATCH, 0, 0)
        fcntl.ioctl(fd, _BULKSTAT, buffer, True)
        start, _, _, given, _ = _HEAD.unpack_from(buffer)
        yield from records(memoryview(buffer)[_HEAD.size :][: given * _RECORD.size])


def old_bulkstat(fd: int) -> Iterator[KnownInode]:
    """The same by XFS_IOC_FSBULKSTAT, which all kernels have."""
    buffer = (ctypes.c_char * (_BATCH * _OLD_RECORD.size))()
    last, given = ctypes.c_uint64(0), ctypes.c_int32(_BATCH)
    request = _OLD_REQUEST.pack(
        ctypes.addressof(last), _BATCH, ctypes.addressof(buffer), ctypes.addressof(given)
    )
    while given.value:
        fcntl.ioctl(fd, _FSBULKSTAT, request)
        yield from old_records(memoryview(buffer).cast("B")[: given.value * _OLD_RECORD.size])


def records(data: memoryview) -> Iterator[KnownInode]:
    """What an array of xfs_bulkstat says: the inodes in use, in the terms of the known."""
    for ino, size, ctime, nanos, links, mode in _RECORD.iter_unpack(data):
        if links and mode:
            yield KnownInode(ino, ctime * _NANO + nanos, size if stat.S_ISREG(mode) else 0)


def old_records(data: memoryview) -> Iterator[KnownInode]:
    """What an array of xfs_bstat says."""
    for ino, mode, links, size, ctime, nanos in _OLD_RECORD.iter_unpack(data):
        if links and mode:
            yield KnownInode(ino, ctime * _NANO + nanos, size if stat.S_ISREG(mode) else 0)
