# SPDX-License-Identifier: Apache-2.0
"""Real namespaces: enforcement, leases, metadata, public addresses, and nothing left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hostlift.host.command import SystemCommands, end_group, spawn
from hostlift.localcloud.compute.base import Admission, Metadata, Nic
from hostlift.localcloud.fabric import rules
from hostlift.localcloud.fabric.internet import internet_host
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.linux import namespaces

pytestmark = pytest.mark.root

VPC, VSWITCH = "vpc-test", "vsw-test"
ONE = Nic(
    vpc=VPC,
    vswitch=VSWITCH,
    mac="00:16:3e:00:00:01",
    private_ip="10.0.0.5",
    prefix=24,
    gateway="10.0.0.253",
    public_ip="203.0.113.5",
)
TWO = replace(ONE, mac="00:16:3e:00:00:02", private_ip="10.0.0.6", public_ip="203.0.113.6")
SOURCE = "198.51.100.10"


def guest_data(vpc: str, address: str) -> Metadata | None:
    if vpc != VPC or address != ONE.private_ip:
        return None
    return Metadata(items={"instance-id": "i-one"}, user_data=b"#!/bin/sh\n")


API_PORT = 18899


def network(fabric: NamespaceFabric) -> None:
    fabric.up(API_PORT, guest_data)
    fabric.ensure_vpc(VPC, "10.0.0.0/8")
    fabric.ensure_vswitch(VPC, VSWITCH, "10.0.0.0/24", "10.0.0.253")


@pytest.fixture
def fabric(tmp_path: Path) -> Iterator[NamespaceFabric]:
    made = NamespaceFabric(tmp_path, "test")
    try:
        network(made)
        yield made
    finally:
        made.down()


def box(fabric: NamespaceFabric, instance: str, nic: Nic) -> str:
    fabric.plug(instance, nic)
    return fabric.open_namespace(instance, nic).name


def serve(space: str, address: str, port: int) -> socket.socket:
    def listen() -> socket.socket:
        listening = socket.create_server((address, port))
        listening.settimeout(5)
        return listening

    return namespaces.inside(space, listen)


def reaches(space: str, address: str, port: int, *, patience: float = 0.4) -> bool:
    def connect() -> bool:
        try:
            socket.create_connection((address, port), timeout=patience).close()
        except TimeoutError:
            return False
        return True

    return namespaces.inside(space, connect)


def fetch(space: str, path: str) -> str:
    url = f"http://100.100.100.200/{path}"
    argv = ["ip", "netns", "exec", space, "curl", "-sS", "--max-time", "5", url]
    return SystemCommands().run(argv, timeout=10).text


def test_only_what_is_admitted_arrives_from_the_internet(fabric: NamespaceFabric) -> None:
    """Nothing by default; then exactly the port and the source of the rule, seen unchanged."""
    space = box(fabric, "i-one", ONE)
    with internet_host(fabric, "source", SOURCE) as source, serve(space, "", 8080) as listening:
        assert not reaches(source, ONE.public_ip, 8080)
        fabric.admit(ONE, (Admission("tcp", 8080, 8080, "198.51.100.99/32"),))
        assert not reaches(source, ONE.public_ip, 8080)
        fabric.admit(ONE, (Admission("tcp", 8080, 8080, f"{SOURCE}/32"),))
        assert reaches(source, ONE.public_ip, 8080, patience=5)
        with listening.accept()[0] as connection:
            assert connection.getpeername()[0] == SOURCE
        assert not reaches(source, ONE.public_ip, 8703)
        fabric.admit(ONE, ())
        assert not reaches(source, ONE.public_ip, 8080)


def test_neighbours_are_judged_like_strangers(fabric: NamespaceFabric) -> None:
    """Two instances of one subnet reach each other only through a rule, by both addresses."""
    one, two = box(fabric, "i-one", ONE), box(fabric, "i-two", TWO)
    with serve(one, "", 80):
        assert not reaches(two, ONE.private_ip, 80)
        fabric.admit(ONE, (Admission("tcp", 1, 65535, "10.0.0.6/32"),))
        assert reaches(two, ONE.private_ip, 80, patience=5)
        assert not reaches(two, ONE.public_ip, 80)
        fabric.admit(ONE, (Admission("all", -1, -1, "203.0.113.6/32"),))
        assert reaches(two, ONE.public_ip, 80, patience=5)


def test_a_guest_cannot_go_around_its_router(fabric: NamespaceFabric) -> None:
    """Knowing its neighbour's hardware address gets it past no security group, with no datagram."""
    one, two = box(fabric, "i-one", ONE), box(fabric, "i-two", TWO)
    fabric.admit(ONE, (Admission("udp", 53, 53, f"{TWO.private_ip}/32"),))
    assert datagram_arrives(two, one, ONE.private_ip, 53)
    fabric.admit(ONE, ())
    assert not datagram_arrives(two, one, ONE.private_ip, 53)
    namespaces.configure(two, [f"neigh replace {ONE.private_ip} lladdr {ONE.mac} dev eth0"])
    assert not datagram_arrives(two, one, ONE.private_ip, 53)


def datagram_arrives(sender: str, receiver: str, address: str, port: int) -> bool:
    def open_udp() -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    with namespaces.inside(receiver, open_udp) as ear, namespaces.inside(sender, open_udp) as mouth:
        ear.bind(("", port))
        ear.settimeout(1)
        mouth.sendto(b"x", (address, port))
        try:
            return ear.recv(10) == b"x"
        except TimeoutError:
            return False


def test_guests_go_out_by_their_public_address_only(fabric: NamespaceFabric) -> None:
    """The internet sees the public address; an instance without one gets no further."""
    one = box(fabric, "i-one", ONE)
    hidden = box(fabric, "i-two", replace(TWO, public_ip=""))
    with internet_host(fabric, "server", "198.51.100.20") as server, serve(server, "", 80) as ear:
        assert reaches(one, "198.51.100.20", 80, patience=5)
        with ear.accept()[0] as connection:
            assert connection.getpeername()[0] == ONE.public_ip
        assert not reaches(hidden, "198.51.100.20", 80)


def test_a_guest_cannot_speak_for_another(fabric: NamespaceFabric) -> None:
    """A box that takes a neighbour's address is not heard, not even by the metadata service."""
    space = box(fabric, "i-two", TWO)
    fabric.plug("i-one", ONE)
    namespaces.configure(
        space,
        [
            "addr flush dev eth0",
            "addr add 10.0.0.5/24 dev eth0",
            "route add default via 10.0.0.253",
        ],
    )
    assert not reaches(space, "100.100.100.200", 80)


def test_metadata_is_told_by_private_address(fabric: NamespaceFabric) -> None:
    """Each guest reads its own; a stranger reads nothing."""
    one, two = box(fabric, "i-one", ONE), box(fabric, "i-two", TWO)
    assert fetch(one, "latest/meta-data/instance-id") == "i-one"
    assert fetch(one, "latest/meta-data/") == "instance-id"
    assert fetch(one, "latest/user-data") == "#!/bin/sh\n"
    assert "404" in fetch(two, "latest/meta-data/instance-id")


def test_the_lease_names_address_and_router(fabric: NamespaceFabric, tmp_path: Path) -> None:
    """A DHCP client gets the card's address, prefix and gateway; after unplug, no answer."""
    space = box(fabric, "i-one", ONE)
    namespaces.configure(space, ["addr flush dev eth0"])
    assert discover(space, ONE.mac) == {
        "address": ONE.private_ip,
        "mask": "255.255.255.0",
        "router": ONE.gateway,
    }
    moved = replace(ONE, private_ip="10.0.0.77")
    fabric.plug("i-one", moved)
    assert discover(space, ONE.mac)["address"] == "10.0.0.77"


def discover(space: str, mac: str) -> dict[str, str]:
    """One DHCPDISCOVER by hand; what the offer says."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    request = b"\x01\x01\x06\x00" + b"\x12\x34\x56\x78" + b"\0\0\x80\0" + bytes(16) + hardware
    request += (
        bytes(10 + 192) + b"\x63\x82\x53\x63" + b"\x35\x01\x01" + b"\x37\x02\x01\x03" + b"\xff"
    )

    def ask() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            udp.bind(("0.0.0.0", 68))
            udp.settimeout(1)
            for _ in range(8):
                udp.sendto(request, ("255.255.255.255", 67))
                try:
                    return udp.recv(2000)
                except TimeoutError:
                    continue
        raise AssertionError("no offer")

    namespaces.configure(space, ["route replace 255.255.255.255/32 dev eth0"])
    offer = namespaces.inside(space, ask)
    options, rest = {}, offer[240:]
    while rest and rest[0] != 255:
        options[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return {
        "address": socket.inet_ntoa(offer[16:20]),
        "mask": socket.inet_ntoa(options[1]),
        "router": socket.inet_ntoa(options[3]),
    }


def test_the_api_can_listen_on_the_internet(fabric: NamespaceFabric) -> None:
    """A socket of `listen` is reached from a host there, and from a guest with a public address."""
    one = box(fabric, "i-one", ONE)
    for address in fabric.api_addresses():
        with fabric.listen(address, 7443), internet_host(fabric, "client", SOURCE) as client:
            assert reaches(client, address, 7443, patience=5)
            assert reaches(one, address, 7443, patience=5)


def test_down_leaves_nothing(tmp_path: Path) -> None:
    """No namespace and no process, and a second down is fine."""
    fabric = NamespaceFabric(tmp_path, "test")
    network(fabric)
    space = box(fabric, "i-one", ONE)
    spaces = set(namespaces.existing(space.split("-")[1]))
    assert len(spaces) == 3
    sleeper = spawn(["ip", "netns", "exec", space, "sleep", "600"])
    try:
        fabric.down()
        fabric.down()
        assert not spaces & set(namespaces.existing(""))
        assert sleeper.wait(timeout=5) != 0
        assert str(tmp_path) not in all_command_lines()
    finally:
        end_group(sleeper)


def all_command_lines() -> str:
    texts = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)


def test_up_removes_what_a_crash_left_and_adopts_what_lives(tmp_path: Path) -> None:
    """A dead network goes; one with a held tap stays and works again after the calls repeat."""
    crashed = NamespaceFabric(tmp_path, "test")
    network(crashed)
    crashed.ensure_vpc("vpc-dead", "10.1.0.0/16")
    crashed.plug("i-one", ONE)
    tap = crashed.open_tap(ONE)
    space = crashed._vpcs[VPC].namespace
    for lost in crashed._vpcs.values():
        lost._metadata.close()
    again = NamespaceFabric(tmp_path, "test")
    try:
        again.up(0, guest_data)
        assert not [n for n in namespaces.existing("vpc-dead") if n.startswith("test-")]
        assert rules.device_of(ONE) in namespaces.links(space)
        network(again)
        again.plug("i-one", ONE)
        assert rules.device_of(ONE) in namespaces.links(space)
        with internet_host(again, "source", SOURCE) as source:
            two = box(again, "i-two", TWO)
            again.admit(TWO, (Admission("tcp", 22, 22, "0.0.0.0/0"),))
            with serve(two, "", 22):
                assert reaches(source, TWO.public_ip, 22, patience=5)
    finally:
        os.close(tap)
        again.down()
    assert not namespaces.existing(space.split("-")[1])
