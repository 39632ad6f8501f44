# SPDX-License-Identifier: Apache-2.0
"""A guest's file tree below a directory of ours.

Promises (beyond `hostlift.ports.tree`): no link of the guest leads out of the root; a FIFO or a
device node is never opened; the immutable and append-only flags of an edited file are lifted for
the edit and set again, with the others; a folder in which something was edited keeps its
modification time. An edited file that had several names (hard links) is one of its own afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hostlift.host.beneath import open_folder
from hostlift.ports.tree import PROTECTED, SETTABLE, Attributes, Stat

_MAX_LINKS = 40
_GETFLAGS = 0x80086601
_SETFLAGS = 0x40086602
_FALLBACK_MODE = 0o644
_NEW = (
    ".hostlift-edit"  # one fixed name: what a crash left is taken away by the same edit, repeated
)


@dataclass(frozen=True, slots=True)
class _Place:
    """An open folder and a name in it; ``.`` names the folder itself."""

    folder: int
    name: str

    def status(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)

    def status_or_none(self) -> os.stat_result | None:
        try:
            return self.status()
        except FileNotFoundError:
            return None


class RootTree:
    """`hostlift.ports.tree.Tree` over the directory ``root``; mounts below it belong to it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        """See the port."""
        with self._place(path, follow=True) as place:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            _require_file(place.status(), path)
            with open(os.open(place.name, flags, dir_fd=place.folder), "rb") as file:
                return file.read()

    def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        """See the port."""
        with self._place(path, follow=True) as place, _folder_kept(place.folder):
            old = place.status_or_none()
            if old is not None:
                _require_file(old, path)
            with _protection_lifted(place):
                _replace(place, data, old, mode)

    def exists(self, path: str) -> bool:
        """See the port."""
        try:
            with self._place(path, follow=False) as place:
                return place.status_or_none() is not None
        except (FileNotFoundError, NotADirectoryError):
            return False

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """See the port."""
        with self._place(path, follow=follow) as place:
            status = place.status()
        return Stat(
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            size=status.st_size,
            kind=_kind(status.st_mode),
            mtime_ns=status.st_mtime_ns,
            names=status.st_nlink,
        )

    def listdir(self, path: str) -> list[str]:
        """See the port."""
        with self._root_descriptor() as root:
            folder = open_folder(root, path)
        try:
            return sorted(os.listdir(folder))
        finally:
            os.close(folder)

    def readlink(self, path: str) -> str:
        """See the port."""
        with self._place(path, follow=False) as place:
            return os.readlink(place.name, dir_fd=place.folder)

    def symlink(self, path: str, target: str) -> None:
        """See the port."""
        with self._place(path, follow=False) as place, _folder_kept(place.folder):
            old = place.status_or_none()
            if old is not None and stat.S_ISDIR(old.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            _clear_new(place)
            with _protection_lifted(place, again=False):
                os.symlink(target, _NEW, dir_fd=place.folder)
                os.replace(_NEW, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        """See the port."""
        done = ""
        for part in (p for p in path.split("/") if p):
            done += "/" + part
            with self._place(done, follow=True) as place:
                if place.status_or_none() is None:
                    with _folder_kept(place.folder):
                        os.mkdir(place.name, mode, dir_fd=place.folder)
                        os.chmod(place.name, mode, dir_fd=place.folder)
                elif not stat.S_ISDIR(place.status().st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), done)

    def remove(self, path: str) -> None:
        """See the port."""
        try:
            with self._place(path, follow=False) as place:
                old = place.status_or_none()
                if old is None:
                    return
                with _folder_kept(place.folder), _protection_lifted(place, again=False):
                    _unlink(place, old)
        except (FileNotFoundError, NotADirectoryError):
            return

    def touch(self, path: str, mtime_ns: int) -> None:
        """See the port."""
        with self._place(path, follow=False) as place:
            before = place.status()
            times = (before.st_atime_ns, mtime_ns)
            os.utime(place.name, ns=times, dir_fd=place.folder, follow_symlinks=False)

    def attributes(self, path: str) -> Attributes:
        """See the port."""
        with self._place(path, follow=False) as place:
            status = place.status()
            return Attributes(
                mode=stat.S_IMODE(status.st_mode),
                uid=status.st_uid,
                gid=status.st_gid,
                mtime_ns=status.st_mtime_ns,
                flags=_file_flags(place) & SETTABLE,
                xattrs=_xattrs(place),
            )

    def set_attributes(self, path: str, wanted: Attributes) -> None:
        """See the port."""
        with self._place(path, follow=False) as place:
            before = place.status()
            flags = _file_flags(place)
            if flags & PROTECTED:
                _set_file_flags(place, flags & ~PROTECTED)
            if (before.st_uid, before.st_gid) != (wanted.uid, wanted.gid):
                os.chown(
                    place.name,
                    wanted.uid,
                    wanted.gid,
                    dir_fd=place.folder,
                    follow_symlinks=False,
                )
            if not stat.S_ISLNK(before.st_mode):
                os.chmod(place.name, wanted.mode, dir_fd=place.folder)
            _set_xattrs(place, wanted.xattrs)
            times = (before.st_atime_ns, wanted.mtime_ns)
            os.utime(place.name, ns=times, dir_fd=place.folder, follow_symlinks=False)
            _restore_flags(place, wanted.flags)

    @contextlib.contextmanager
    def _root_descriptor(self) -> Iterator[int]:
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield root
        finally:
            os.close(root)

    @contextlib.contextmanager
    def _place(self, path: str, *, follow: bool) -> Iterator[_Place]:
        """Where ``path`` is; with ``follow`` a link there leads on, dangling ones to a free name."""
        with self._root_descriptor() as root:
            place = _locate(root, path)
            try:
                for _ in range(_MAX_LINKS):
                    status = place.status_or_none() if follow else None
                    if status is None or not stat.S_ISLNK(status.st_mode):
                        break
                    target = os.readlink(place.name, dir_fd=place.folder)
                    path = target if target.startswith("/") else f"{_folder_of(path)}/{target}"
                    left, place = place, _locate(root, path)
                    os.close(left.folder)
                else:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                yield place
            finally:
                os.close(place.folder)


def _locate(root: int, path: str) -> _Place:
    stripped = path.rstrip("/")
    name = stripped.rpartition("/")[2]
    if name in {"", ".", ".."}:
        return _Place(open_folder(root, path), ".")
    return _Place(open_folder(root, _folder_of(stripped)), name)


def _folder_of(path: str) -> str:
    # Never normalised by text: ".." after a link must go to the parent of the link's target.
    return path.rstrip("/").rpartition("/")[0]


def _require_file(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def _replace(place: _Place, data: bytes, old: os.stat_result | None, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    _clear_new(place)
    try:
        descriptor = os.open(_NEW, flags, 0o600, dir_fd=place.folder)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _like(place, descriptor, old, mode)
            os.fsync(descriptor)
        os.replace(_NEW, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        _clear_new(place)
        raise


def _clear_new(place: _Place) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_NEW, dir_fd=place.folder)


def _like(place: _Place, new: int, old: os.stat_result | None, mode: int | None) -> None:
    """Owner, mode and xattrs (ACLs, SELinux label) of the old file, in the order that keeps them."""
    if old is None:
        os.fchmod(new, _FALLBACK_MODE if mode is None else mode)
        return
    os.fchown(new, old.st_uid, old.st_gid)
    os.fchmod(new, stat.S_IMODE(old.st_mode) if mode is None else mode)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    source = os.open(place.name, flags, dir_fd=place.folder)
    try:
        for name in os.listxattr(source):
            os.setxattr(new, name, os.getxattr(source, name))
    finally:
        os.close(source)


def _unlink(place: _Place, old: os.stat_result) -> None:
    if stat.S_ISDIR(old.st_mode):
        os.rmdir(place.name, dir_fd=place.folder)
    else:
        os.unlink(place.name, dir_fd=place.folder)


@contextlib.contextmanager
def _folder_kept(folder: int) -> Iterator[None]:
    """A folder's time and protection are part of the copy: an edit inside must not change them."""
    before = os.fstat(folder)
    flags = _flags_of(folder)
    if flags & PROTECTED:
        _set_flags_of(folder, flags & ~PROTECTED)
    try:
        yield
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    finally:
        if flags & PROTECTED:
            _set_flags_of(folder, flags)


@contextlib.contextmanager
def _protection_lifted(place: _Place, *, again: bool = True) -> Iterator[None]:
    flags = _file_flags(place)
    if flags & PROTECTED:
        _set_file_flags(place, flags & ~PROTECTED)
    try:
        yield
    finally:
        if again:
            _restore_flags(place, flags & SETTABLE)


def _restore_flags(place: _Place, wanted: int) -> None:
    """Set the settable flags; one that this file system refuses must not cost the protection."""
    now = _file_flags(place)
    for flags in (wanted, wanted & PROTECTED):
        if now & SETTABLE == flags:
            return
        try:
            _set_file_flags(place, now & ~SETTABLE | flags)
        except OSError:
            continue
        return


def _xattrs(place: _Place) -> tuple[tuple[str, bytes], ...]:
    path = f"/proc/self/fd/{place.folder}/{place.name}"
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError:
        return ()  # this file system keeps none
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def _set_xattrs(place: _Place, wanted: tuple[tuple[str, bytes], ...]) -> None:
    path = f"/proc/self/fd/{place.folder}/{place.name}"
    now = dict(_xattrs(place))
    with contextlib.suppress(OSError):  # what the target cannot hold was told before the copy
        for name in now.keys() - dict(wanted).keys():
            os.removexattr(path, name, follow_symlinks=False)
        for name, value in wanted:
            if now.get(name) != value:
                os.setxattr(path, name, value, follow_symlinks=False)


def _file_flags(place: _Place) -> int:
    """The ``lsattr`` flags of a regular file; 0 where there are none."""
    status = place.status_or_none()
    if status is None or not stat.S_ISREG(status.st_mode):
        return 0
    with _opened(place) as descriptor:
        return _flags_of(descriptor)


def _set_file_flags(place: _Place, flags: int) -> None:
    with _opened(place) as descriptor:
        _set_flags_of(descriptor, flags)


def _flags_of(descriptor: int) -> int:
    try:
        answer = fcntl.ioctl(descriptor, _GETFLAGS, bytes(8))
    except OSError:
        return 0  # this file system keeps no flags
    return int.from_bytes(answer[:4], "little")


def _set_flags_of(descriptor: int, flags: int) -> None:
    fcntl.ioctl(descriptor, _SETFLAGS, flags.to_bytes(8, "little"))


@contextlib.contextmanager
def _opened(place: _Place) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(place.name, flags, dir_fd=place.folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "dir"
    return "link" if stat.S_ISLNK(mode) else "other"
