# SPDX-License-Identifier: Apache-2.0
"""Mounting and unmounting as blocks, and the table of what is mounted.

Promises: what a block mounted is gone when the block ends, however it ends; nothing here starts a
process, so it works where ``/bin/mount`` does not (inside a bare namespace, on a broken guest).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import HostError

_MS_REC = 0x4000
_MS_BIND = 0x1000
_MS_PRIVATE = 0x40000
_MNT_DETACH = 2
_UMOUNT_NOFOLLOW = 8
_CLONE_NEWNS = 0x00020000

_FLAGS = {
    "ro": 0x1,
    "nosuid": 0x2,
    "nodev": 0x4,
    "noexec": 0x8,
    "sync": 0x10,
    "remount": 0x20,
    "bind": _MS_BIND,
    "dirsync": 0x80,
    "noatime": 0x400,
    "nodiratime": 0x800,
    "relatime": 0x200000,
    "strictatime": 0x1000000,
    "lazytime": 0x2000000,
}
_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo(5), escapes resolved.

    Attributes:
        device: ``major:minor``.
        root: The directory of the file system that is visible here; not ``/`` for bind mounts.
        source: What was mounted, for example ``/dev/vda1``; not always a path.
    """

    id: int
    parent: int
    device: str
    root: str
    mount_point: str
    options: tuple[str, ...]
    kind: str
    source: str
    super_options: tuple[str, ...]


def mount_table(path: str = "/proc/self/mountinfo") -> tuple[Mount, ...]:
    """Everything mounted, in the order the kernel lists it (a later one may hide an earlier)."""
    return tuple(_parse(line) for line in Path(path).read_bytes().splitlines() if line)


@contextlib.contextmanager
def bind_mount(source: Path, target: Path) -> Iterator[Path]:
    """Show ``source`` at the existing ``target`` for the length of the block.

    Raises:
        HostError: The kernel refused.
    """
    _mount(str(source), target, "", _MS_BIND, "")
    try:
        yield target
    finally:
        unmount(target)


@contextlib.contextmanager
def mounted(
    device: str, target: Path, *, kind: str, options: tuple[str, ...] = ()
) -> Iterator[Path]:
    """Mount a file system for the length of the block; ``target`` must exist.

    ``kind`` is the file system type as the kernel names it; ``options`` are as for mount(8), those
    the kernel core does not know go to the file system.

    Raises:
        HostError: The kernel refused.
    """
    mount(device, target, kind=kind, options=options)
    try:
        yield target
    finally:
        unmount(target)


def mount(device: str, target: Path, *, kind: str, options: tuple[str, ...] = ()) -> None:
    """Mount a file system that outlives the caller; `unmount` ends it."""
    flags = 0
    for option in options:
        flags |= _FLAGS.get(option, 0)
    own = ",".join(o for o in options if o not in _FLAGS and o not in {"rw", "defaults"})
    _mount(device, target, kind, flags, own)


def unmount(target: Path, *, lazy: bool = True) -> None:
    """Unmount ``target``; what is not mounted is fine.

    ``lazy``: when something still uses it, detach it from the tree and let the kernel finish.

    Raises:
        HostError: It is busy (without ``lazy``), or the kernel refused.
    """
    number = _umount2(target, _UMOUNT_NOFOLLOW)
    if number == errno.EBUSY and lazy:
        number = _umount2(target, _UMOUNT_NOFOLLOW | _MNT_DETACH)
    if number not in {0, errno.EINVAL, errno.ENOENT}:
        raise HostError(f"cannot unmount: {os.strerror(number)}", subject=str(target))


def private_namespace() -> None:
    """Give the calling thread a mount namespace of its own, for the rest of its life.

    What it mounts afterwards is seen by no other process, and goes when it ends.
    """
    if _libc().unshare(_CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise HostError(f"cannot make a mount namespace: {reason}", subject="unshare")
    _mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE, "")


def _parse(line: bytes) -> Mount:
    head, _, tail = line.partition(b" - ")
    number, parent, device, root, point, options = head.split(b" ")[:6]
    kind, source, super_options = [*tail.split(b" ", 2), b"", b""][:3]
    return Mount(
        id=int(number),
        parent=int(parent),
        device=device.decode(),
        root=_plain(root),
        mount_point=_plain(point),
        options=tuple(_plain(options).split(",")),
        kind=_plain(kind),
        source=_plain(source),
        super_options=tuple(_plain(super_options).split(",")),
    )


def _plain(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda m: bytes([int(m[1], 8) & 0xFF]), field))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: Path, kind: str, flags: int, data: str) -> None:
    done = _libc().mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    if done != 0:
        reason = os.strerror(ctypes.get_errno())
        raise HostError(f"cannot mount on {target}: {reason}", subject=source)


def _umount2(target: Path, flags: int) -> int:
    """The error number, 0 when it worked."""
    if _libc().umount2(os.fsencode(target), flags) == 0:
        return 0
    return ctypes.get_errno()
