# SPDX-License-Identifier: Apache-2.0
"""Making the objects of each item, with system calls. As root."""

from __future__ import annotations

import fcntl
import os
import random
import stat
import struct
from pathlib import Path

from benchmarks.fidelity.probe import add_flags, set_project

MIB = 1 << 20
_NOISE = random.Random(20270115)
_FICLONE = 0x40049409
_KEEP_SIZE = 1
_NS = 10**9


def _noise(count: int) -> bytes:
    return _NOISE.randbytes(count)


def files(at: Path) -> None:
    """Plain ones."""
    (at / "empty").touch()
    (at / "small").write_bytes(b"small\n")
    (at / "large").write_bytes(_noise(9 * MIB) + b"tail")
    os.chown(at / "small", 1000, 1000)


def longest_name(at: Path) -> None:
    """Each byte but slash and nul is allowed."""
    name = (b"\xff\xfe\x80" * 85)[:255]
    Path(os.fsdecode(os.fsencode(at) + b"/" + name)).write_bytes(b"x")


def odd_names(at: Path) -> None:
    """What shells and parsers stumble over."""
    for name in ("new\nline", "-rf", "back\\slash", " blank ", "*?[", "quote\"'", "tab\t"):
        (at / name).write_bytes(name.encode())


def deep_path(at: Path) -> None:
    """Directories nested until no path string reaches the file."""
    fd = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
    opened = [fd]
    for _ in range(22):
        os.mkdir(b"n" * 200, dir_fd=fd)
        fd = os.open(b"n" * 200, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        opened.append(fd)
    leaf = os.open(b"leaf", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=fd)
    os.write(leaf, b"deep")
    os.close(leaf)
    for number, one in enumerate(reversed(opened[1:])):
        os.utime(one, ns=((1_600_000_000 + number) * _NS + 1,) * 2)
    for one in opened:
        os.close(one)


def hard_links(at: Path) -> None:
    """Three names of one file."""
    for name in ("one", "two"):
        (at / name).mkdir()
    (at / "one/a").write_bytes(b"linked")
    os.link(at / "one/a", at / "one/b")
    os.link(at / "one/a", at / "two/c")


def linked_symlink(at: Path) -> None:
    """Two names of one link."""
    os.symlink("target", at / "a")
    os.link(at / "a", at / "b", follow_symlinks=False)


def linked_nodes(at: Path) -> None:
    """Two names of each."""
    os.mknod(at / "char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mkfifo(at / "fifo", 0o600)
    os.mknod(at / "sock", stat.S_IFSOCK | 0o600)
    for name in ("char", "fifo", "sock"):
        os.link(at / name, at / f"{name}-too")


def symlinks(at: Path) -> None:
    """As they come; none of them is to be followed."""
    os.symlink("../../nowhere", at / "dangling")
    os.symlink("/etc/passwd", at / "outside")
    os.symlink(b"not-utf8-\xff", os.fsencode(at / "bytes"))
    # xfs ends at 1024 bytes, and so do we where it is the target.
    longest = 4095
    while True:
        try:
            os.symlink("l" * longest, at / "long")
        except OSError:
            longest = 1023
        else:
            return


def owned_symlink(at: Path) -> None:
    """A link has an owner and times of its own."""
    os.symlink("x", at / "link")
    os.chown(at / "link", 7, 8, follow_symlinks=False)
    os.utime(at / "link", ns=(5, 1_234_567_890_987_654_321), follow_symlinks=False)


def owners(at: Path) -> None:
    """Numbers that no passwd knows."""
    for uid, gid in ((1, 2), (65534, 65535), (2**31, 2**31 + 1), (2**32 - 2, 2**32 - 2)):
        path = at / f"{uid}"
        path.write_bytes(b"o")
        os.chown(path, uid, gid)


def modes(at: Path) -> None:
    """Bits that a change of owner takes away."""
    for mode in (0o4755, 0o2755, 0o6711, 0o1644, 0o000):
        path = at / f"{mode:04o}"
        path.write_bytes(b"m")
        os.chown(path, 33, 44)
        path.chmod(mode)


def folder_modes(at: Path) -> None:
    """Each with something in it."""
    for mode in (0o1777, 0o2775, 0o500, 0o000):
        path = at / f"{mode:04o}"
        path.mkdir()
        (path / "inside").write_bytes(b"i")
        os.chown(path, 33, 44)
        path.chmod(mode)


def sparse(at: Path) -> None:
    """Three blocks in a sea of nothing."""
    with (at / "sparse").open("wb") as file:
        file.truncate(256 * MIB)
        for place in (0, 100 * MIB, 256 * MIB - 4096):
            file.seek(place)
            file.write(_noise(4096))


def edges(at: Path) -> None:
    """Holes where a tool may not look."""
    with (at / "end").open("wb") as file:
        file.write(_noise(65536))
        file.truncate(8 * MIB)
    with (at / "start").open("wb") as file:
        file.seek(8 * MIB)
        file.write(_noise(65536))
    with (at / "only").open("wb") as file:
        file.truncate(8 * MIB)


def reserved(at: Path) -> None:
    """Space without data, inside a file."""
    with (at / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4 * MIB)


def beyond(at: Path) -> None:
    """As databases reserve it for their logs."""
    import ctypes  # noqa: PLC0415 - Python's fallocate has no modes

    with (at / "beyond").open("wb") as file:
        file.write(_noise(65536))
        file.flush()
        libc = ctypes.CDLL(None, use_errno=True)
        place, length = ctypes.c_longlong(0), ctypes.c_longlong(2 * MIB)
        if libc.fallocate(file.fileno(), _KEEP_SIZE, place, length) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")


def reflink(at: Path) -> None:
    """Two files, one set of blocks."""
    (at / "first").write_bytes(_noise(MIB))
    with (at / "first").open("rb") as first, (at / "second").open("wb") as second:
        os.fsync(first.fileno())
        fcntl.ioctl(second, _FICLONE, first.fileno())


def user_xattrs(at: Path) -> None:
    """Values as large as every file system takes them; names are bytes."""
    path = at / "file"
    path.write_bytes(b"x")
    os.setxattr(path, "user.long", b"v" * 2500)
    os.setxattr(path, "user.empty", b"")
    os.setxattr(os.fsencode(path), b"user.\xff\xfe", b"\x00\x01")


def trusted_xattrs(at: Path) -> None:
    """For root only."""
    (at / "file").write_bytes(b"x")
    os.setxattr(at / "file", "trusted.hidden", b"\x00\xff")


def label(at: Path) -> None:
    """A label is copied as it is, whether this kernel knows SELinux or not."""
    (at / "file").write_bytes(b"x")
    os.setxattr(at / "file", "security.selinux", b"system_u:object_r:etc_t:s0\0")


def capability(at: Path) -> None:
    """cap_net_raw+ep; a later chown would take it away."""
    path = at / "file"
    path.write_bytes(b"x")
    os.chown(path, 5, 6)
    os.setxattr(path, "security.capability", struct.pack("<5I", 0x0200_0001, 1 << 13, 0, 0, 0))


def _an_acl() -> bytes:
    rows = ((1, 6, -1), (2, 4, 1234), (4, 4, -1), (16, 6, -1), (32, 0, -1))
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, who & 0xFFFFFFFF) for tag, bits, who in rows
    )


def acl(at: Path) -> None:
    """One named user."""
    (at / "file").write_bytes(b"x")
    os.setxattr(at / "file", "system.posix_acl_access", _an_acl())


def default_acl(at: Path) -> None:
    """What is made anew in the directory inherits; what was there before did not."""
    folder = at / "folder"
    folder.mkdir()
    (folder / "older").write_bytes(b"x")
    (folder / "below").mkdir()
    os.setxattr(folder, "system.posix_acl_default", _an_acl())
    (folder / "younger").write_bytes(b"x")


def symlink_xattr(at: Path) -> None:
    """Links take trusted.* only."""
    os.symlink("x", at / "link")
    os.setxattr(at / "link", "trusted.link", b"l", follow_symlinks=False)


def node_xattrs(at: Path) -> None:
    """Devices take trusted.* only."""
    os.mknod(at / "char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mkfifo(at / "fifo", 0o600)
    os.mknod(at / "sock", stat.S_IFSOCK | 0o600)
    for name in ("char", "fifo", "sock"):
        os.setxattr(at / name, "trusted.node", b"n", follow_symlinks=False)


def folder_xattrs(at: Path) -> None:
    """As container engines set them."""
    (at / "folder").mkdir()
    os.setxattr(at / "folder", "user.note", b"n")
    os.setxattr(at / "folder", "trusted.overlay.opaque", b"y")


def devices(at: Path) -> None:
    """Numbers that all three file systems hold."""
    os.mknod(at / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(at / "block", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    os.chown(at / "block", 0, 6)
    for name in ("null", "block"):
        os.chmod(at / name, 0o660)


def whiteout(at: Path) -> None:
    """A deleted file of a container's layer."""
    os.mknod(at / "gone", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    os.setxattr(at / "gone", "trusted.overlay.origin", b"o", follow_symlinks=False)


def fifo(at: Path) -> None:
    """With an owner."""
    os.mkfifo(at / "fifo", 0o611)
    os.chown(at / "fifo", 3, 4)


def socket(at: Path) -> None:
    """Its inode; nobody listens."""
    os.mknod(at / "sock", stat.S_IFSOCK | 0o755)
    os.chown(at / "sock", 3, 4)


def _at_time(path: Path, ns: int) -> None:
    os.utime(path, ns=(ns, ns), follow_symlinks=False)


def file_time(at: Path) -> None:
    """Two that differ in nanoseconds only."""
    for number in (1, 2):
        (at / f"f{number}").write_bytes(b"t")
        _at_time(at / f"f{number}", 1_700_000_000 * _NS + 123_456_788 + number)


def folder_time(at: Path) -> None:
    """Making what is in it must not make it young."""
    (at / "old/below").mkdir(parents=True)
    (at / "old/young").write_bytes(b"y")
    os.link(at / "old/young", at / "old/below/young-too")
    _at_time(at / "old/below", 1_000_000_000 * _NS + 2)
    _at_time(at / "old", 1_000_000_000 * _NS + 1)


def node_time(at: Path) -> None:
    """Within the second of their making, and long ago."""
    os.mknod(at / "char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mkfifo(at / "fifo", 0o600)
    _at_time(at / "char", 1_500_000_000 * _NS + 7)
    _at_time(at / "fifo", 1_500_000_000 * _NS + 8)


def before_1970(at: Path) -> None:
    """A negative number of nanoseconds."""
    (at / "file").write_bytes(b"t")
    (at / "folder").mkdir()
    _at_time(at / "file", -86_400 * _NS - 1)
    _at_time(at / "folder", -1)


def in_2100(at: Path) -> None:
    """Beyond 32 bits of seconds."""
    (at / "file").write_bytes(b"t")
    _at_time(at / "file", 4_102_444_800 * _NS + 5)


def immutable(at: Path) -> None:
    """A file that nobody may change."""
    (at / "file").write_bytes(b"fixed")
    add_flags(at / "file", 0x10)


def immutable_folder(at: Path) -> None:
    """Nothing can be made in it any more."""
    (at / "folder").mkdir()
    (at / "folder/in").write_bytes(b"in")
    add_flags(at / "folder", 0x10)


def append_only(at: Path) -> None:
    """A log."""
    (at / "log").write_bytes(b"line\n")
    add_flags(at / "log", 0x20)


def common_flags(at: Path) -> None:
    """Those that all three file systems have."""
    for name, flag in (("nodump", 0x40), ("noatime", 0x80), ("sync", 0x8)):
        (at / name).write_bytes(name.encode())
        add_flags(at / name, flag)


def sync_folder(at: Path) -> None:
    """Changes of a directory are written at once."""
    (at / "folder").mkdir()
    add_flags(at / "folder", 0x1_0000)


def top_folder(at: Path) -> None:
    """A directory that is the top of a hierarchy."""
    (at / "top").mkdir()
    add_flags(at / "top", 0x2_0000)


def compressed(at: Path) -> None:
    """The file system compresses what is written."""
    (at / "file").touch()
    add_flags(at / "file", 0x4)
    (at / "file").write_bytes(b"c" * 100_000)


def nocow(at: Path) -> None:
    """A database's file; the flag can be set while it is empty only."""
    (at / "file").touch()
    add_flags(at / "file", 0x80_0000)
    (at / "file").write_bytes(b"x" * 100_000)


def project(at: Path) -> None:
    """A quota's number, of a file and of a directory."""
    (at / "file").write_bytes(b"p")
    (at / "folder").mkdir()
    set_project(at / "file", 4242)
    set_project(at / "folder", 2**31 + 5)


def project_folder(at: Path) -> None:
    """New files get the directory's project; the one that was there before has none."""
    (at / "folder").mkdir()
    (at / "folder/older").write_bytes(b"o")
    set_project(at / "folder", 77)
    add_flags(at / "folder", 0x2000_0000)
    (at / "folder/younger").write_bytes(b"y")


def hidden(at: Path) -> None:
    """Something will be mounted on the directory while it is copied."""
    (at / "mounted-on").mkdir()
    (at / "mounted-on/hidden").write_bytes(b"under the mount")
