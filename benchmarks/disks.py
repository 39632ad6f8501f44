# SPDX-License-Identifier: Apache-2.0
"""Source and target file systems: ext4 images on loop devices, mounted for one benchmark only.

The benchmark gets a mount namespace of its own and the devices free themselves when unmounted, so
nothing is left behind, not even when it is killed. Devices use direct I/O where the file system
below allows it: data is cached once, and a flush is one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount_table, private_namespace, unmount
from hostlift.ports.commands import Commands

_MKFS_SECONDS = 300.0
_BLOCK = bytes(16 << 20)
_DROP = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a file system must be: bytes and inodes."""

    bytes: int
    inodes: int


class Disks:
    """The images of one scratch folder."""

    def __init__(self, scratch: Path, commands: Commands | None = None) -> None:
        self.folder = scratch
        self._commands = commands or SystemCommands()
        self.direct = True

    def image(self, name: str, size: Size, *, written: bool) -> Path:
        """An image of this size.

        Args:
            written: Make it by writing every block, as on a disk that is in use.
        """
        image = self.folder / f"{name}.img"
        if image.exists() and image.stat().st_size == size.bytes:
            return image
        with image.open("wb") as file:
            for at in range(0, size.bytes if written else 0, len(_BLOCK)):
                file.write(_BLOCK[: size.bytes - at])
            file.truncate(size.bytes)
            os.fsync(file.fileno())
        return image

    def make_ext4(self, image: Path, size: Size) -> None:
        """An empty ext4; nothing is left for the kernel to initialise behind a measurement."""
        options = "nodiscard,lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0"
        argv = ["mkfs.ext4", "-q", "-F", "-N", str(size.inodes), "-E", options, str(image)]
        self._commands.run(argv, timeout=_MKFS_SECONDS)

    @contextlib.contextmanager
    def mounted(self, image: Path, where: Path) -> Iterator[Path]:
        """Mount an image for the length of the block; call `alone` first."""
        where.mkdir(parents=True, exist_ok=True)
        argv = ["mount", "-t", "ext4", "-o", "loop,noinit_itable", str(image), str(where)]
        self._commands.run(argv, timeout=_MKFS_SECONDS)
        try:
            self._make_direct(where)
            yield where
        finally:
            unmount(where, lazy=False)

    def _make_direct(self, where: Path) -> None:
        device = next(m.source for m in reversed(mount_table()) if m.mount_point == str(where))
        argv = ["losetup", "--direct-io=on", device]
        self.direct &= self._commands.run(argv, timeout=20, check=False).status == 0


def alone() -> None:
    """Give this process a mount namespace of its own, for the rest of its life."""
    private_namespace()


def drop_caches() -> None:
    """Write everything back and make the kernel forget what it has cached."""
    os.sync()
    _DROP.write_bytes(b"3\n")


def sync_file_system(path: Path) -> None:
    """As `sync -f`."""
    SystemCommands().run(["sync", "-f", str(path)], timeout=_MKFS_SECONDS)
