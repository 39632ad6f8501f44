# SPDX-License-Identifier: Apache-2.0
"""Write requests to disks as the kernel traces them, for as long as a block lasts.

Each write is told twice: when it is queued (`block_bio_queue`, which names the whole disk and its
sectors also for a partition, and fires at the top of LVM and md stacks) and when it is completed.
Discards and the writing of zeros count as writes. An event that finds its buffer full is lost, and
`BlockTrace.lost` says so.

The tracing is an instance of its own in tracefs. After `kill -9` it stays, with its buffers, until
the next `block_trace` on this machine or a reboot; tracefs itself is mounted for a moment only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import struct
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from hostlift.errors import HostError
from hostlift.host.mounts import mount, unmount
from hostlift.replicate.changes import Untrackable

_TRACEFS = Path("/sys/kernel/tracing")
_PREFIX = "hostlift-"
_EVENTS = ("block_bio_queue", "block_rq_complete", "block_bio_complete")
_FIELDS = {b"dev": (8, 4), b"sector": (16, 8), b"nr_sector": (24, 4)}
_FIELD = re.compile(rb"field:[^;]*?(\w+)(?:\[\d+\])?;\s*offset:(\d+);\s*size:(\d+);")
_COUNTER = re.compile(rb"^(?:overrun|commit overrun|dropped events): (\d+)$", re.MULTILINE)

_HEAD = struct.Struct("<I").unpack_from
_EVENT = struct.Struct("<H6xI4xQI").unpack_from
_LARGEST = 28
_PADDING = 29
_MISSED, _STORED = 1 << 31, 1 << 30
_MINOR_BITS = 20

_BUFFERS = 64 << 10
_SMALLEST, _LARGEST_BUFFER = 512, 4096


class Write(NamedTuple):
    """A request; ``disk`` is as `kernel_number` has it, the rest is in sectors of 512 bytes."""

    disk: int
    sector: int
    sectors: int


class _Layout(NamedTuple):
    """Where things are in a page of events."""

    page: int
    data: int
    commit: struct.Struct


class BlockTrace:
    """A running trace.

    Attributes:
        lost: Something was written that `pages` will never tell; set it to False to go on.
    """

    def __init__(self, folder: Path, pipes: Collection[int], ids: Collection[int]) -> None:
        self._stats = [cpu / "stats" for cpu in sorted((folder / "per_cpu").iterdir())]
        events = folder / "events" / "block"
        self._switches = [folder / "tracing_on", *(events / name / "enable" for name in _EVENTS)]
        self._pipes = pipes
        self._ids = frozenset(ids)
        self._layout = _page_layout((folder / "events" / "header_page").read_bytes())
        self._overruns = self._counted()
        self.lost = False

    def pages(self) -> list[bytes]:
        """All that the kernel has told since the last call, for `writes`; never waits.

        Raises:
            OSError: The trace can no longer be read, or somebody switched it off.
        """
        if not all(path.read_bytes().startswith(b"1") for path in self._switches):
            raise OSError(errno.ECANCELED, "somebody switched it off")
        found = []
        for pipe in self._pipes:
            with contextlib.suppress(BlockingIOError):
                while page := os.read(pipe, self._layout.page):
                    self.lost = self.lost or bool(self._commit(page) & _MISSED)
                    found.append(page)
        overruns = self._counted()
        self.lost = self.lost or overruns != self._overruns
        self._overruns = overruns
        return found

    def writes(self, page: bytes) -> Iterator[Write]:
        """What a page tells, as struct ring_buffer_event of linux/ring_buffer.h has it."""
        at = self._layout.data
        end = at + (self._commit(page) & (_STORED - 1))
        while at < end:
            kind = _HEAD(page, at)[0] & 31
            if 0 < kind <= _LARGEST:
                ident, disk, sector, sectors = _EVENT(page, at + 4)
                if sectors and ident in self._ids:
                    yield Write(disk, sector, sectors)
                at += 4 + 4 * kind
            elif kind > _PADDING:
                at += 8  # the time goes on
            elif kind == _PADDING and not _HEAD(page, at)[0] >> 5:
                return
            else:
                at += 4 + _HEAD(page, at + 4)[0]

    def _commit(self, page: bytes) -> int:
        return int(self._layout.commit.unpack_from(page, 8)[0])

    def _counted(self) -> int:
        return sum(int(m[1]) for path in self._stats for m in _COUNTER.finditer(path.read_bytes()))


def kernel_number(device: int) -> int:
    """A device number (``st_rdev``) as events have it."""
    return os.major(device) << _MINOR_BITS | os.minor(device)


@contextlib.contextmanager
def block_trace(disks: Collection[int], *, buffer_kib: int = 0) -> Iterator[BlockTrace]:
    """Trace the writes to these disks, named by `kernel_number`.

    Args:
        buffer_kib: Of each processor; 0: what 100,000 writes a second and more need.

    Raises:
        Untrackable: This kernel does not trace, or does not let us.
    """
    if sys.byteorder != "little":
        raise Untrackable("events of big-endian kernels are not understood")
    with contextlib.ExitStack() as stack:
        try:
            root = stack.enter_context(_tracefs())
            _remove_leftovers(root / "instances")
            folder = root / "instances" / f"{_PREFIX}{os.getpid()}-{os.urandom(3).hex()}"
            folder.mkdir()
            stack.callback(_remove, folder)
            trace = BlockTrace(folder, _pipes(folder, stack), _ids(folder))
            _start(folder, disks, buffer_kib)
        except (OSError, HostError, LookupError, ValueError) as error:
            raise Untrackable(f"writes cannot be traced: {error}") from error
        stack.callback(_stop, folder)
        yield trace


@contextlib.contextmanager
def _tracefs() -> Iterator[Path]:
    """Where tracefs is; elsewhere than at its own place it is nowhere in the tree of mounts."""
    if (_TRACEFS / "instances").is_dir():
        yield _TRACEFS
        return
    with tempfile.TemporaryDirectory(prefix="hostlift-trace-") as name:
        mount("tracefs", Path(name), kind="tracefs", options=("nosuid", "nodev", "noexec"))
        try:
            fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            unmount(Path(name))
    try:
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def _remove_leftovers(instances: Path) -> None:
    """Those of dead processes; one that is in use is busy, whatever its number says."""
    for folder in instances.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).split("-")[0]
        if not Path("/proc", pid).exists():
            _remove(folder)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _pipes(folder: Path, stack: contextlib.ExitStack) -> list[int]:
    found = []
    for cpu in sorted((folder / "per_cpu").iterdir()):
        fd = os.open(cpu / "trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        found.append(fd)
    return found


def _ids(folder: Path) -> list[int]:
    found = []
    for name in _EVENTS:
        event = folder / "events" / "block" / name
        fields = _fields((event / "format").read_bytes())
        if any(fields.get(name) != place for name, place in _FIELDS.items()):
            raise Untrackable(f"this kernel's {name} is not understood")
        found.append(int((event / "id").read_bytes()))
    return found


def _start(folder: Path, disks: Collection[int], buffer_kib: int) -> None:
    share = _BUFFERS // len(list((folder / "per_cpu").iterdir()))
    size = buffer_kib or min(max(share, _SMALLEST), _LARGEST_BUFFER)
    (folder / "options" / "overwrite").write_text("0", encoding="ascii")
    (folder / "buffer_size_kb").write_text(f"{size}", encoding="ascii")
    where = " || ".join(f"dev == {disk}" for disk in disks)
    for name in _EVENTS:
        event = folder / "events" / "block" / name
        # Older kernels know no letter for the writing of zeros: what is not reading is writing.
        (event / "filter").write_text(f'({where}) && !(rwbs ~ "R*")', encoding="ascii")
        (event / "enable").write_text("1", encoding="ascii")


def _stop(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / "events" / "enable").write_text("0", encoding="ascii")


def _page_layout(text: bytes) -> _Layout:
    fields = _fields(text)
    data, size = fields[b"data"]
    commit = {4: struct.Struct("<I"), 8: struct.Struct("<Q")}
    return _Layout(data + size, data, commit[fields[b"commit"][1]])


def _fields(text: bytes) -> dict[bytes, tuple[int, int]]:
    """Offset and size of each field, as the description of an event has them."""
    return {m[1]: (int(m[2]), int(m[3])) for m in _FIELD.finditer(text)}
