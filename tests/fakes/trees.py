# SPDX-License-Identifier: Apache-2.0
"""An independent look at a tree (no code of the product), and trees that are hard to copy."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

Look = dict[bytes, tuple[object, ...]]

_GETFLAGS = 0x80086601
_SETFLAGS = 0x40086602
_USER_FLAGS = 0x2080_C0FF | 0x3_0000 | 0x400
NOATIME, NODUMP, APPEND, IMMUTABLE, NOCOW = 0x80, 0x40, 0x20, 0x10, 0x0080_0000


def look(root: Path, *, flags: bool = True) -> Look:
    """Everything that a faithful copy must keep, by path."""
    groups: dict[tuple[int, int], list[bytes]] = {}
    found: Look = {}
    for path, directory, name in _walk(root):
        st = os.stat(name, dir_fd=directory, follow_symlinks=False)
        proc = b"/proc/self/fd/%d/%s" % (directory, name)
        opened = stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode)
        found[path] = (
            oct(st.st_mode),
            st.st_uid,
            st.st_gid,
            st.st_mtime_ns,
            st.st_rdev,
            tuple(
                (n, os.getxattr(proc, n, follow_symlinks=False))
                for n in sorted(os.listxattr(proc, follow_symlinks=False))
            ),
            get_flags(directory, name) & _USER_FLAGS if opened and flags else 0,
            os.readlink(name, dir_fd=directory) if stat.S_ISLNK(st.st_mode) else b"",
            _content(directory, name) if stat.S_ISREG(st.st_mode) else b"",
        )
        if st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
            groups.setdefault((st.st_dev, st.st_ino), []).append(path)
    for names in groups.values():
        for name in names:
            found[name] += (tuple(sorted(names)),)
    return found


def _walk(root: Path) -> Iterator[tuple[bytes, int, bytes]]:
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    yield b".", here, b"."
    stack = [(b"", here)]
    while stack:
        prefix, fd = stack.pop()
        for name in os.listdir(fd):
            raw = os.fsencode(name)
            yield prefix + raw, fd, raw
            if stat.S_ISDIR(os.stat(raw, dir_fd=fd, follow_symlinks=False).st_mode):
                below = os.open(raw, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                stack.append((prefix + raw + b"/", below))
        os.close(fd)


def _content(directory: int, name: bytes) -> tuple[int, str]:
    """Size, and a hash over the data with their offsets (zeros do not count, holes or not)."""
    fd = os.open(name, os.O_RDONLY, dir_fd=directory)
    sha = hashlib.sha256()
    try:
        size = os.fstat(fd).st_size
        at = 0
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA) // 65536 * 65536
            except OSError:
                break
            block = os.pread(fd, 65536, at)
            if block.strip(b"\0"):
                sha.update(at.to_bytes(8, "big") + block)
            at += 65536
    finally:
        os.close(fd)
    return size, sha.hexdigest()


def get_flags(directory: int, name: bytes) -> int:
    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=directory)
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, _GETFLAGS, struct.pack("i", 0)))[0])
    except OSError:
        return 0
    finally:
        os.close(fd)


def set_flags(path: Path | bytes, flags: int) -> None:
    """Switch some flags on."""
    fd = os.open(path, os.O_RDONLY)
    try:
        now = struct.unpack("i", fcntl.ioctl(fd, _GETFLAGS, struct.pack("i", 0)))[0]
        fcntl.ioctl(fd, _SETFLAGS, struct.pack("i", now | flags))
    finally:
        os.close(fd)


def clear_flags(root: Path) -> None:
    """No immutable or append below ``root``, so that it can be removed."""
    for _, directory, name in _walk(root):
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            continue
        flags = get_flags(directory, name)
        if flags & (IMMUTABLE | APPEND):
            fd = os.open(name, os.O_RDONLY, dir_fd=directory)
            fcntl.ioctl(fd, _SETFLAGS, struct.pack("i", flags & ~(IMMUTABLE | APPEND)))
            os.close(fd)


def allocated(path: Path) -> int:
    """Bytes a file takes on the disk."""
    return path.stat().st_blocks * 512


def deep_path(root: Path, length: int) -> None:
    """Directories nested until the path is longer than ``length``, with a file at the bottom."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    done = 0
    while done < length:
        name = b"n" * 200
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
        done += 201
    leaf = os.open(b"leaf", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=fd)
    os.write(leaf, b"deep")
    os.close(leaf)
    os.close(fd)


def nasty_tree(root: Path, *, kind: str) -> None:
    """What copies usually lose, as far as the file system ``kind`` can hold it. Needs root."""
    base = os.fsencode(root)
    (root / "plain").write_bytes(b"plain\n")
    (root / "empty").touch()
    for number, name in enumerate(
        [b"x" * 255, b"not-utf8-\xff\xfe", b"new\nline", b"-rf", b"back\\slash", b" blank ", b"*?["]
    ):
        with open(base + b"/" + name, "wb") as file:
            file.write(b"%d" % number)
    _owners_and_modes(root)
    _times(root)
    _xattrs(root)
    _links(root)
    _devices(root)
    _holes(root)
    deep_path(root, 4500)
    _flagged(root, kind)


def _owners_and_modes(root: Path) -> None:
    for number, (uid, gid, mode) in enumerate(
        [(0, 0, 0o4755), (1, 2, 0o2755), (2**32 - 2, 2**32 - 2, 0o600), (1000, 1000, 0o000)]
    ):
        path = root / f"owned{number}"
        path.write_bytes(b"o")
        os.chown(path, uid, gid)
        path.chmod(mode)
    for number, mode in enumerate([0o1777, 0o2775, 0o500, 0o000]):
        path = root / f"dir{number}"
        path.mkdir()
        (path / "inside").write_bytes(b"i")
        os.chown(path, 33, 33)
        path.chmod(mode)


def _times(root: Path) -> None:
    for number, when in enumerate(
        [-86_400 * 10**9 - 1, 1, 1_700_000_000_123_456_789, 4102444800 * 10**9]
    ):
        path = root / f"time{number}"
        path.write_bytes(b"t")
        os.utime(path, ns=(when, when))
    (root / "old-dir").mkdir()
    (root / "old-dir" / "young").write_bytes(b"y")
    os.utime(root / "old-dir", ns=(1_000_000_000_000_000_001,) * 2)


def _xattrs(root: Path) -> None:
    path = root / "attributes"
    path.write_bytes(b"a")
    os.setxattr(path, "user.empty", b"")
    os.setxattr(path, "user.long", b"v" * 800)
    os.setxattr(path, "trusted.hidden", b"\x00\xff")
    capability = struct.pack("<IIIII", 0x0200_0001, 1 << 10, 0, 0, 0)
    os.setxattr(path, "security.capability", capability)
    os.chown(path, 5, 6)
    os.setxattr(path, "security.capability", capability)
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *e)
        for e in [
            (1, 6, 0xFFFFFFFF),
            (2, 4, 1234),
            (4, 4, 0xFFFFFFFF),
            (16, 4, 0xFFFFFFFF),
            (32, 0, 0xFFFFFFFF),
        ]
    )
    os.setxattr(path, "system.posix_acl_access", acl)
    folder = root / "with-default-acl"
    folder.mkdir()
    os.setxattr(folder, "system.posix_acl_default", acl)
    (folder / "inherits").write_bytes(b"1")
    os.removexattr(folder / "inherits", "system.posix_acl_access")
    (folder / "sub").mkdir()
    (root / "dangling").symlink_to("../../nowhere")
    os.setxattr(root / "dangling", "trusted.link", b"l", follow_symlinks=False)
    os.utime(root / "dangling", ns=(5, 1_234_567_890_987_654_321), follow_symlinks=False)
    os.chown(root / "dangling", 7, 8, follow_symlinks=False)


def _links(root: Path) -> None:
    (root / "links").mkdir()
    (root / "links" / "a").write_bytes(b"linked")
    os.link(root / "links" / "a", root / "other-name")
    os.link(root / "links" / "a", root / "dir0" / "third")
    os.symlink("target", root / "links" / "s")
    os.link(root / "links" / "s", root / "links" / "s2", follow_symlinks=False)
    os.symlink("/etc", root / "outside")
    os.symlink("..", root / "links" / "up")


def _devices(root: Path) -> None:
    os.mkfifo(root / "fifo", 0o611)
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "block", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    os.mknod(root / "whiteout", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    os.setxattr(root / "whiteout", "trusted.overlay.origin", b"o")
    os.mknod(root / "sock", stat.S_IFSOCK | 0o755)
    os.link(root / "null", root / "links" / "null-too")


def _holes(root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
        for at in (0, 5 << 30, (1 << 40) - 4096):
            file.seek(at)
            file.write(os.urandom(4096))
    with (root / "sparse-small").open("wb") as file:
        file.truncate(3 << 20)
        file.seek(1 << 20)
        file.write(b"middle")
    with (root / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2 << 20)
    with (root / "big").open("wb") as file:
        file.write(os.urandom(9 << 20) + b"tail")
    os.link(root / "big", root / "links" / "big-too")


def _flagged(root: Path, kind: str) -> None:
    for name, flags in (
        ("noatime", NOATIME),
        ("nodump", NODUMP),
        ("append", APPEND),
        ("fixed", IMMUTABLE),
    ):
        path = root / f"flag-{name}"
        path.write_bytes(name.encode())
        set_flags(path, flags)
    folder = root / "fixed-dir"
    folder.mkdir()
    (folder / "in").write_bytes(b"in")
    set_flags(folder, IMMUTABLE)
    if kind == "btrfs":
        path = root / "nocow"
        path.touch()
        set_flags(path, NOCOW)
        path.write_bytes(b"x" * 100_000)
