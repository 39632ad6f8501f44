# SPDX-License-Identifier: Apache-2.0
"""Disks and snapshots as sparse raw files; a copy shares blocks where the file system can."""

from __future__ import annotations

import os
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.files import replaced

_GIB = 1 << 30
_COPY_TIMEOUT = 3600.0


class RawDisks:
    """The disks of a cloud of the process kind.

    Args:
        folder: The cloud's folder.
        public: Ids of public images: a disk made from one is blank, as instances of this kind run
            on the host's own root file system.
    """

    def __init__(self, folder: Path, public: frozenset[str]) -> None:
        self._disks = folder / "disks"
        self._snapshots = folder / "snapshots"
        self._public = public

    def path(self, disk: str) -> Path:
        """The file of a disk."""
        return self._disks / f"{disk}.raw"

    def create(self, disk: str, size_gib: int, source: str) -> None:
        """See `Compute.create_disk`."""
        file = self.path(disk)
        if file.exists():
            return
        self._disks.mkdir(parents=True, exist_ok=True)
        origin = None if not source or source in self._public else self._snapshot(source)
        if origin is not None and origin.stat().st_size > size_gib * _GIB:
            raise HostError(f"smaller than its source {source}", subject=disk)
        with replaced(file) as draft:
            if origin is not None:
                _copy(origin, draft)
            with draft.open("ab") as handle:
                handle.truncate(size_gib * _GIB)
            os.utime(draft, ns=(0, 0))  # the guest's first write moves it: see `used`

    def delete(self, disk: str) -> None:
        """See `Compute.delete_disk`."""
        self.path(disk).unlink(missing_ok=True)

    def used(self, disk: str) -> bool:
        """True when it was written to since it was made."""
        return self._existing(disk).stat().st_mtime_ns != 0

    def snapshot(self, disk: str, snapshot: str) -> None:
        """See `Compute.snapshot`; nobody may write meanwhile."""
        file = self._file(snapshot)
        if file.exists():
            return
        self._snapshots.mkdir(parents=True, exist_ok=True)
        with replaced(file) as draft:
            _copy(self._existing(disk), draft)

    def copy_snapshot(self, source: str, snapshot: str) -> None:
        """See `Compute.copy_snapshot`."""
        file = self._file(snapshot)
        if not file.exists():
            with replaced(file) as draft:
                _copy(self._snapshot(source), draft)

    def resize(self, disk: str, size_gib: int) -> None:
        """See `Compute.resize_disk`; what was written counts as before."""
        file = self._existing(disk)
        before = file.stat()
        if before.st_size >= size_gib * _GIB:
            return
        with file.open("ab") as handle:
            handle.truncate(size_gib * _GIB)
        if before.st_mtime_ns == 0:
            os.utime(file, ns=(0, 0))

    def delete_snapshot(self, snapshot: str) -> None:
        """See `Compute.delete_snapshot`."""
        self._file(snapshot).unlink(missing_ok=True)

    def export(self, snapshot: str, target: str) -> None:
        """See `Compute.export`."""
        origin = self._snapshot(snapshot)
        with replaced(Path(target)) as draft:
            argv = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(origin), str(draft)]
            SystemCommands().run(argv, timeout=_COPY_TIMEOUT)

    def _existing(self, disk: str) -> Path:
        file = self.path(disk)
        if not file.exists():
            raise HostError("there is no such disk", subject=disk)
        return file

    def _snapshot(self, snapshot: str) -> Path:
        file = self._file(snapshot)
        if not file.exists():
            raise HostError("there is no such snapshot", subject=snapshot)
        return file

    def _file(self, snapshot: str) -> Path:
        return self._snapshots / f"{snapshot}.raw"


def _copy(source: Path, target: Path) -> None:
    argv = ["cp", "--sparse=always", "--reflink=auto", str(source), str(target)]
    SystemCommands().run(argv, timeout=_COPY_TIMEOUT)
