# SPDX-License-Identifier: Apache-2.0
"""Interfaces with their addresses, and the TCP ports that answer to others."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hostlift.inspect.tools import Tools
from hostlift.model.machine import Interface

_LISTEN = "0A"
_MAPPED_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


def interfaces(sys: Path, tools: Tools) -> tuple[Interface, ...]:
    """All interfaces but the loopback."""
    addresses = _addresses(tools)
    folder = sys / "class/net"
    names = sorted(p.name for p in folder.glob("*") if p.name != "lo" and p.is_dir())
    return tuple(
        Interface(name=n, mac=_mac(folder / n), addresses=addresses.get(n, ())) for n in names
    )


def _mac(folder: Path) -> str:
    try:
        return (folder / "address").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _addresses(tools: Tools) -> Mapping[str, tuple[str, ...]]:
    try:
        rows = json.loads(tools.optional(["ip", "-j", "address"]) or "[]")
        return {
            row["ifname"]: tuple(
                f"{a['local']}/{a['prefixlen']}"
                for a in row.get("addr_info", ())
                if a.get("scope") == "global"
            )
            for row in rows
            if "ifname" in row
        }
    except (ValueError, KeyError, TypeError):
        return {}


def listening(proc: Path) -> tuple[int, ...]:
    """TCP ports bound to an address that others can reach, sorted."""
    ports: set[int] = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text("ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        ports.update(_port(line.split()) for line in lines)
    return tuple(sorted(ports - {0}))


def _port(fields: Sequence[str]) -> int:
    """The port of a listening line, 0 when it does not count."""
    if len(fields) < 4 or fields[3] != _LISTEN:  # noqa: PLR2004 - proc(5): st is the fourth
        return 0
    address, _, port = fields[1].partition(":")
    return 0 if _is_loopback(address) else int(port, 16)


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel prints addresses as 32-bit words in host byte order; here that is little endian."""
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    return ipaddress.ip_address(b"".join(words))


def _is_loopback(text: str) -> bool:
    address = address_of(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped in _MAPPED_LOOPBACK)
