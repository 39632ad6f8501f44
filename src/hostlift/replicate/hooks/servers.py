# SPDX-License-Identifier: Apache-2.0
"""Running servers and where they listen, as /proc tells it.

Only servers in our own mount and network namespaces: a client of ours does not reach into a
container, and a container's database is held still like everything else.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_ACCEPTS = 0x10000
_LISTEN = "0A"
_NAMESPACES = ("mnt", "net")


@dataclass(frozen=True, slots=True)
class Server:
    """A server process.

    Attributes:
        user: Number of the user it runs as.
        sockets: Paths of the Unix sockets it accepts connections on.
        ports: TCP ports it accepts connections on, whatever the address.
    """

    pid: int
    user: int
    sockets: tuple[str, ...]
    ports: tuple[int, ...]


def servers(names: Collection[str], proc: Path = Path("/proc")) -> tuple[Server, ...]:
    """Servers with one of these names (``comm``) that accept connections; a place is listed once."""
    pids = [pid for pid in sorted(_numbers(proc)) if _name(proc, pid) in names]
    own = [_namespace(proc, "self", kind) for kind in _NAMESPACES]
    sockets, ports = (_unix(proc), _tcp(proc)) if pids else ({}, {})
    found = []
    for pid in pids:
        if [_namespace(proc, str(pid), kind) for kind in _NAMESPACES] != own:
            continue
        inodes = _open_sockets(proc, pid)
        server = Server(
            pid,
            (proc / str(pid)).stat().st_uid,
            tuple(sorted(sockets.pop(i) for i in inodes & sockets.keys())),
            tuple(sorted({ports.pop(i) for i in inodes & ports.keys()})),
        )
        if server.sockets or server.ports:
            found.append(server)
    return tuple(found)


def _numbers(proc: Path) -> list[int]:
    return [int(name) for name in os.listdir(proc) if name.isdecimal()]


def _name(proc: Path, pid: int) -> str:
    try:
        return (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _namespace(proc: Path, pid: str, kind: str) -> str:
    try:
        return os.readlink(proc / pid / "ns" / kind)
    except OSError:
        return ""


def _open_sockets(proc: Path, pid: int) -> set[str]:
    found = set()
    try:
        for fd in os.scandir(proc / str(pid) / "fd"):
            target = os.readlink(fd.path)
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:  # it has just ended
        return set()
    return found


def _unix(proc: Path) -> dict[str, str]:
    """Paths by inode of listening Unix sockets; abstract ones have no file and are left out."""
    found = {}
    for line in _lines(proc / "self" / "net" / "unix"):
        words = line.split(maxsplit=7)
        if len(words) == 8 and int(words[3], 16) & _ACCEPTS and words[7].startswith("/"):  # noqa: PLR2004
            found[words[6]] = words[7]
    return found


def _tcp(proc: Path) -> dict[str, int]:
    """Ports by inode of listening TCP sockets."""
    found = {}
    for name in ("tcp", "tcp6"):
        for line in _lines(proc / "self" / "net" / name):
            words = line.split()
            if words[3] == _LISTEN:
                found[words[9]] = int(words[1].rpartition(":")[2], 16)
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()[1:]
    except OSError:
        return []
