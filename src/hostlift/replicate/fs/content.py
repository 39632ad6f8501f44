# SPDX-License-Identifier: Apache-2.0
"""Bytes of regular files: holes, preallocation, and the digest that stands for them.

The digest of up to 1 MiB is blake3 of the bytes; of more, blake3 of the concatenated blake3
digests of its 1 MiB chunks (the last may be shorter). Holes read as zeros; a terabyte of them
costs no reading, and a later pass derives the digest of a large file from chunks it knows.
"""

from __future__ import annotations

import contextlib
import errno
import os

from blake3 import blake3

from hostlift.replicate.fs import kernel

CHUNK = 1 << 20
LARGE = 8 * CHUNK
"""From this size on a file travels, is acknowledged and is remembered by the chunk."""

_ZERO_CHUNK = blake3(bytes(CHUNK)).digest()
_RUN = 4096
_SLACK = 8192
_BLOCK = 64 << 10
WORTH_A_LOOK = 1 << 16
"""Nobody preallocates less; and a look is a system call for every file."""

Ranges = tuple[tuple[int, int], ...]
"""(offset, length), ascending, not touching."""


def digest_of(data: bytes | bytearray | memoryview) -> bytes:
    """The content digest of a file that is in memory."""
    if len(data) <= CHUNK:
        return blake3(data).digest()
    view = memoryview(data)
    whole = blake3()
    for at in range(0, len(view), CHUNK):
        whole.update(blake3(view[at : at + CHUNK]).digest())
    return whole.digest()


class ContentDigest:
    """The content digest of a file of ``size`` bytes, fed chunk by chunk in order."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._hash = blake3()
        self._fed = 0
        self._only = b""

    def add(self, digest: bytes) -> None:
        """The next chunk has this blake3 digest."""
        self._only = digest
        self._fed += 1
        self._hash.update(digest)

    def add_zeros(self, chunks: int) -> None:
        """The next ``chunks`` whole chunks are zeros."""
        self._fed += chunks
        while chunks:
            run = min(chunks, _RUN)
            self._hash.update(_ZERO_CHUNK * run)
            chunks -= run
        self._only = _ZERO_CHUNK

    def digest(self) -> bytes:
        """The result, once every chunk was fed."""
        if self._fed != chunks_in(self._size):
            raise ValueError(f"{self._fed} of {chunks_in(self._size)} chunks fed")
        if self._size == 0:
            return blake3(b"").digest()
        return self._only if self._size <= CHUNK else self._hash.digest()


def chunks_in(size: int) -> int:
    """How many chunks ``size`` bytes have."""
    return -(-size // CHUNK)


def data_ranges(fd: int, start: int, end: int) -> Ranges:
    """Where data lies between ``start`` and ``end``; the rest is holes."""
    found = []
    at = start
    while at < end:
        try:
            begin = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        if begin >= end:
            break
        at = min(os.lseek(fd, begin, os.SEEK_HOLE), end)
        found.append((begin, at - begin))
    return tuple(found)


def next_data(fd: int, at: int, end: int) -> int:
    """Where the next data are, ``end`` when there are none before it."""
    try:
        return min(os.lseek(fd, at, os.SEEK_DATA), end)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return end
        raise


def is_uneven(st: os.stat_result, fd: int = -1) -> bool:
    """True when the file may have holes, or space that was never written.

    Args:
        fd: The open file, to find the latter also where as much is allocated as the size says.
    """
    space = st.st_blocks * 512
    if space < st.st_size or space - st.st_size > _SLACK:
        return True
    return fd >= 0 and st.st_size >= WORTH_A_LOOK and os.lseek(fd, 0, os.SEEK_HOLE) < st.st_size


def preallocated(fd: int, st: os.stat_result, data: int) -> Ranges:
    """Ranges that are allocated but never written.

    Args:
        data: Bytes of data in the file; only what they do not explain is looked for.
    """
    if st.st_blocks * 512 - data <= _SLACK:
        return ()
    try:
        return kernel.unwritten_ranges(fd)
    except OSError:
        return ()


def preallocate(fd: int, ranges: Ranges) -> str:
    """Allocate without writing; the reason when the file system cannot, else empty."""
    for offset, length in ranges:
        try:
            kernel.fallocate(fd, kernel.KEEP_SIZE, offset, length)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOSPC, errno.EFBIG}:
                raise
            return f"preallocation refused: {error.strerror}"
    return ""


def read_range(fd: int, view: memoryview, offset: int) -> int:
    """Fill ``view`` from ``offset``; returns how many bytes there were."""
    done = 0
    while done < len(view):
        got = os.preadv(fd, [view[done:]], offset + done)
        if got == 0:
            break
        done += got
    return done


def write_range(fd: int, view: memoryview, offset: int) -> None:
    """Write all of ``view`` at ``offset``."""
    while view:
        done = os.pwrite(fd, view, offset)
        view = view[done:]
        offset += done


def punch(fd: int, offset: int, length: int) -> None:
    """Make a hole inside the file; zeros are written where holes cannot be made."""
    if length <= 0:
        return
    # At the end of the file whole blocks only: btrfs keeps a block of which a part is named.
    rest = -(offset + length) % _BLOCK if offset + length >= os.fstat(fd).st_size else 0
    try:
        kernel.fallocate(fd, kernel.PUNCH_HOLE | kernel.KEEP_SIZE, offset, length + rest)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        zeros = memoryview(bytes(CHUNK))
        for at in range(offset, offset + length, CHUNK):
            write_range(fd, zeros[: min(CHUNK, offset + length - at)], at)


def drop_cached(fd: int) -> None:
    """Ask the kernel to forget clean pages, so that the next read comes from the disk."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
