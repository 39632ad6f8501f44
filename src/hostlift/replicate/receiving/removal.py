# SPDX-License-Identifier: Apache-2.0
"""Removing whatever is at a name, and clearing the flags that forbid it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from hostlift.replicate.fs.attributes import unpin
from hostlift.replicate.fs.directories import Directories

_TRIES = 3
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def unlock(directory: int, name: bytes) -> bool:
    """Clear immutable and append of a directory and of an object in it; True when one was set."""
    found = unpin(directory)
    try:
        st = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return found
    if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        fd = os.open(name, _OPEN, dir_fd=directory)
        try:
            found = unpin(fd) or found
        finally:
            os.close(fd)
    return found


def remove_tree(directory: int, name: bytes) -> None:
    """Nothing is at ``name`` afterwards, whatever it was and whatever was in it."""
    stack = [(directory, name)]
    try:
        while stack:
            where, what = stack[-1]
            if _gone(where, what):
                stack.pop()
                if where != directory and (not stack or stack[-1][0] != where):
                    os.close(where)
            else:
                fd = os.open(what, _OPEN | os.O_DIRECTORY, dir_fd=where)
                inner = [(fd, os.fsencode(n)) for n in os.listdir(fd)]
                stack += inner
                if not inner:
                    os.close(fd)
    finally:
        for fd in {w for w, _ in stack} - {directory}:
            os.close(fd)


def _gone(directory: int, name: bytes) -> bool:
    """Remove one object; False for a directory with something in it."""
    for _ in range(2):
        try:
            _remove_one(directory, name)
        except FileNotFoundError:
            return True
        except PermissionError:
            if not unlock(directory, name):
                raise
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return False
            raise
        else:
            return True
    _remove_one(directory, name)
    return True


def _remove_one(directory: int, name: bytes) -> None:
    st = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if stat.S_ISDIR(st.st_mode):
        os.rmdir(name, dir_fd=directory)
    else:
        os.unlink(name, dir_fd=directory)


def way_to(directories: Directories, path: bytes) -> tuple[int, bytes]:
    """Descriptor of the directory that ``path`` goes into, and its name there.

    Directories on the way are made; whatever else is in their places is removed.
    """
    try:
        return directories.locate(path, make=True)
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
    end = path.find(b"/")
    while end >= 0:
        make_directory(directories, path[:end])
        end = path.find(b"/", end + 1)
    return directories.locate(path)


def make_directory(directories: Directories, path: bytes) -> None:
    """A directory is at ``path`` afterwards; one that is there stays as it is."""
    directory, name = way_to(directories, path)
    for _ in range(_TRIES):
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                return
            # Not a tree: by now another connection may have made the directory, and filled it.
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(name, dir_fd=directory)
        except PermissionError:
            if not unlock(directory, name):
                raise
        else:
            return
