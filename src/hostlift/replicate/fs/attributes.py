# SPDX-License-Identifier: Apache-2.0
"""Reading and writing an object's metadata, in the one order that keeps all of it.

This is also the one place that says which metadata are compared: both ends of a copy build
`Meta` here. Not compared, because nobody can set them or they mean nothing elsewhere: atime, ctime,
btime; the HMAC ``security.evm`` (bound to the inode); ACLs of network file systems; flags the
kernel keeps for itself (extents, inline data, verity, encryption, casefolding). Of symbolic links,
devices, fifos and sockets flags and project id are not read: they would have to be opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from hostlift.model.entry import Kind, Meta
from hostlift.replicate.fs import kernel

IMMUTABLE = 0x10
APPEND = 0x20
NOCOW = 0x0080_0000
PINNING = IMMUTABLE | APPEND
"""Flags that forbid every further change: set last, cleared first."""

COMPARED_FLAGS = (
    0x1  # s secure deletion
    | 0x2  # u undelete
    | 0x4  # c compressed
    | 0x8  # S synchronous
    | PINNING
    | 0x40  # d no dump
    | 0x80  # A no atime
    | 0x400  # X not compressed
    | 0x4000  # j data journalling
    | 0x8000  # t no tail merging
    | 0x1_0000  # D synchronous directory
    | 0x2_0000  # T top of a hierarchy
    | NOCOW
    | 0x2000_0000  # P project inheritance
)

_IGNORED_XATTRS = frozenset({b"security.evm", b"system.nfs4_acl", b"system.cifs_acl"})
_IGNORED_PREFIXES = (
    b"system.ntfs_",
    b"system.smb3_",
    b"trusted.SGI_ACL_",  # xfs shows each ACL a second time under this name
)

_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
}

USUAL_TIMES = range((1 << 31) * 10**9)
"""What every file system can hold; beyond it some keep the nearest time that they can."""

Place = int | bytes
"""An open object, or its name below ``/proc/self/fd`` for those that cannot be opened."""

Extras = tuple[tuple[tuple[bytes, bytes], ...], int, int]
"""Extended attributes, flags, project id."""

_REFUSALS = frozenset(
    {
        errno.ENOTSUP,
        errno.EINVAL,
        errno.EPERM,
        errno.EACCES,
        errno.E2BIG,
        errno.ERANGE,
        errno.ENOSPC,  # of setxattr: the file system's area for attributes is full, not the disk
        errno.ENOTTY,
        errno.ENOSYS,
        errno.EOVERFLOW,
    }
)


def kind_of(mode: int) -> Kind:
    """The kind that ``st_mode`` says."""
    return _KINDS[stat.S_IFMT(mode)]


def device_of(st: os.stat_result, kind: Kind) -> tuple[int, int]:
    """Major and minor number of a device, zeros of anything else."""
    if kind is Kind.CHAR_DEVICE or kind is Kind.BLOCK_DEVICE:
        return os.major(st.st_rdev), os.minor(st.st_rdev)
    return 0, 0


def by_name(directory: int, name: bytes) -> bytes:
    """A path to an object that is not opened; the last name must not be followed."""
    return b"/proc/self/fd/%d/%s" % (directory, name)


def read_opened(fd: int, st: os.stat_result) -> Meta:
    """Metadata of an open regular file or directory."""
    xattrs, flags, project = read_extras(fd)
    return Meta(
        mode=st.st_mode & 0o7777,
        uid=st.st_uid,
        gid=st.st_gid,
        mtime_ns=st.st_mtime_ns,
        xattrs=xattrs,
        flags=flags,
        project=project,
    )


def read_extras(fd: int) -> Extras:
    """What `os.fstat` does not tell of `Meta`: extended attributes, flags, project id."""
    return read_xattrs(fd), read_flags(fd) & COMPARED_FLAGS, read_project(fd)


def read_named(directory: int, name: bytes, st: os.stat_result) -> Meta:
    """Metadata of a symbolic link, device, fifo or socket."""
    mode = 0o777 if stat.S_ISLNK(st.st_mode) else st.st_mode & 0o7777
    return Meta(
        mode=mode,
        uid=st.st_uid,
        gid=st.st_gid,
        mtime_ns=st.st_mtime_ns,
        xattrs=read_xattrs(by_name(directory, name)),
    )


def read_xattrs(place: Place) -> tuple[tuple[bytes, bytes], ...]:
    """All compared extended attributes, sorted; one that vanishes meanwhile is left out."""
    names = _list_xattrs(place)
    if not names:
        return ()
    found = []
    for name in names:
        try:
            found.append((name, _get_xattr(place, name)))
        except OSError as error:
            if error.errno not in {errno.ENODATA, errno.EOPNOTSUPP}:
                raise
    found.sort()
    return tuple(found)


def _list_xattrs(place: Place) -> list[bytes]:
    try:
        if isinstance(place, int):
            names = os.listxattr(place)
        else:
            names = os.listxattr(place, follow_symlinks=False)
    except OSError as error:
        if error.errno in {errno.EOPNOTSUPP, errno.ENOSYS}:
            return []
        raise
    if not names:
        return []
    return [raw for raw in map(os.fsencode, names) if _is_compared(raw)]


def _is_compared(name: bytes) -> bool:
    return name not in _IGNORED_XATTRS and not name.startswith(_IGNORED_PREFIXES)


def _get_xattr(place: Place, name: bytes) -> bytes:
    if isinstance(place, int):
        return os.getxattr(place, name)
    return os.getxattr(place, name, follow_symlinks=False)


def read_flags(fd: int) -> int:
    """All flag bits; 0 where the file system has none."""
    try:
        return kernel.get_flags(fd)
    except OSError:
        return 0


def read_project(fd: int) -> int:
    """Project id; 0 where the file system has none."""
    try:
        return kernel.get_project(fd)
    except OSError:
        return 0


def unpin(fd: int) -> bool:
    """Clear immutable and append; True when one of them was set."""
    flags = read_flags(fd)
    if not flags & PINNING:
        return False
    kernel.set_flags(fd, flags & ~PINNING)
    return True


def set_nocow(fd: int, flags: int) -> None:
    """Turn off copy-on-write when wanted; only possible while a file is empty."""
    if flags & NOCOW:
        try:
            kernel.set_flags(fd, kernel.get_flags(fd) | NOCOW)
        except OSError:
            return  # the comparison of flags at the end reports it


class Applier:
    """Writes metadata; what the file system refuses is collected, not hidden.

    Attributes:
        refused: One sentence for each refused item of the object at hand.
    """

    def __init__(self) -> None:
        self.refused: list[str] = []

    def opened(self, fd: int, meta: Meta, *, pin: bool) -> None:
        """Metadata of an open file or directory: owner, mode, xattrs, project, flags, times.

        Args:
            pin: Set immutable and append too; otherwise they are left for the end of the pass.
        """
        now = read_flags(fd)
        if now & PINNING:
            unpin(fd)
            now &= ~PINNING
        _own(fd, meta)
        self._xattrs(fd, meta)
        self._project(fd, meta.project)
        wanted = meta.flags & ~PINNING
        if now & COMPARED_FLAGS != wanted:
            self._flags(fd, (now & ~COMPARED_FLAGS) | wanted, wanted)
        self._time(fd, meta.mtime_ns)
        if pin and meta.flags & PINNING:
            self._flags(fd, read_flags(fd) | meta.flags & PINNING, meta.flags)

    def born(self, fd: int, meta: Meta, *, plain: bool) -> bool:
        """Metadata of a regular file just made, but for immutable and append.

        Args:
            plain: Files made in its directory are known to inherit nothing from it.

        Returns:
            True when this one inherited nothing: no attribute, no flag, no project.
        """
        if meta.flags & NOCOW or not (plain or _is_plain(fd)):
            self.opened(fd, meta, pin=False)
            return False
        _own(fd, meta)
        for name, value in meta.xattrs:
            self._try(f"attribute {show(name)} refused", _set, fd, name, value, True)
        if meta.project:
            self._project(fd, meta.project)
        wanted = meta.flags & ~PINNING
        if wanted:
            self._flags(fd, read_flags(fd) | wanted, wanted)
        self._time(fd, meta.mtime_ns)
        return True

    def named(self, directory: int, name: bytes, meta: Meta, kind: Kind) -> None:
        """Metadata of a symbolic link, device, fifo or socket, which is never opened."""
        os.chown(name, meta.uid, meta.gid, dir_fd=directory, follow_symlinks=False)
        if kind is not Kind.SYMLINK:
            os.chmod(name, meta.mode, dir_fd=directory)
        self._xattrs(by_name(directory, name), meta)
        times = (meta.mtime_ns, meta.mtime_ns)
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)
        if meta.mtime_ns not in USUAL_TIMES:
            st = os.stat(name, dir_fd=directory, follow_symlinks=False)
            self._is_kept(st, meta.mtime_ns)

    def _time(self, fd: int, mtime_ns: int) -> None:
        os.utime(fd, ns=(mtime_ns, mtime_ns))
        if mtime_ns not in USUAL_TIMES:
            self._is_kept(os.fstat(fd), mtime_ns)

    def _is_kept(self, st: os.stat_result, mtime_ns: int) -> None:
        """The kernel says nothing when it takes the nearest time that the file system can hold."""
        if st.st_mtime_ns != mtime_ns:
            self.refused.append(f"time {mtime_ns} ns became {st.st_mtime_ns} ns")

    def _xattrs(self, place: Place, meta: Meta) -> None:
        present = _list_xattrs(place)
        if not present and not meta.xattrs:
            return
        follow = isinstance(place, int)
        wanted = dict(meta.xattrs)
        for name in present:
            if name not in wanted:
                self._try(f"attribute {show(name)} cannot be removed", _remove, place, name, follow)
        for name, value in meta.xattrs:
            self._try(f"attribute {show(name)} refused", _set, place, name, value, follow)

    def _project(self, fd: int, project: int) -> None:
        if read_project(fd) != project:
            self._try(f"project id {project} refused", kernel.set_project, fd, project)

    def _flags(self, fd: int, flags: int, wanted: int) -> None:
        try:
            kernel.set_flags(fd, flags)
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
            self._each_flag(fd, wanted)

    def _each_flag(self, fd: int, wanted: int) -> None:
        """A file system refuses all flags for one that it lacks: those that it has are kept."""
        for bit in (1 << n for n in range(wanted.bit_length())):
            if wanted & bit:
                self._try(f"flag {bit:#x} refused", kernel.set_flags, fd, read_flags(fd) | bit)

    def _try(self, what: str, call: Callable[..., None], *args: object) -> None:
        try:
            call(*args)
        except OSError as error:
            if error.errno == errno.ENODATA:
                return  # it went with another one
            if error.errno not in _REFUSALS:
                raise
            self.refused.append(f"{what}: {error.strerror}")


def _own(fd: int, meta: Meta) -> None:
    """Owner, then mode: a change of owner takes suid and sgid away."""
    st = os.fstat(fd)
    if st.st_uid != meta.uid or st.st_gid != meta.gid:
        os.fchown(fd, meta.uid, meta.gid)
        st = os.fstat(fd)
    if st.st_mode & 0o7777 != meta.mode:
        os.fchmod(fd, meta.mode)


def _is_plain(fd: int) -> bool:
    """Whether a file just made has nothing that it could have inherited from its directory."""
    return not (read_flags(fd) & COMPARED_FLAGS or _list_xattrs(fd) or read_project(fd))


def _set(place: Place, name: bytes, value: bytes, follow: bool) -> None:
    os.setxattr(place, name, value, follow_symlinks=follow)


def _remove(place: Place, name: bytes, follow: bool) -> None:
    os.removexattr(place, name, follow_symlinks=follow)


def show(raw: bytes) -> str:
    r"""A name for a person: bytes that are not UTF-8 as ``\xNN``."""
    return raw.decode("utf-8", "backslashreplace")
