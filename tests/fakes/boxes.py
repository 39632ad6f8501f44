# SPDX-License-Identifier: Apache-2.0
"""A private network with boxes in it, and what can be tried from inside a namespace."""

from __future__ import annotations

import socket
from dataclasses import replace

from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.base import Metadata, Nic
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.linux import namespaces

VPC, VSWITCH = "vpc-test", "vsw-test"
CIDR = "10.0.0.0/8"
ONE = Nic(
    vpc=VPC,
    vswitch=VSWITCH,
    mac="00:16:3e:00:00:01",
    private_ip="10.0.0.5",
    prefix=24,
    gateway="10.0.0.253",
)
TWO = replace(ONE, mac="00:16:3e:00:00:02", private_ip="10.0.0.6")


def network(fabric: NamespaceFabric, guest: Metadata | None = None) -> None:
    """The VPC with its vSwitch; every guest is told the same."""
    fabric.up(0, lambda _vpc, _address: guest)
    fabric.ensure_vpc(VPC, CIDR)
    fabric.ensure_vswitch(VPC, VSWITCH, "10.0.0.0/24", "10.0.0.253")


def box(fabric: NamespaceFabric, instance: str, nic: Nic) -> str:
    """The namespace of an instance."""
    fabric.plug(instance, nic)
    return fabric.open_namespace(instance, nic).name


def serve(space: str, port: int) -> socket.socket:
    """A listening socket inside a namespace."""

    def listen() -> socket.socket:
        listening = socket.create_server(("", port))
        listening.settimeout(5)
        return listening

    return namespaces.inside(space, listen)


def reaches(space: str, address: str, port: int, *, patience: float = 0.4) -> bool:
    """Whether a connection comes about from inside a namespace."""

    def connect() -> bool:
        try:
            socket.create_connection((address, port), timeout=patience).close()
        except OSError:
            return False
        return True

    return namespaces.inside(space, connect)


def ask(space: str, *options: str) -> str:
    """What the metadata service answers to curl: the body, or the status of a refusal."""
    line = ["ip", "netns", "exec", space, "curl", "-sS", "--max-time", "2"]
    line += ["-w", "\n%{http_code}", *options]
    done = SystemCommands().run(line, timeout=10, check=False)
    body, _, status = done.text.rpartition("\n")
    return body if status == "200" else status
