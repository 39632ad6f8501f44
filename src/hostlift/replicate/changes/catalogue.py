# SPDX-License-Identifier: Apache-2.0
"""Which change tracker is for which file system."""

from __future__ import annotations

import ctypes
import os
from functools import partial

from hostlift.replicate.changes import Tracker
from hostlift.replicate.changes.btrfs import Btrfs
from hostlift.replicate.changes.device import open_device
from hostlift.replicate.changes.ext4 import Ext4
from hostlift.replicate.changes.xfs import Xfs

_EXT4 = 0xEF53
_XFS = 0x58465342
_BTRFS = 0x9123683E

_libc = ctypes.CDLL(None, use_errno=True)


def tracker_of(root: int) -> Tracker | None:
    """The tracker for a mounted file system, or None: walk the tree.

    Whether it really works here shows when its first mark is taken.

    Args:
        root: Descriptor of the root directory of a source tree, opened for reading. It stays the
            caller's, and open for as long as the tracker is used.
    """
    kind = _kind(root)
    if kind == _EXT4:
        return Ext4(partial(open_device, os.fstat(root).st_dev))
    if kind == _XFS:
        return Xfs(root)
    if kind == _BTRFS:
        return Btrfs(root)
    return None


def _kind(fd: int) -> int:
    """The magic number that the kernel gives for a file system (statfs(2), ``f_type``)."""
    answer = (ctypes.c_long * 64)()
    if _libc.fstatfs(fd, answer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "fstatfs")
    return int(answer[0]) & 0xFFFF_FFFF
