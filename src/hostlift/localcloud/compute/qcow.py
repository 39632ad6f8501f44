# SPDX-License-Identifier: Apache-2.0
"""Disks and snapshots as qcow2 files.

A disk is an overlay on what it was made from, which is never written again: a public image or a
snapshot. A snapshot has no other snapshot below it, so one can be dropped as soon as no disk stands
on it; until then it is marked and its file waits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.files import replaced

GIB = 1 << 30
MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQ")
_COPY_TIMEOUT = 3600.0
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of a qcow2 file say.

    Attributes:
        backing: Path of the file below it as written there; empty for none.
        size: Of the disk, in bytes.
    """

    backing: str
    size: int
    l1_offset: int
    l1_entries: int


def read_header(file: Path) -> Header:
    """The header of a qcow2 file.

    Raises:
        HostError: It is none.
    """
    with file.open("rb") as handle:
        raw = handle.read(_HEADER.size)
        if len(raw) < _HEADER.size or raw[:4] != MAGIC:
            raise HostError("not a qcow2 file", subject=str(file))
        _, _, at, length, _, size, _, entries, l1_offset = _HEADER.unpack(raw)
        handle.seek(at)
        backing = handle.read(length).decode() if at else ""
    return Header(backing, size, l1_offset, entries)


def has_clusters(file: Path) -> bool:
    """True when anything was ever written to this layer."""
    header = read_header(file)
    with file.open("rb") as handle:
        handle.seek(header.l1_offset)
        return any(handle.read(8 * header.l1_entries))


class QcowDisks:
    """The disks of a cloud of the qemu kind.

    Args:
        folder: The cloud's folder.
        public: Public image id to its file; None for an id that is none.
    """

    def __init__(self, folder: Path, public: Callable[[str], Path | None]) -> None:
        self._disks = folder / "disks"
        self._snapshots = folder / "snapshots"
        self._public = public

    def path(self, disk: str) -> Path:
        """The file of a disk.

        Raises:
            HostError: There is no such disk.
        """
        file = self._disk(disk)
        if not file.exists():
            raise HostError("there is no such disk", subject=disk)
        return file

    def base(self, disk: str) -> Path | None:
        """The file a disk stands on."""
        return self._below(self.path(disk))

    def create(self, disk: str, size_gib: int, source: str) -> None:
        """See `Compute.create_disk`."""
        file = self._disk(disk)
        if file.exists():
            return
        self._disks.mkdir(parents=True, exist_ok=True)
        base = self._origin(source) if source else None
        if base is not None and _virtual_size(base) > size_gib * GIB:
            raise HostError(f"smaller than its source {source}", subject=disk)
        with replaced(file) as draft:
            _make(draft, size_gib * GIB, base)

    def delete(self, disk: str) -> None:
        """See `Compute.delete_disk`."""
        self._disk(disk).unlink(missing_ok=True)
        for waiting in self._snapshots.glob("*.dropped"):
            if not self._stood_on(waiting.with_suffix(".qcow2")):
                waiting.with_suffix(".qcow2").unlink(missing_ok=True)
                waiting.unlink()

    def snapshot_target(self, snapshot: str) -> Path | None:
        """Where a snapshot's bytes go; None when it is there already."""
        self._snapshots.mkdir(parents=True, exist_ok=True)
        file = self._file(snapshot)
        return None if file.exists() else file

    def copy(self, disk: str, target: Path) -> None:
        """Copy a disk that nobody writes to: thin over a public image, else whole."""
        file = self.path(disk)
        base = self._shared_base(file)
        argv = ["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2"]
        argv += ["-B", str(base), "-F", "qcow2"] if base else []
        SystemCommands().run([*argv, str(file), str(target)], timeout=_COPY_TIMEOUT)

    def copy_snapshot(self, source: str, snapshot: str) -> None:
        """See `Compute.copy_snapshot`; like its source, it may stand on a public image."""
        target = self.snapshot_target(snapshot)
        if target is None:
            return
        with replaced(target) as draft:
            argv = [
                "cp",
                "--sparse=always",
                "--reflink=auto",
                str(self._origin(source)),
                str(draft),
            ]
            SystemCommands().run(argv, timeout=_COPY_TIMEOUT)

    def resize(self, disk: str, size_gib: int) -> None:
        """Let a disk grow that no machine uses; as large already is fine."""
        file = self.path(disk)
        if read_header(file).size < size_gib * GIB:
            argv = ["qemu-img", "resize", "-q", "-f", "qcow2", str(file), str(size_gib * GIB)]
            SystemCommands().run(argv, timeout=_TIMEOUT)

    def empty_copy(self, disk: str, target: Path) -> bool:
        """An empty file to copy a disk in use into; True when only its own layer must be."""
        file = self.path(disk)
        base = self._shared_base(file)
        _make(target, read_header(file).size, base)
        return base is not None

    def delete_snapshot(self, snapshot: str) -> None:
        """See `Compute.delete_snapshot`."""
        file = self._file(snapshot)
        if not file.exists():
            return
        if self._stood_on(file):
            file.with_suffix(".dropped").touch()
        else:
            file.unlink()

    def export(self, snapshot: str, target: str) -> None:
        """See `Compute.export`."""
        origin = self._origin(snapshot)
        with replaced(Path(target)) as draft:
            argv = ["qemu-img", "convert", "-O", "qcow2", str(origin), str(draft)]
            SystemCommands().run(argv, timeout=_COPY_TIMEOUT)

    def _origin(self, source: str) -> Path:
        public = self._public(source)
        if public is not None:
            return public
        file = self._file(source)
        if not file.exists() or file.with_suffix(".dropped").exists():
            raise HostError("there is no such snapshot or public image", subject=source)
        return file

    def _shared_base(self, file: Path) -> Path | None:
        """A public image below a disk; a snapshot below it may go, so it does not count."""
        below = self._below(file)
        return below if below is not None and below.parent != self._snapshots else None

    def _below(self, file: Path) -> Path | None:
        written = read_header(file).backing
        return Path(os.path.normpath(file.parent / written)) if written else None

    def _stood_on(self, snapshot: Path) -> bool:
        return any(self._below(file) == snapshot for file in self._disks.glob("*.qcow2"))

    def _disk(self, disk: str) -> Path:
        return self._disks / f"{disk}.qcow2"

    def _file(self, snapshot: str) -> Path:
        return self._snapshots / f"{snapshot}.qcow2"


def _make(file: Path, size: int, base: Path | None) -> None:
    argv = ["qemu-img", "create", "-q", "-f", "qcow2"]
    argv += ["-b", str(base), "-F", "qcow2"] if base else []
    SystemCommands().run([*argv, str(file), str(size)], timeout=_TIMEOUT)


def _virtual_size(file: Path) -> int:
    return read_header(file).size
