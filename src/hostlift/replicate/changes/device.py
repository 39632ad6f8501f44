# SPDX-License-Identifier: Apache-2.0
"""The block device under a mounted file system, by its number.

Only the number counts, so loops, LVM, md and LUKS mappings are all the same here; the name that the
kernel gives it is a help, not a need.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from hostlift.replicate.changes import Untrackable

_READ = os.O_RDONLY | os.O_CLOEXEC
_SYS = Path("/sys")
_DEV = Path("/dev")


def open_device(number: int, *, sys: Path = _SYS, dev: Path = _DEV) -> int:
    """A descriptor to read the device through its page cache, which file systems share.

    Args:
        number: ``st_dev`` of anything on the file system.
        sys: Where sysfs is mounted.
        dev: Where device nodes are; a node that is missing is made there for a moment.

    Raises:
        Untrackable: There is no such block device, or it may not be read.
    """
    if os.major(number) == 0:
        raise Untrackable("the file system is not on a block device of its own")
    try:
        fd = _named(number, sys, dev)
        return _unnamed(number, dev) if fd is None else fd
    except OSError as error:
        where = f"{os.major(number)}:{os.minor(number)}"
        raise Untrackable(f"device {where} cannot be opened: {error.strerror}") from error


def _named(number: int, sys: Path, dev: Path) -> int | None:
    """Opened by the kernel's name for it; None when that leads to no such device."""
    event = sys / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}" / "uevent"
    with contextlib.suppress(FileNotFoundError):
        for line in event.read_bytes().splitlines():
            if line.startswith(b"DEVNAME="):
                return _if_it_is(dev / os.fsdecode(line[8:]), number)
    return None


def _unnamed(number: int, dev: Path) -> int:
    # Made below /dev: most other places are mounted `nodev`.
    with tempfile.TemporaryDirectory(dir=dev, prefix=".hostlift-") as folder:
        node = Path(folder) / "device"
        os.mknod(node, 0o600 | stat.S_IFBLK, number)
        return os.open(node, _READ)


def _if_it_is(node: Path, number: int) -> int | None:
    try:
        fd = os.open(node, _READ | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    found = os.fstat(fd)
    if stat.S_ISBLK(found.st_mode) and found.st_rdev == number:
        return fd
    os.close(fd)
    return None
