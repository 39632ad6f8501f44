# SPDX-License-Identifier: Apache-2.0
"""Network namespaces by name, as ``ip netns`` keeps them, and work done inside one.

Promises: a thread of the daemon never stays in a foreign namespace; work inside one runs in a
thread of its own that ends with it.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands

_NETNS = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_IP_TIMEOUT = 30.0

Result = TypeVar("Result")


def path_of(name: str) -> Path:
    """The file that stands for a namespace."""
    return _NETNS / name


def existing(part: str) -> tuple[str, ...]:
    """Names of the namespaces whose name contains ``part``, sorted."""
    if not _NETNS.is_dir():
        return ()
    return tuple(sorted(p.name for p in _NETNS.iterdir() if part in p.name))


def make(name: str, sysctls: Mapping[str, str]) -> None:
    """Make a namespace with its loopback up, unless it exists, and set its ``net.`` sysctls."""
    if not path_of(name).exists():
        SystemCommands().run(["ip", "netns", "add", name], timeout=_IP_TIMEOUT)
    set_sysctls(name, sysctls)
    configure(name, ["link set lo up"])


def remove(name: str) -> None:
    """Forget a namespace, its interfaces first so that their peers are gone at once."""
    if not path_of(name).exists():
        return
    configure(name, [f"link del {link}" for link in links(name) if link != "lo"], force=True)
    SystemCommands().run(["ip", "netns", "del", name], timeout=_IP_TIMEOUT)


def configure(name: str, lines: list[str], *, force: bool = False) -> None:
    """Run commands of ip(8) inside a namespace, in one process.

    Args:
        name: The namespace.
        lines: Commands as after ``ip``, one each.
        force: Go on after a line that fails, and do not mind it.

    Raises:
        CommandFailed: A line failed.
    """
    if not lines:
        return
    argv = ["ip", *(["-force"] if force else []), "-n", name, "-batch", "-"]
    text = "".join(line + "\n" for line in lines)
    SystemCommands().run(argv, stdin=text.encode(), timeout=_IP_TIMEOUT, check=not force)


def links(name: str) -> tuple[str, ...]:
    """Names of the interfaces inside a namespace; empty when it does not exist."""
    if not path_of(name).exists():
        return ()
    return inside(name, lambda: tuple(link for _, link in socket.if_nameindex()))


def members(name: str) -> tuple[int, ...]:
    """Ids of the processes that live in a namespace."""
    if not path_of(name).exists():
        return ()
    done = SystemCommands().run(["ip", "netns", "pids", name], timeout=_IP_TIMEOUT)
    return tuple(int(word) for word in done.text.split())


def set_sysctls(name: str, sysctls: Mapping[str, str]) -> None:
    """Set sysctls below ``net.`` (``/`` between the words); those the kernel lacks are skipped."""

    def write() -> None:
        for key, value in sysctls.items():
            file = Path("/proc/sys/net") / key
            if file.exists():
                file.write_text(value)

    inside(name, write)


def inside(name: str, work: Callable[[], Result]) -> Result:
    """Do ``work`` in a namespace and return what it returns; the caller stays where it is."""

    def there() -> Result:
        enter(path_of(name))
        return work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(there).result()


def enter(path: Path) -> None:
    """Move the calling thread into the network namespace at ``path``, for the rest of its life.

    Raises:
        HostError: It does not exist, or the kernel refused.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            f"no such network namespace: {error.strerror}", subject=str(path)
        ) from error
    try:
        if ctypes.CDLL(None, use_errno=True).setns(fd, _CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise HostError(f"cannot enter the network namespace: {reason}", subject=str(path))
    finally:
        os.close(fd)
