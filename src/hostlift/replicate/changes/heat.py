# SPDX-License-Identifier: Apache-2.0
"""Which files and processes never go quiet while a pass runs: a word for the report.

Never the truth about changes: the kernel merges events, stores to mapped memory cause none, and
what does not fit is forgotten. Needs Linux 5.9 and root; a file system that cannot be watched (a
subvolume of btrfs, an older kernel) is named in `HeatMap.unwatched` and nothing else happens.

Events of the whole file system are read in turns; a turn's parsing is followed by four times as
long a pause, and a backlog that grows too large is thrown away, so neither memory nor processor
time depends on how much is written.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import struct
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from hostlift.ports.clock import Clock

_libc = ctypes.CDLL(None, use_errno=True)

_FAN_CLOEXEC, _FAN_NONBLOCK, _FAN_UNLIMITED_QUEUE = 0x1, 0x2, 0x10
_FAN_REPORT_DFID_NAME = 0xC00
_MARK_ADD, _MARK_FILESYSTEM = 0x1, 0x100
_MODIFY, _MOVED, _CREATE, _DELETE = 0x2, 0xC0, 0x100, 0x200
_OVERFLOW, _ONDIR = 0x4000, 0x4000_0000
_WANTED = _MODIFY | _MOVED | _CREATE | _DELETE | _ONDIR
_INFO_DFID_NAME = 2

_EVENT = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BBH8sIi")
_HANDLE = struct.Struct("=Ii")

_BUFFER = 1 << 20
_BACKLOG = 32 << 20
_TURN_SECONDS = 0.1
_PAUSE = 4.0
_FILES = 4096
_PROCESSES = 8
_NAMES = 4096
_REMEMBERED = 100

_Key: TypeAlias = tuple[bytes, bytes, bytes]
"""File system, handle of a directory, name in it; no name for what comes and goes in it."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that changed something; ``name`` as it called itself then."""

    pid: int
    name: str
    events: int


@dataclass(frozen=True, slots=True)
class Hot:
    """A file that was written to, or a directory in which files came and went.

    Attributes:
        path: As seen from the watched directory's own path.
        events: How often, as far as the kernel told.
        seconds: In how many different seconds: what was written once at length has few.
        processes: The busiest first, at most eight.
    """

    path: bytes
    events: int
    seconds: int
    processes: tuple[Writer, ...]


@dataclass(slots=True)
class _Spot:
    events: int = 0
    seconds: int = 0
    last: int = -1
    pids: dict[int, int] = field(default_factory=dict)

    def touch(self, pid: int, second: int) -> None:
        self.events += 1
        if second != self.last:
            self.last = second
            self.seconds += 1
        if pid in self.pids or len(self.pids) < _PROCESSES:
            self.pids[pid] = self.pids.get(pid, 0) + 1

    @property
    def rank(self) -> tuple[int, int]:
        return self.seconds, self.events


class HeatMap:
    """Counts by file and process; may be asked while it is filled, and after that.

    Attributes:
        unwatched: Directories whose file system cannot be watched.
        lost: Events were thrown away: counts are too low.
    """

    def __init__(self, mounts: dict[bytes, tuple[int, bytes]], unwatched: Sequence[Path]) -> None:
        self._mounts = mounts
        self._lock = threading.Lock()
        self._spots: dict[_Key, _Spot] = {}
        self._names: dict[int, str] = {}
        self._final: tuple[Hot, ...] | None = None
        self.unwatched = tuple(unwatched)
        self.lost = False

    def hottest(self, count: int) -> tuple[Hot, ...]:
        """What is busy for the longest time, below the watched directories and still there."""
        if self._final is not None:
            return self._final[:count]
        with self._lock:
            spots = sorted(self._spots.items(), key=lambda item: item[1].rank, reverse=True)
        found: list[Hot] = []
        for key, spot in spots:
            path = self._path(key)
            if path is not None:
                found.append(Hot(path, spot.events, spot.seconds, self._writers(spot)))
                if len(found) == count:
                    break
        return tuple(found)

    def end(self) -> None:
        """Look paths up for the last time; `hottest` knows no more than a hundred from now on."""
        self._final = self.hottest(_REMEMBERED)

    def count(self, data: bytes, second: int) -> None:
        """Take events as the kernel wrote them; our own are left out."""
        us = os.getpid()
        at = 0
        with self._lock:
            while at < len(data):
                length, _, _, head, mask, _, pid = _EVENT.unpack_from(data, at)
                key = None if pid == us else _key(data[at + head : at + length], mask)
                self.lost = self.lost or bool(mask & _OVERFLOW)
                if key is not None:
                    self._touch(key, pid, second)
                at += length

    def _touch(self, key: _Key, pid: int, second: int) -> None:
        if len(self._spots) >= _FILES and key not in self._spots:
            kept = sorted(self._spots.items(), key=lambda item: item[1].rank)[_FILES // 2 :]
            self._spots = dict(kept)
        if pid not in self._names:
            if len(self._names) >= _NAMES:
                self._names.clear()
            self._names[pid] = _process_name(pid)
        self._spots.setdefault(key, _Spot()).touch(pid, second)

    def _writers(self, spot: _Spot) -> tuple[Writer, ...]:
        busiest = sorted(spot.pids.items(), key=lambda item: item[1], reverse=True)
        return tuple(Writer(pid, self._names.get(pid, "?"), events) for pid, events in busiest)

    def _path(self, key: _Key) -> bytes | None:
        """None when it is gone, or lies outside of what is watched."""
        fsid, handle, name = key
        mount, root = self._mounts.get(fsid, (-1, b""))
        try:
            fd = _open_handle(mount, handle)
        except OSError:
            return None
        try:
            folder = os.readlink(b"/proc/self/fd/%d" % fd)
            if name:
                os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError:
            return None
        finally:
            os.close(fd)
        path = folder.rstrip(b"/") + b"/" + name if name else folder
        return path if (path + b"/").startswith(root.rstrip(b"/") + b"/") else None


@contextlib.contextmanager
def heat(roots: Sequence[Path], clock: Clock) -> Iterator[HeatMap]:
    """Watch the file systems of these directories for the length of the block."""
    with contextlib.ExitStack() as stack:
        mounts: dict[bytes, tuple[int, bytes]] = {}
        unwatched: list[Path] = []
        queue = _queue()
        if queue is None:
            unwatched += roots
        else:
            stack.callback(os.close, queue)
            for root in roots:
                try:
                    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                except OSError:
                    unwatched.append(root)
                    continue
                stack.callback(os.close, fd)
                if _mark(queue, fd):
                    fsid = os.fstatvfs(fd).f_fsid.to_bytes(8, sys.byteorder)
                    mounts[fsid] = (fd, os.readlink(b"/proc/self/fd/%d" % fd))
                else:
                    unwatched.append(root)
        found = HeatMap(mounts, unwatched)
        stack.callback(found.end)
        if queue is not None and mounts:
            stack.enter_context(_reading(queue, found, clock))
        yield found


@contextlib.contextmanager
def _reading(queue: int, found: HeatMap, clock: Clock) -> Iterator[None]:
    stop = threading.Event()

    def read() -> None:
        pause = _TURN_SECONDS
        while not stop.wait(pause):
            pause = max(_TURN_SECONDS, _PAUSE * _turn(queue, found, clock))

    thread = threading.Thread(target=read, name="heat")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        _turn(queue, found, clock)


def _turn(queue: int, found: HeatMap, clock: Clock) -> float:
    """Take what is there; how many seconds that took."""
    began = clock.monotonic()
    left = int.from_bytes(fcntl.ioctl(queue, termios.FIONREAD, bytes(4)), sys.byteorder)
    thrown_away = left > _BACKLOG
    while left > 0:
        try:
            data = os.read(queue, _BUFFER)
        except BlockingIOError:
            break
        left -= len(data)
        if thrown_away:
            found.lost = True
        else:
            found.count(data, int(began))
    return clock.monotonic() - began


def _key(info: bytes, mask: int) -> _Key | None:
    """What an event is about: the file that was written, or the directory of one that came or went."""
    if len(info) < _INFO.size or info[0] != _INFO_DFID_NAME:
        return None
    _, _, length, fsid, size, _ = _INFO.unpack_from(info)
    start = _INFO.size - _HANDLE.size
    handle = info[start : _INFO.size + size]
    name = info[_INFO.size + size : length].split(b"\0", 1)[0] if mask & _MODIFY else b""
    return fsid, handle, name


def _process_name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as comm:
            return comm.read().decode("utf-8", "replace").strip()
    except OSError:
        return "?"


def _queue() -> int | None:
    flags = _FAN_CLOEXEC | _FAN_NONBLOCK | _FAN_UNLIMITED_QUEUE | _FAN_REPORT_DFID_NAME
    fd: int = _libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC)
    return fd if fd >= 0 else None


def _mark(queue: int, root: int) -> bool:
    wanted = ctypes.c_uint64(_WANTED)
    done: int = _libc.fanotify_mark(queue, _MARK_ADD | _MARK_FILESYSTEM, wanted, root, b".")
    return done == 0


def _open_handle(mount: int, handle: bytes) -> int:
    """Open a directory by its handle; `OSError` with ESTALE when it is gone."""
    fd: int = _libc.open_by_handle_at(mount, handle, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return fd
