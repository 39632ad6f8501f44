# SPDX-License-Identifier: Apache-2.0
"""Blocks that two files of the target have in common."""

from __future__ import annotations

import errno
import os

from hostlift.replicate import ops
from hostlift.replicate.fs import kernel
from hostlift.replicate.fs.directories import Directories

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_HARM = frozenset(
    {
        errno.EOPNOTSUPP,
        errno.ENOTTY,
        errno.EINVAL,
        errno.EXDEV,
        errno.EPERM,
        errno.EACCES,
        errno.ETXTBSY,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
    }
)
"""The file system shares nothing, or not between these, or they are not there any more."""


def share(directories: Directories, op: ops.Share) -> None:
    """Have both files use the same blocks as far as they are equal: content never changes."""
    try:
        donor = _opened(directories, op.donor)
        try:
            fd = _opened(directories, op.path)
            try:
                kernel.dedupe(donor, op.donor_offset, fd, op.offset, op.length)
            finally:
                os.close(fd)
        finally:
            os.close(donor)
    except OSError as error:
        if error.errno not in _NO_HARM:
            raise


def _opened(directories: Directories, path: bytes) -> int:
    directory, name = directories.locate(path)
    return os.open(name, _READ, dir_fd=directory)
