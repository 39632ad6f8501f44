# SPDX-License-Identifier: Apache-2.0
"""The files below Excludes/: rsync filter patterns of the system disk and of each data disk.

A missing file means the defaults that are shipped with hostlift; an empty one means no excludes.
Patterns are kept as written; bytes that are not UTF-8 become surrogate escapes, as in file names.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from hostlift.errors import ConfigError

SYSTEM_DISK = 0
_DEFAULTS = resources.files("hostlift.settings") / "defaults"


def file_name(disk: int) -> str:
    """Name of the exclude file of a disk; 0 is the system disk."""
    return (
        "rsync_excludes_linux.txt"
        if disk == SYSTEM_DISK
        else f"rsync_excludes_linux_disk{disk}.txt"
    )


def defaults(disk: int) -> bytes:
    """Content of the shipped exclude file of a disk."""
    name = "rsync_excludes_linux.txt" if disk == SYSTEM_DISK else "rsync_excludes_linux_disk.txt"
    return (_DEFAULTS / name).read_bytes()


def read(folder: Path, disks: tuple[int, ...] = ()) -> dict[int, tuple[str, ...]]:
    """Patterns by disk: the system disk and the data disks named, in file order.

    Args:
        folder: The Excludes folder; it need not exist.

    Raises:
        ConfigError: A file is there but cannot be read.
    """
    return {disk: _patterns(_content(folder, disk)) for disk in (SYSTEM_DISK, *disks)}


def _content(folder: Path, disk: int) -> bytes:
    file = folder / file_name(disk)
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return defaults(disk)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", subject=str(file)) from error


def _patterns(raw: bytes) -> tuple[str, ...]:
    """Lines that are patterns; like rsync's --exclude-from, '#' and ';' start comment lines."""
    lines = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n")
    return tuple(p for p in (line.rstrip("\r") for line in lines) if p.strip() and p[0] not in "#;")
