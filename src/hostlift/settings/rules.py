# SPDX-License-Identifier: Apache-2.0
"""What single values of user_config.json must look like; each rule raises ValueError.

The texts need not repeat the key or the value: `hostlift.settings.problems` adds both.
"""

from __future__ import annotations

import difflib
import ipaddress
import posixpath
import re

from hostlift.settings import windows

_PROXY = re.compile(
    r"(?:https?://(?:[^@/?#\s]+@)?)?(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?P<port>\d{1,5})/?"
)
_LAST_PORT = 65535

ACCOUNT = re.compile(r"\d{4,20}")
"""The number of an account."""
REGION = re.compile(r"[a-z]{2,4}(-[a-z0-9]+)+")

CHOOSE = (-1, 0)
"""Sizes that leave the choice to hostlift."""

PLATFORMS = (
    "Windows Server 2003",
    "Windows Server 2008",
    "Windows Server 2012",
    "Windows Server 2016",
    "CentOS",
    "Ubuntu",
    "SUSE",
    "OpenSUSE",
    "Debian",
    "RedHat",
    "Others Linux",
)
ARCHITECTURES = ("i386", "x86_64", "arm64")

_SYSTEM_PATHS = frozenset(
    {"/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc"}
    | {"/root", "/run", "/sbin", "/sys", "/usr", "/var"}
)
_PSEUDO_PATHS = ("/dev/", "/proc/", "/run/", "/sys/")
_ENDPOINT = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?/?")
_MAX_PORT = 65535
_SHORTEST_NAME = 2
_LONGEST_NAME = 128
_SHORTEST_INTERVAL = 10.0


def image_name(value: str) -> str:
    """A name that Alibaba accepts for an image; empty is judged elsewhere."""
    if not value:
        return value
    if not _SHORTEST_NAME <= len(value) <= _LONGEST_NAME:
        raise ValueError(f"has {len(value)} characters")
    if value.lower().startswith(("http://", "https://")):
        raise ValueError("starts with http:// or https://")
    if not (_latin(value[0]) or _chinese(value[0])):
        raise ValueError(f"starts with {value[0]!r}, which is not a letter")
    bad = sorted(
        {c for c in value if not (_latin(c) or _chinese(c) or c.isdecimal() or c in ".:_-")}
    )
    if bad:
        raise ValueError("holds " + " ".join(repr(c) for c in bad))
    return value


def _latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff" or "\u3400" <= char <= "\u4dbf"


def proxy(value: str) -> str:
    """``host:port`` or ``http://user:password@host:port``, or empty."""
    if not value:
        return value
    found = _PROXY.fullmatch(value)
    if found is None or not 0 < int(found["port"]) <= _LAST_PORT:
        raise ValueError("is not of the form host:port or http://user:password@host:port")
    return value


def tunnel(value: str) -> None:
    """A proxy that data may go through."""
    if not value:
        raise ValueError("is true, but proxy is empty")
    if value.startswith("https://"):
        raise ValueError("is true, but proxy is an https:// one, which is not asked for tunnels")


def one_of(value: str, choices: tuple[str, ...]) -> str:
    """One of the exact words, or empty."""
    if not value or value in choices:
        return value
    by_lower = {c.lower(): c for c in choices}
    near = difflib.get_close_matches(value.lower(), by_lower, 1)
    raise ValueError(
        f"is not known; did you mean {by_lower[near[0]]!r}?" if near else "is not known"
    )


def disk_size(value: int, low: int, high: int) -> int:
    """A size in GiB within the cloud's limits, or one of `CHOOSE`."""
    if value in CHOOSE or low <= value <= high:
        return value
    raise ValueError("is too small" if value < low else "is too large")


def src_path(value: str) -> str:
    """An absolute directory that may become a data disk, without a trailing slash."""
    if re.fullmatch(r"[A-Za-z]:[\\/]?", value):
        raise ValueError("is a Windows drive; this source runs Linux")
    if not value.startswith("/"):
        raise ValueError("is not an absolute path")
    if "\0" in value or ".." in value.split("/"):
        raise ValueError("holds '..' or a NUL byte")
    path = posixpath.normpath(value.replace("//", "/"))
    if path in _SYSTEM_PATHS or path.startswith(_PSEUDO_PATHS):
        raise ValueError("belongs to the system and has to stay on the system disk")
    return path


def endpoint(value: str) -> str:
    """``http(s)://host[:port]`` without a path, or empty."""
    if not value:
        return value
    match = _ENDPOINT.fullmatch(value)
    if match is None:
        raise ValueError("is not of that form")
    if match[2] and not 0 < int(match[2][1:]) <= _MAX_PORT:
        raise ValueError("has an impossible port")
    return value.rstrip("/")


def cidr(value: str) -> str:
    """An IPv4 network or address, as a network; or empty."""
    if not value:
        return value
    try:
        return str(ipaddress.IPv4Network(value, strict=True))
    except ValueError as error:
        raise ValueError(f"is not an IPv4 network: {error}") from None


def interval(value: str) -> float:
    """A time such as ``90s``, ``15m``, ``2h`` or ``1d``, in seconds; at least ten of them."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", value)
    if match is None:
        raise ValueError(f"{value!r} is not a time such as 15m, 2h or 1d")
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if seconds < _SHORTEST_INTERVAL:
        raise ValueError(f"{value!r} is less than {_SHORTEST_INTERVAL:.0f} seconds")
    return seconds


def window(value: str) -> str:
    """Spans of the day such as ``22:00-06:00``, or empty."""
    windows.parse(value)
    return value
