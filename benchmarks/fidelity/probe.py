# SPDX-License-Identifier: Apache-2.0
"""An independent look at a tree: plain system calls, no code of the product.

Everything is reached by directory descriptors, so that paths may be longer than the kernel takes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_GETFLAGS, _SETFLAGS = 0x80086601, 0x40086602
_GETX, _SETX = 0x801C581F, 0x401C5820
_FIEMAP = 0xC020660B
_UNWRITTEN, _SHARED, _LAST = 0x800, 0x2000, 0x1
_EXTENTS = 512
_SLACK = 65536
IMMUTABLE, APPEND = 0x10, 0x20
_SETTABLE = 0x2083_C4FF
"""s u c S i a d A, X, j, t, D, T, C and P of chattr(1)."""


@dataclass(frozen=True)
class At:
    """An object: descriptor of its directory, name, status."""

    directory: int
    name: bytes
    st: os.stat_result

    @property
    def path(self) -> bytes:
        """For calls that take no descriptor; the last name is not followed."""
        return b"/proc/self/fd/%d/%s" % (self.directory, self.name)

    def open(self) -> int:
        """A descriptor of a file or directory."""
        return os.open(
            self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=self.directory
        )


def walk(folder: Path) -> Iterator[tuple[bytes, At]]:
    """Every object below a folder, the folder itself as ``.``; mounts are not looked into."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    device = os.fstat(top).st_dev
    yield b".", At(top, b".", os.fstat(top))
    stack = [(b"", top)]
    while stack:
        prefix, fd = stack.pop()
        for text in sorted(os.listdir(fd)):
            name = os.fsencode(text)
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            yield prefix + name, At(fd, name, st)
            if stat.S_ISDIR(st.st_mode) and st.st_dev == device:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                stack.append((prefix + name + b"/", below))
        os.close(fd)


def _content(at: At) -> object:
    if not stat.S_ISREG(at.st.st_mode):
        return at.st.st_mode & 0o170000
    fd = at.open()
    try:
        whole = hashlib.sha256()
        place = 0
        while place < at.st.st_size:
            block = os.pread(fd, 1 << 20, place)
            whole.update(block)
            place += len(block)
        return at.st.st_size, whole.hexdigest()
    finally:
        os.close(fd)


def _xattrs(at: At) -> object:
    names = sorted(os.fsencode(n) for n in os.listxattr(at.path, follow_symlinks=False))
    # xfs shows each ACL a second time under this name.
    shown = [n for n in names if not n.startswith(b"trusted.SGI_ACL_")]
    return [(n, os.getxattr(at.path, n, follow_symlinks=False)) for n in shown]


def _flags(at: At) -> object:
    if not (stat.S_ISREG(at.st.st_mode) or stat.S_ISDIR(at.st.st_mode)):
        return 0
    fd = at.open()
    try:
        return get_flags(fd) & _SETTABLE
    finally:
        os.close(fd)


def _project(at: At) -> object:
    if not (stat.S_ISREG(at.st.st_mode) or stat.S_ISDIR(at.st.st_mode)):
        return 0
    fd = at.open()
    try:
        return struct.unpack_from("=I", fcntl.ioctl(fd, _GETX, bytes(28)), 12)[0]
    except OSError:
        return 0
    finally:
        os.close(fd)


def _extents(at: At) -> list[tuple[int, int, int]]:
    """(offset, length, flags) of a file."""
    if not stat.S_ISREG(at.st.st_mode):
        return []
    fd = at.open()
    try:
        head = struct.pack("=QQIIII", 0, (1 << 63) - 1, 1, 0, _EXTENTS, 0)
        raw = bytearray(head + bytes(56 * _EXTENTS))
        fcntl.ioctl(fd, _FIEMAP, raw, True)
        count = struct.unpack_from("=I", raw, 20)[0]
        rows = [struct.unpack_from("=QQQQQI", raw, 32 + 56 * n) for n in range(count)]
        return [(row[0], row[2], row[5]) for row in rows]
    finally:
        os.close(fd)


def _unwritten(at: At) -> object:
    return sum(length for _, length, flags in _extents(at) if flags & _UNWRITTEN) // _SLACK


def _is_shared(at: At) -> object:
    return any(flags & _SHARED for _, _, flags in _extents(at))


Facet = Callable[[At], object]
FACETS: dict[str, Facet] = {
    "content": _content,
    "mode": lambda at: at.st.st_mode,
    "owner": lambda at: (at.st.st_uid, at.st.st_gid),
    "mtime": lambda at: at.st.st_mtime_ns,
    "device number": lambda at: at.st.st_rdev,
    "target": lambda at: (
        os.readlink(at.name, dir_fd=at.directory) if stat.S_ISLNK(at.st.st_mode) else b""
    ),
    "attributes": _xattrs,
    "flags": _flags,
    "project": _project,
    "space": lambda at: at.st.st_blocks * 512 if stat.S_ISREG(at.st.st_mode) else 0,
    "preallocation": _unwritten,
    "sharing": _is_shared,
}
LINKS = "links"
"""Also a facet: which names are one object."""

Look = dict[bytes, dict[str, object]]


def look(folder: Path, facets: tuple[str, ...]) -> Look:
    """What is to be compared of every object below a folder; of the folder, nothing.

    An object that the item's maker named ``.`` is the folder itself: it belongs to no item.
    """
    found: Look = {}
    groups: dict[tuple[int, int], list[bytes]] = {}
    for path, at in walk(folder):
        if path == b".":
            continue
        found[path] = {name: FACETS[name](at) for name in facets if name != LINKS}
        if at.st.st_nlink > 1 and not stat.S_ISDIR(at.st.st_mode):
            groups.setdefault((at.st.st_dev, at.st.st_ino), []).append(path)
    if LINKS in facets:
        for path, seen in found.items():
            seen[LINKS] = next((tuple(sorted(g)) for g in groups.values() if path in g), ())
    return found


def lost(was: Look, now: Look) -> list[str]:
    """The facets that differ, ``missing`` for objects that are not there; empty: all was kept."""
    words: list[str] = []
    for path, seen in was.items():
        there = now.get(path)
        if there is None:
            words.append("missing")
        else:
            words += [name for name, value in seen.items() if _differs(name, value, there[name])]
    words += ["more than there was" for path in now if path not in was]
    return list(dict.fromkeys(words))


def _differs(name: str, was: object, now: object) -> bool:
    if name == "space":
        assert isinstance(was, int)
        assert isinstance(now, int)
        return abs(now - was) > _SLACK
    return was != now


def get_flags(fd: int) -> int:
    """FS_IOC_GETFLAGS; 0 where there are none."""
    try:
        return int(struct.unpack_from("=I", fcntl.ioctl(fd, _GETFLAGS, bytes(8)))[0])
    except OSError:
        return 0


def add_flags(path: Path, flags: int) -> None:
    """Switch flags of chattr(1) on."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(fd, _SETFLAGS, struct.pack("=I4x", get_flags(fd) | flags))
    finally:
        os.close(fd)


def set_project(path: Path, project: int) -> None:
    """Give a file or directory a project id."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        raw = bytearray(fcntl.ioctl(fd, _GETX, bytes(28)))
        struct.pack_into("=I", raw, 12, project)
        fcntl.ioctl(fd, _SETX, bytes(raw))
    finally:
        os.close(fd)


def unpin(folder: Path) -> None:
    """Clear immutable and append-only below a folder, so that it can be removed."""
    for _, at in walk(folder):
        if stat.S_ISREG(at.st.st_mode) or stat.S_ISDIR(at.st.st_mode):
            fd = at.open()
            try:
                flags = get_flags(fd)
                if flags & (IMMUTABLE | APPEND):
                    fcntl.ioctl(fd, _SETFLAGS, struct.pack("=I4x", flags & ~(IMMUTABLE | APPEND)))
            finally:
                os.close(fd)
