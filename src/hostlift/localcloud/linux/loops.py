# SPDX-License-Identifier: Apache-2.0
"""Loop devices that free themselves.

The kernel detaches such a device, and drops its partitions, when the last descriptor and mount of
it are gone: a killed instance leaks none. Partition nodes appear with ``partx -a``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from pathlib import Path

from hostlift.errors import HostError

_LOOP_SET_FD = 0x4C00
_LOOP_SET_STATUS64 = 0x4C04
_LOOP_CLR_FD = 0x4C01
_LOOP_SET_CAPACITY = 0x4C07
_LOOP_CTL_GET_FREE = 0x4C82
_BLKFLSBUF = 0x1261
"""Also writes back the file system that is mounted from the device."""
_AUTOCLEAR = 4
_PARTSCAN = 8
"""The kernel drops partitions at detach only from devices with this flag."""
_LOOP_INFO64 = struct.Struct("=5Q4I64s64s32s2Q")
_RACES = 50


def attach(file: Path, dev: Path = Path("/dev"), *, within: int | None = None) -> tuple[int, Path]:
    """Show ``file`` as a loop device.

    Args:
        file: A regular file, a multiple of 512 bytes long.
        dev: Where the kernel's device nodes are.
        within: Descriptor of the folder that a relative ``file`` is in.

    Returns:
        A descriptor that keeps the device alive, and the device's node.

    Raises:
        HostError: No loop device is to be had, or the file cannot be opened.
    """
    try:
        backing = os.open(file, os.O_RDWR | os.O_CLOEXEC, dir_fd=within)
        try:
            return _attach(backing, file, dev)
        finally:
            os.close(backing)
    except OSError as error:
        raise HostError(
            f"cannot attach a loop device: {error.strerror}",
            subject=str(file),
            hint="The process kind needs root and the kernel's loop driver.",
        ) from error


def attached_to(file: Path) -> tuple[str, ...]:
    """Names of the loop devices that show ``file`` now."""
    wanted = str(file.resolve())
    found = []
    for entry in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            shown = entry.read_text().rstrip("\n")
        except OSError:
            continue  # detached between the listing and the reading
        if shown == wanted:
            found.append(entry.parents[1].name)
    return tuple(sorted(found))


def flush(name: str, dev: Path) -> None:
    """Write back what is cached for a loop device and its partitions; gone already is fine.

    Only these: a sync of the whole machine takes as long as its busiest disk likes.
    """
    partitions = [p.parent.name for p in Path("/sys/block", name).glob(f"{name}p*/partition")]
    for node in (*partitions, name):
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(dev / node, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(fd, _BLKFLSBUF, 0)
            finally:
                os.close(fd)


def follow_size(name: str, dev: Path) -> None:
    """Let a loop device be as large as its file is now; gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(dev / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, _LOOP_SET_CAPACITY, 0)
        finally:
            os.close(fd)


def _attach(backing: int, file: Path, dev: Path) -> tuple[int, Path]:
    for _ in range(_RACES):
        number = _free_number(dev)
        node = dev / f"loop{number}"
        fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, _LOOP_SET_FD, backing)
        except OSError as error:
            os.close(fd)
            if error.errno != errno.EBUSY:
                raise
            continue  # another process was faster with the same number
        _set_flags(fd, file)
        return fd, node
    raise OSError(errno.EBUSY, "another process takes every free loop device")


def _free_number(dev: Path) -> int:
    control = os.open(dev / "loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    finally:
        os.close(control)


def _set_flags(fd: int, file: Path) -> None:
    name = os.fsencode(file)[:63]
    info = _LOOP_INFO64.pack(0, 0, 0, 0, 0, 0, 0, 0, _AUTOCLEAR | _PARTSCAN, name, b"", b"", 0, 0)
    try:
        fcntl.ioctl(fd, _LOOP_SET_STATUS64, info)
    except OSError:
        fcntl.ioctl(fd, _LOOP_CLR_FD, 0)
        os.close(fd)
        raise
