# SPDX-License-Identifier: Apache-2.0
"""Where the bytes of a file lie: its file system on a disk, its extents on the file system.

Only of file systems that write a file's data in place and nowhere else, so that what is at a place
of the disk is what the file has there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hostlift.host.mounts import Mount, mount_table
from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.blocktrace import kernel_number
from hostlift.replicate.fs import kernel

_EXT4 = frozenset({"ext2", "ext3", "ext4"})
_XFS = "xfs"
_SYS = Path("/sys")
_PROC = Path("/proc")
_SECTOR = 512

_MERGED = 0x1000
_GETXATTR = 0x801C581F
_REALTIME = 0x1
_DATA_JOURNAL, _DAX = 0x4000, 0x0200_0000

MOST_RUNS = 100_000
"""Of one file; of more pieces nothing is said."""


class Place(NamedTuple):
    """The part of a disk under a file system; equal places hold the same mounted file system.

    Attributes:
        disk: As events have it.
        start: Offset on the disk in bytes.
        size: Of the disk in bytes.
    """

    disk: int
    start: int
    size: int
    sequence: str
    mount: int


class Run(NamedTuple):
    """Bytes ``start`` to ``end`` of a file, which lie ``shift`` bytes further on its device."""

    start: int
    end: int
    shift: int


class Layout(NamedTuple):
    """Where a file's bytes lie; what is in no run is a hole.

    Attributes:
        unsure: (start, end) of what is shared, encoded, not allocated, not written yet, …
    """

    runs: tuple[Run, ...]
    unsure: tuple[tuple[int, int], ...]


def place_of(device: int, *, sys: Path = _SYS, proc: Path = _PROC) -> Place:
    """Where a mounted file system lies.

    Args:
        device: ``st_dev`` of anything on it.

    Raises:
        Untrackable: It writes data elsewhere too, or past the block layer; or nothing is known.
    """
    name = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounted = _mounted(name, proc)
        folder = (sys / "dev" / "block" / name).resolve(strict=True)
        _check_file_system(mounted, folder.name, proc)
        disk = folder.parent if (folder / "partition").exists() else folder
        _check_disk(disk)
        start = _number(folder / "start") if disk != folder else 0
        size = _number(disk / "size") * _SECTOR
        major, minor = map(int, _text(disk / "dev").split(":"))
        sequence = _text(disk / "diskseq") if (disk / "diskseq").exists() else ""
    except (OSError, ValueError) as error:
        raise Untrackable(f"the disk of device {name} is not known: {error}") from error
    number = kernel_number(os.makedev(major, minor))
    return Place(number, start * _SECTOR, size, sequence, mounted.id)


def _mounted(device: str, proc: Path) -> Mount:
    found = [m for m in mount_table(f"{proc}/self/mountinfo") if m.device == device]
    if not found:
        raise Untrackable(f"device {device} is not mounted")
    return min(found, key=lambda m: m.id)


def _check_file_system(mounted: Mount, name: str, proc: Path) -> None:
    options = {*mounted.options, *mounted.super_options}
    if mounted.kind in _EXT4:
        # A default from the superblock is in this list and not in mountinfo.
        options |= set(_text(proc / "fs" / "ext4" / name / "options").splitlines())
        if "data=journal" in options:
            raise Untrackable("data go through the journal of the file system first")
    elif mounted.kind != _XFS:
        raise Untrackable(f"{mounted.kind} does not overwrite data in place")
    if any(o.split("=")[0] == "dax" and o != "dax=never" for o in options):
        raise Untrackable("the file system bypasses the block layer (DAX)")


def _check_disk(disk: Path) -> None:
    queue = disk / "queue"
    if (queue / "dax").exists() and _text(queue / "dax") != "0":
        raise Untrackable("the disk can be written past the block layer (DAX)")
    if (queue / "zoned").exists() and _text(queue / "zoned") != "none":
        raise Untrackable("a zoned disk chooses itself where data go")


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _number(path: Path) -> int:
    return int(_text(path))


def layout_of(fd: int, size: int) -> Layout:
    """Where the first ``size`` bytes of an open file lie; what is not written back is not placed.

    Raises:
        Untrackable: Its data are not where its extents say, or it is in too many pieces.
        OSError: The file system does not tell.
    """
    if kernel.get_flags(fd) & (_DATA_JOURNAL | _DAX):
        raise Untrackable("its data are journalled, or bypass the block layer")
    if int.from_bytes(fcntl.ioctl(fd, _GETXATTR, bytes(28))[:4], "little") & _REALTIME:
        raise Untrackable("it lies on the realtime device")
    runs: list[Run] = []
    unsure: list[tuple[int, int]] = []
    for start, physical, length, flags in kernel.extents(fd, size):
        if flags & ~(kernel.FIEMAP_LAST | _MERGED):
            unsure.append((start, start + length))
        elif runs and runs[-1].end == start and runs[-1].shift == physical - start:
            runs[-1] = Run(runs[-1].start, start + length, physical - start)
        else:
            runs.append(Run(start, start + length, physical - start))
        if len(runs) + len(unsure) > MOST_RUNS:
            raise Untrackable("it is in too many pieces")
    return Layout(tuple(runs), tuple(unsure))


def moved(ours: tuple[Run, ...], theirs: tuple[Run, ...]) -> Iterator[tuple[int, int]]:
    """(start, end) of what is in ``ours`` and not at the same place in ``theirs``."""
    others = iter(theirs)
    other = next(others, None)
    for start, end, shift in ours:
        at = start
        while at < end:
            while other is not None and other.end <= at:
                other = next(others, None)
            if other is None or other.start >= end:
                yield at, end
                break
            if other.start > at:
                yield at, other.start
            stop = min(end, other.end)
            if other.shift != shift:
                yield max(at, other.start), stop
            at = stop
