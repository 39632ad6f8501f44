# SPDX-License-Identifier: Apache-2.0
"""What runs, as /proc tells it, and which of it must keep running.

Spared are: we ourselves, everything we descend from or started, our login session, kernel threads,
init, and the few services without which the machine is lost to its users (remote login, name
service, network and tunnels, devices, logging) or does something drastic (cluster and watchdog
daemons), or without which our reads would wait (file systems that are programs).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_KERNEL_THREAD = 0x0020_0000
_FUSE = "/dev/fuse"

SPARED_NAMES = frozenset(
    {
        "NetworkManager",
        "agetty",
        "auditd",  # a full audit queue blocks the kernel
        "charon",
        "charon-systemd",
        "corosync",
        "dbus-broker",
        "dbus-broker-launch"[:15],
        "dbus-daemon",
        "dhclient",
        "dhcpcd",
        "init",
        "iscsid",
        "keepalived",
        "login",
        "multipathd",
        "openvpn",
        "ovs-vswitchd",
        "pacemakerd",
        "pppd",
        "qemu-ga",
        "sbd",
        "sshd",
        "sshd-session",
        "systemd",
        "systemd-journal",
        "systemd-logind",
        "systemd-network",
        "systemd-resolve",
        "systemd-udevd",
        "tailscaled",
        "watchdog",
        "wpa_supplicant",
    }
)
"""As in /proc/PID/comm, which has 15 characters."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with its number."""

    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat, as far as it matters here."""

    id: ProcessId
    name: str
    state: str
    parent: int
    session: int
    kernel: bool
    foreign: bool
    """It has a spared name, but lives in a process namespace of its own (a container)."""


def processes(proc: Path) -> dict[int, Process]:
    """Everything that runs, by number."""
    own = _namespace(proc, "self")
    found = {}
    for name in os.listdir(proc):
        if name.isdecimal():
            process = read_process(proc, int(name), own)
            if process is not None:
                found[process.id.pid] = process
    return found


def read_process(proc: Path, pid: int, own_namespace: str = "") -> Process | None:
    """One process; None when it is gone.

    Args:
        own_namespace: What makes another's ``foreign``; it is looked at only where it matters,
            for names that may be spared, because a freeze reads every process while they stand.
    """
    try:
        with open(f"{proc}/{pid}/stat", "rb") as stat:
            text = stat.read().decode("utf-8", "replace")
    except OSError:
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split(maxsplit=20)
    asked = own_namespace and name in SPARED_NAMES
    namespace = _namespace(proc, str(pid)) if asked else ""
    return Process(
        id=ProcessId(pid, int(rest[19])),
        name=name,
        state=rest[0],
        parent=int(rest[1]),
        session=int(rest[3]),
        kernel=bool(int(rest[6]) & _KERNEL_THREAD),
        foreign=namespace not in {"", own_namespace},
    )


def _namespace(proc: Path, pid: str) -> str:
    try:
        return os.readlink(f"{proc}/{pid}/ns/pid")
    except OSError:
        return ""


def spared(all_of_them: Mapping[int, Process], us: int, in_user_slice: Iterable[int]) -> set[int]:
    """Numbers of the processes that must not be stopped.

    Args:
        us: Our own number.
        in_user_slice: Processes of login sessions: no name spares them.
    """
    users = set(in_user_slice)
    kept = {1, us} | _ancestors(all_of_them, us)
    session = all_of_them[us].session if us in all_of_them else -1
    children: dict[int, list[int]] = {}
    for pid, process in all_of_them.items():
        children.setdefault(process.parent, []).append(pid)
        named = process.name in SPARED_NAMES and not process.foreign and pid not in users
        if process.kernel or process.session == session or named:
            kept.add(pid)
    line = [us]
    while line:
        below = children.get(line.pop(), [])
        kept.update(below)
        line += below
    return kept


def file_servers(proc: Path, pids: Iterable[int]) -> set[int]:
    """Those of the processes that serve a file system: frozen, they would keep us waiting."""
    return {pid for pid in pids if _FUSE in _open_files(f"{proc}/{pid}/fd")}


def _open_files(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it has just ended
        for number in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(f"{folder}/{number}")


def _ancestors(all_of_them: Mapping[int, Process], us: int) -> set[int]:
    found: set[int] = set()
    at = all_of_them.get(us)
    while at is not None and at.parent and at.parent not in found:
        found.add(at.parent)
        at = all_of_them.get(at.parent)
    return found
