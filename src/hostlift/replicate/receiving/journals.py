# SPDX-License-Identifier: Apache-2.0
"""The redo journals of a volume: a folder in `RESERVED` that outlives passes.

One connection at a time works on a file and so on its journal. `Journals.sweep` runs while nobody
does: when a pass is admitted and when its files are done.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from blake3 import blake3

from hostlift.replicate import ops
from hostlift.replicate.fs.directories import Directories, opened_tree
from hostlift.replicate.receiving.redo import Journal
from hostlift.replicate.receiving.removal import remove_tree, unlock
from hostlift.replicate.source import RESERVED

_FOLDER = b"redo"
_PLACE = RESERVED + b"/" + _FOLDER
_JOURNAL = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EXDEV})
"""Errors that say: no regular file is there, or none that is reached without leaving the volume."""

_SPARED = 32
"""A journal never takes the last 1/32 of a volume: the other files of a pass need room as well."""


class Journals:
    """The journals of the volume whose root is ``root``."""

    def __init__(self, root: int, directories: Directories) -> None:
        self._root = root
        self._directories = directories

    def start(self, path: bytes, inode: int) -> Journal:
        """The journal of a file, with what earlier passes left in it."""
        found = self.find(path, inode)
        if found is not None:
            return found
        how = _JOURNAL | os.O_CREAT | os.O_EXCL
        journal = Journal(os.open(_name(path), how, 0o600, dir_fd=self._folder()))
        try:
            journal.about(inode, path)
        except BaseException:
            journal.close()
            raise
        return journal

    def find(self, path: bytes, inode: int) -> Journal | None:
        """The journal of a file, if there is one; a committed one is carried out first, and gone."""
        try:
            fd = os.open(_name(path), _JOURNAL, dir_fd=self._directories.open(_PLACE))
        except FileNotFoundError:
            return None
        journal = Journal(fd)
        if journal.inode == inode and not journal.committed:
            return journal
        try:
            self._carry_out(journal)
        finally:
            journal.close()
        self.drop(path)
        return None

    def drop(self, path: bytes) -> None:
        """The file has no journal any more."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_name(path), dir_fd=self._directories.open(_PLACE))

    def has_room(self, size: int) -> bool:
        """Whether the volume can spare ``size`` more bytes for a journal."""
        room = os.fstatvfs(self._root)
        return room.f_bavail >= room.f_blocks // _SPARED + size // room.f_frsize

    def sweep(self) -> None:
        """Leave nothing in `RESERVED` but changes that a later pass will go on with.

        Changes that were committed are written to their files; those of files that are gone are
        dropped. What the volume has no room for waits until its file is touched again.
        """
        try:
            reserved = os.dup(self._directories.open(RESERVED))
        except OSError as error:
            if error.errno not in GONE:
                raise
            remove_tree(self._root, RESERVED)
            return
        try:
            for name in set(os.listdir(reserved)) - {os.fsdecode(_FOLDER)}:
                remove_tree(reserved, os.fsencode(name))
        finally:
            os.close(reserved)
        self._settle()

    def _settle(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            folder = os.dup(self._directories.open(_PLACE))
            try:
                for name in os.listdir(folder):
                    self._settle_one(folder, os.fsencode(name))
            finally:
                os.close(folder)
        self._directories.clear()
        for path in (_PLACE, RESERVED):
            with contextlib.suppress(OSError):  # a later pass needs what is in it
                os.rmdir(path, dir_fd=self._root)

    def _settle_one(self, folder: int, name: bytes) -> None:
        journal = Journal(os.open(name, _JOURNAL, dir_fd=folder))
        try:
            if journal.committed or not self._is_wanted(journal):
                self._carry_out(journal)
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
        finally:
            journal.close()

    def _is_wanted(self, journal: Journal) -> bool:
        fd = self._open(journal)
        if fd is not None:
            os.close(fd)
        return fd is not None

    def _carry_out(self, journal: Journal) -> None:
        fd = self._open(journal) if journal.committed else None
        if fd is not None:
            try:
                journal.apply(fd)
            finally:
                os.close(fd)

    def _open(self, journal: Journal) -> int | None:
        """The very file that a journal is about; None when it is there no more."""
        if not journal.inode:
            return None
        try:
            fd = open_large(*self._directories.locate(ops.safe_path(journal.path)))
        except OSError as error:
            if error.errno in GONE:
                return None
            raise
        if os.fstat(fd).st_ino == journal.inode:
            return fd
        os.close(fd)
        return None

    def _folder(self) -> int:
        try:
            return self._directories.open(_PLACE)
        except FileNotFoundError:
            unlock(self._root, b".")
            for path in (RESERVED, _PLACE):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path, 0o700, dir_fd=self._root)
            return self._directories.open(_PLACE)


def open_large(directory: int, name: bytes) -> int:
    """Descriptor of a regular file, to read and write, flags that forbid it cleared.

    Raises:
        OSError: ENOENT, ELOOP, EISDIR, ENXIO: there is no such file.
    """
    try:
        fd = os.open(name, _FILE, dir_fd=directory)
    except PermissionError:
        if not unlock(directory, name):
            raise
        fd = os.open(name, _FILE, dir_fd=directory)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.ENXIO, "not a regular file")


def recover(volume: Path) -> None:
    """Bring the large files of a mounted volume to what was committed for them.

    For who uses a volume that no pass may follow on; a pass does this itself. Nobody may be
    writing to the volume.
    """
    with opened_tree(volume) as root:
        directories = Directories(root)
        try:
            Journals(root, directories).sweep()
        finally:
            directories.clear()


def _name(path: bytes) -> bytes:
    return blake3(path).hexdigest(length=20).encode()
