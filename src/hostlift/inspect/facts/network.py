# SPDX-License-Identifier: Apache-2.0
"""Listening sockets with their programs, addresses, routes, resolvers."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator

from hostlift.inspect.facts.place import Place
from hostlift.inspect.network import address_of, interfaces

_STATES = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""Table -> state of a socket that waits for anyone: proc_net_tcp(5)."""
_FIRST_EPHEMERAL = 32768
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_ROUTE_GATEWAY = 0x2


def listening(place: Place) -> dict[str, str]:
    """``tcp *:22`` -> program; of UDP and on the loopback the fixed ports only."""
    owners = dict(_owners(place))
    found: dict[str, str] = {}
    for table, state in _STATES.items():
        for line in place.kernel(f"net/{table}").splitlines()[1:]:
            row = line.split()
            if len(row) < 10 or row[3] != state:  # noqa: PLR2004 - proc(5)
                continue
            where, port = _socket(row[1])
            kind = table[:3]
            passing = port >= _FIRST_EPHEMERAL and (kind == "udp" or where == "loopback")
            if port and not passing:
                found[f"{kind} {where}:{port}"] = owners.get(row[9], "")
    return dict(sorted(found.items()))


def _socket(text: str) -> tuple[str, int]:
    """Address (``*`` for any) and port."""
    address, _, port = text.partition(":")
    found = address_of(address)
    if found.is_unspecified:
        return "*", int(port, 16)
    return ("loopback" if found.is_loopback else str(found)), int(port, 16)


def _owners(place: Place) -> Iterator[tuple[str, str]]:
    """Inode of a socket -> name of a program that has it; what ends meanwhile is left out."""
    for process in place.proc.glob("[0-9]*"):
        try:
            name = (process / "comm").read_text("utf-8", "replace").strip()
            links = [os.readlink(fd) for fd in (process / "fd").iterdir()]
        except OSError:
            continue
        for inode in filter(None, map(_SOCKET.fullmatch, links)):
            yield inode[1], name


def addresses(place: Place) -> dict[str, str]:
    """Interface -> its addresses."""
    found = interfaces(place.sys, place.tools)
    return {i.name: " ".join(i.addresses) for i in found if i.addresses}


def routes(place: Place) -> dict[str, str]:
    """IPv4 routes by way of a gateway."""
    found = {}
    for line in place.kernel("net/route").splitlines()[1:]:
        row = line.split()
        if len(row) < 8 or not int(row[3], 16) & _ROUTE_GATEWAY:  # noqa: PLR2004 - proc(5)
            continue
        target, gateway, mask = (address_of(row[i]) for i in (1, 2, 7))
        network = ipaddress.ip_network(f"{target}/{mask}", strict=False)
        found["default" if network.prefixlen == 0 else str(network)] = f"via {gateway}"
    return found


def resolvers(place: Place) -> dict[str, str]:
    """Name servers and search domains of resolv.conf."""
    rows = [line.split() for line in place.guest.text("/etc/resolv.conf").splitlines()]
    servers = [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"]
    search = [word for row in rows if row and row[0] in {"search", "domain"} for word in row[1:]]
    facts = {"servers": " ".join(servers), "search": " ".join(search)}
    return {name: text for name, text in facts.items() if text}
