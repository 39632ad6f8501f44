# SPDX-License-Identifier: Apache-2.0
"""Block devices: finding, sizing, waiting for, reading and writing a few bytes of them.

Plain files are accepted wherever a device is, so that tools and tests can use images.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hostlift.errors import HostError
from hostlift.ports.clock import Clock

_BLKGETSIZE64 = 0x80081272
_BLKSSZGET = 0x1268
_BLKFLSBUF = 0x1261
_EDGE = 4 << 20  # tables, superblocks and RAID records all live in the first or last MiBs
_POLL = 0.2
_UDEV_GRACE = 2.0
_SERIAL_LENGTH = 20  # what virtio-blk carries


def by_serial(folder: Path, serial: str, *, clock: Clock, timeout: float) -> str:
    """The device node of the disk with a serial, as soon as it is there.

    Args:
        folder: ``/dev/disk/by-id``.
        serial: The cloud's serial; virtio keeps its first 20 characters.
        clock: To wait by.
        timeout: Seconds after which a missing disk is an error.

    Raises:
        HostError: No such disk; ``subject`` is the link that did not appear.
    """
    link = folder / f"virtio-{serial[:_SERIAL_LENGTH]}"
    deadline = clock.monotonic() + timeout
    while not link.exists():
        if clock.monotonic() >= deadline:
            raise HostError(
                f"the disk did not appear within {timeout:g} s",
                subject=str(link),
                hint="Check in the cloud's console that the data disk is attached, then rerun.",
            )
        clock.sleep(_POLL)
    return str(link.resolve())


def partition_node(device: str, number: int) -> str:
    """Name of a partition's node; number 0 is the whole disk."""
    if number == 0:
        return device
    return f"{device}p{number}" if device[-1].isdigit() else f"{device}{number}"


def wait_for_node(node: str, *, clock: Clock, timeout: float) -> None:
    """Wait until a device node can be used; without udev, make it from what sysfs says.

    Raises:
        HostError: The kernel knows no such device.
    """
    deadline = clock.monotonic() + timeout
    grace = clock.monotonic() + _UDEV_GRACE
    while not os.path.exists(node):
        if clock.monotonic() >= grace and _make_node(node):
            return
        if clock.monotonic() >= deadline:
            raise HostError("the kernel made no such device", subject=node)
        clock.sleep(_POLL)


def device_size(device: str) -> int:
    """Bytes of a device or file."""
    with open(device, "rb") as file:
        return file.seek(0, os.SEEK_END)


def sector_size(device: str) -> int:
    """Logical sector size; 512 for files."""
    with open(device, "rb") as file:
        if not stat.S_ISBLK(os.fstat(file.fileno()).st_mode):
            return 512
        return int.from_bytes(fcntl.ioctl(file, _BLKSSZGET, bytes(4)), "little")


def is_blank(device: str) -> bool:
    """True when the start and the end of a disk are zeros: no table, no file system, no RAID."""
    size = device_size(device)
    edges = (read_at(device, 0, _EDGE), read_at(device, max(0, size - _EDGE), _EDGE))
    return not any(edge.strip(b"\0") for edge in edges)


def read_at(device: str, offset: int, length: int) -> bytes:
    """At most ``length`` bytes from a place on a device."""
    with open(device, "rb") as file:
        file.seek(offset)
        return file.read(length)


def write_at(device: str, offset: int, data: bytes) -> None:
    """Write to a place on a device; durable on return."""
    with open(device, "r+b") as file:
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def is_in_use(device: str) -> bool:
    """True while a device is mounted anywhere, also in a mount namespace we cannot see."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        raise
    return False


@contextlib.contextmanager
def locked(device: str) -> Iterator[None]:
    """Keep udev from reading a disk's table again while it is being made."""
    with open(device, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def flush(device: str) -> None:
    """Write out and drop what the kernel caches of a device."""
    with open(device, "rb") as file:
        os.fsync(file.fileno())
        if stat.S_ISBLK(os.fstat(file.fileno()).st_mode):
            fcntl.ioctl(file, _BLKFLSBUF, 0)


def _make_node(node: str) -> bool:
    try:
        numbers = Path("/sys/class/block", Path(node).name, "dev").read_text(encoding="ascii")
    except OSError:
        return False
    major, _, minor = numbers.strip().partition(":")
    with contextlib.suppress(FileExistsError):
        os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(int(major), int(minor)))
    return True
