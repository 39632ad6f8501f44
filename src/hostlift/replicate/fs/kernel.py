# SPDX-License-Identifier: Apache-2.0
"""System calls that Python does not wrap, with `OSError` for every refusal.

Numbers above 423 are the same on every architecture. Nothing here starts a process or leaves a
mount behind: `clone_mount` makes a detached one, which goes with its descriptor.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

_libc = ctypes.CDLL(None, use_errno=True)

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_OPEN_TREE = 428
_OPEN_TREE_CLONE = 1
_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08

_GETFLAGS = 0x80086601
_SETFLAGS = 0x40086602
_GETXATTR = 0x801C581F
_SETXATTR = 0x401C5820
_FIEMAP = 0xC020660B
_FIEMAP_UNWRITTEN = 0x800
FIEMAP_LAST = 0x1
_FIDEDUPERANGE = 0xC0189436
_DEDUPE_STEP = 16 << 20
"""More at once btrfs does not compare."""

KEEP_SIZE = 0x01
PUNCH_HOLE = 0x02

_FSXATTR = struct.Struct("=IIIII8x")
_NO_FSXATTR = bytes(_FSXATTR.size)
_NO_FLAGS = bytes(8)
_EXTENT = struct.Struct("=QQQ16xI12x")
_FIEMAP_HEAD = struct.Struct("=QQIIII")
_DEDUPE = struct.Struct("=QQH6xqQQiI")
_EXTENTS_PER_CALL = 512
_NO_END = (1 << 63) - 1


class _Support:
    """What this kernel was found to lack; asked once."""

    openat2 = True


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


def syncfs(fd: int) -> None:
    """Write back everything dirty of the file system that holds ``fd``."""
    _check(_libc.syncfs(fd), "syncfs")


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """Allocate or punch with the mode bits that `os.posix_fallocate` hides."""
    _check(
        _libc.fallocate(fd, mode, ctypes.c_longlong(offset), ctypes.c_longlong(length)),
        "fallocate",
    )


def clone_mount(path: bytes, *, recursive: bool = False) -> int:
    """A detached private copy of the mount at ``path``: what lies under other mounts shows.

    Returns:
        A path descriptor; the mount vanishes when it is closed, also by death of the process.
    """
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    fd: int = _libc.syscall(_OPEN_TREE, _AT_FDCWD, path, flags)
    return _check(fd, "open_tree")


def open_beneath(root: int, path: bytes, flags: int) -> int:
    """Open ``path`` (shorter than PATH_MAX) below ``root``; no symbolic link is ever followed."""
    if _Support.openat2:
        how = struct.pack(
            "=QQQ",
            flags | os.O_CLOEXEC,
            0,
            _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS,
        )
        fd: int = _libc.syscall(_OPENAT2, root, path, how, len(how))
        if fd >= 0:
            return fd
        code = ctypes.get_errno()
        if code not in {errno.ENOSYS, errno.EPERM}:
            raise OSError(code, os.strerror(code), path)
        _Support.openat2 = code != errno.ENOSYS
    return _open_by_components(root, path, flags)


def _open_by_components(root: int, path: bytes, flags: int) -> int:
    parts = path.split(b"/")
    if b".." in parts:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    here = os.dup(root)
    try:
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            how = flags if last else os.O_RDONLY | os.O_DIRECTORY
            there = os.open(part, how | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = there
    except OSError:
        os.close(here)
        raise
    return here


def get_flags(fd: int) -> int:
    """FS_IOC_GETFLAGS; raises ENOTTY or EOPNOTSUPP where the file system has none."""
    return int.from_bytes(fcntl.ioctl(fd, _GETFLAGS, _NO_FLAGS)[:4], sys.byteorder)


def set_flags(fd: int, flags: int) -> None:
    """FS_IOC_SETFLAGS."""
    fcntl.ioctl(fd, _SETFLAGS, struct.pack("=I4x", flags))


def get_project(fd: int) -> int:
    """Project id of an object."""
    return int.from_bytes(fcntl.ioctl(fd, _GETXATTR, _NO_FSXATTR)[12:16], sys.byteorder)


def set_project(fd: int, project: int) -> None:
    """Change the project id, all else kept."""
    buffer = bytearray(_FSXATTR.size)
    fcntl.ioctl(fd, _GETXATTR, buffer, True)
    xflags, size_hint, nextents, _, cow_hint = _FSXATTR.unpack(buffer)
    fcntl.ioctl(fd, _SETXATTR, _FSXATTR.pack(xflags, size_hint, nextents, project, cow_hint))


class Extent(NamedTuple):
    """Consecutive bytes of a file, and where they lie on its file system; ``flags`` as FIEMAP has."""

    start: int
    place: int
    length: int
    flags: int


def extents(fd: int, end: int = _NO_END) -> Iterator[Extent]:
    """The extents of a file before ``end``, ascending; without one also those beyond its size.

    Raises:
        OSError: The file system does not tell.
    """
    at = 0
    while at < end:
        buffer = bytearray(_FIEMAP_HEAD.size + _EXTENTS_PER_CALL * _EXTENT.size)
        _FIEMAP_HEAD.pack_into(buffer, 0, at, end - at, 0, 0, _EXTENTS_PER_CALL, 0)
        fcntl.ioctl(fd, _FIEMAP, buffer, True)
        count = _FIEMAP_HEAD.unpack_from(buffer)[3]
        flags = FIEMAP_LAST
        for i in range(count):
            start, place, length, flags = _EXTENT.unpack_from(
                buffer, _FIEMAP_HEAD.size + i * _EXTENT.size
            )
            yield Extent(start, place, length, flags)
            at = start + length
        if flags & FIEMAP_LAST:
            return


def unwritten_ranges(fd: int) -> tuple[tuple[int, int], ...]:
    """(offset, length) of space that is allocated but was never written, also beyond the end."""
    return tuple((e.start, e.length) for e in extents(fd) if e.flags & _FIEMAP_UNWRITTEN)


def dedupe(donor: int, donor_at: int, fd: int, at: int, length: int) -> int:
    """Have a range of ``fd`` share the blocks of ``donor``, which the kernel finds equal first.

    Returns:
        How many bytes share blocks now: fewer than ``length`` when what follows differs.

    Raises:
        OSError: The file system cannot share, or not these ranges.
    """
    done = 0
    while done < length:
        step = min(length - done, _DEDUPE_STEP)
        buffer = bytearray(_DEDUPE.pack(donor_at + done, step, 1, fd, at + done, 0, 0, 0))
        fcntl.ioctl(donor, _FIDEDUPERANGE, buffer, True)
        *_, shared, status, _ = _DEDUPE.unpack(buffer)
        if status < 0:
            raise OSError(-status, os.strerror(-status), "FIDEDUPERANGE")
        if status or not shared:
            break
        done += shared
    return done


def file_system_magic(fd: int) -> int:
    """What statfs(2) calls ``f_type``."""
    buffer = (ctypes.c_long * 32)()
    _check(_libc.fstatfs(fd, buffer), "fstatfs")
    return buffer[0]


def mount_id(fd: int) -> int:
    """Which mount a descriptor was opened through."""
    with open(f"/proc/thread-self/fdinfo/{fd}", encoding="ascii") as info:
        for line in info:
            if line.startswith("mnt_id:"):
                return int(line.split()[1])
    raise OSError(errno.EINVAL, "no mnt_id in fdinfo")
