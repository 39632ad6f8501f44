# SPDX-License-Identifier: Apache-2.0
"""File systems made for a test, on sparse files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted

GIB = 1 << 30
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
COMMANDS = SystemCommands()


@contextlib.contextmanager
def file_system(
    folder: Path, name: str, kind: str, make: Sequence[str] | None = None
) -> Iterator[Path]:
    """A mounted file system on a sparse file."""
    image, where = folder / f"{name}.img", folder / name
    with image.open("wb") as file:
        file.truncate(2 * GIB)
    COMMANDS.run([*(make or MAKE[kind]), str(image)], timeout=60)
    where.mkdir()
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        with mounted(device, where, kind=kind):
            yield where
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)
        image.unlink()
