# SPDX-License-Identifier: Apache-2.0
"""Opening directories so that no link leads out of a root.

Promise: every component, link targets included, is resolved as after a chroot. The kernel does it
(openat2, Linux 5.6); where it cannot, a walk by descriptors does, one component at a time.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct

_NR_OPENAT2 = 437
_NO_XDEV = 0x01
_NO_MAGICLINKS = 0x02
_NO_SYMLINKS = 0x04
_IN_ROOT = 0x10
_MAX_LINKS = 40
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def open_folder(root: int, path: str) -> int:
    """A descriptor of the directory ``path`` (links followed) inside the directory ``root``.

    Raises:
        FileNotFoundError: It, or something on the way, does not exist.
        NotADirectoryError: It, or something on the way, is no directory.
        OSError: Too many links.
    """
    try:
        return _openat2(root, path.strip("/") or ".", _IN_ROOT | _NO_MAGICLINKS)
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM}:
            raise
    return walk_folder(root, path)


def open_child_folder(parent: int, name: str) -> int | None:
    """The directory ``name`` in ``parent``; None when it is a link or where another mount begins."""
    try:
        return _openat2(parent, name, _NO_XDEV | _NO_SYMLINKS)
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.ELOOP}:
            return None
        if error.errno not in {errno.ENOSYS, errno.EPERM}:
            raise
    child = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    if os.fstat(child).st_dev == os.fstat(parent).st_dev:
        return child
    os.close(child)
    return None


def walk_folder(root: int, path: str) -> int:
    """`open_folder` for kernels without openat2."""
    stack = [os.dup(root)]
    todo = _parts(path)
    links = 0
    try:
        while todo:
            name = todo.pop()
            if name == "..":
                if len(stack) > 1:
                    os.close(stack.pop())
                continue
            status = os.stat(name, dir_fd=stack[-1], follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                stack.append(os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=stack[-1]))
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(name, dir_fd=stack[-1])
            while target.startswith("/") and len(stack) > 1:
                os.close(stack.pop())
            todo.extend(_parts(target))
        return os.dup(stack[-1])
    finally:
        for descriptor in stack:
            os.close(descriptor)


def _parts(path: str) -> list[str]:
    """Components, the first one last, as a stack."""
    return [p for p in reversed(path.split("/")) if p not in {"", "."}]


def _openat2(folder: int, path: str, resolve: int) -> int:
    how = struct.pack("=QQQ", _DIRECTORY, 0, resolve)  # struct open_how: flags, mode, resolve
    libc = ctypes.CDLL(None, use_errno=True)
    while True:
        descriptor = libc.syscall(
            ctypes.c_long(_NR_OPENAT2),
            ctypes.c_int(folder),
            os.fsencode(path),
            how,
            ctypes.c_size_t(len(how)),
        )
        if descriptor >= 0:
            return int(descriptor)
        number = ctypes.get_errno()
        # EAGAIN: somebody renamed a directory meanwhile and ".." could not be proved to stay inside.
        if number not in {errno.EINTR, errno.EAGAIN}:
            raise OSError(number, os.strerror(number), path)
