# SPDX-License-Identifier: Apache-2.0
"""A machine on premises that reaches private addresses over a VPN: network mode 2 rehearsed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.boxes import ONE, TWO, VPC, box, network, reaches, serve

from hostlift.localcloud.compute.base import Admission
from hostlift.localcloud.fabric.internet import internet_host
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.linux import namespaces

pytestmark = pytest.mark.root

OFFICE = "192.168.77.10"
OPEN = (Admission("tcp", 8080, 8080, f"{OFFICE}/32"),)


@pytest.fixture
def fabric(tmp_path: Path) -> Iterator[NamespaceFabric]:
    made = NamespaceFabric(tmp_path, "vpn")
    try:
        network(made)
        yield made
    finally:
        made.down()


def test_a_private_instance_is_reached_over_the_vpn_alone(fabric: NamespaceFabric) -> None:
    """By its own address, as its security group says; from the internet not at all."""
    space = box(fabric, "i-one", ONE)
    with (
        internet_host(fabric, "office", "198.51.100.30") as office,
        internet_host(fabric, "stranger", "198.51.100.31") as stranger,
        serve(space, 8080) as listening,
        serve(space, 22),
    ):
        assert not reaches(office, ONE.private_ip, 8080)
        fabric.connect(VPC, "vpn-1", office, f"{OFFICE}/24")
        assert not reaches(office, ONE.private_ip, 8080)
        fabric.admit(ONE, OPEN)
        assert reaches(office, ONE.private_ip, 8080, patience=5)
        with listening.accept()[0] as connection:
            assert connection.getpeername()[0] == OFFICE
        assert not reaches(office, ONE.private_ip, 22)
        assert not reaches(stranger, ONE.private_ip, 8080)
        assert reaches(office, "198.51.100.1", 9) is False  # its own way out is untouched
        fabric.disconnect(VPC, "vpn-1")
        fabric.disconnect(VPC, "vpn-1")
        assert not reaches(office, ONE.private_ip, 8080)


def test_an_instance_reaches_the_office_it_is_joined_to(fabric: NamespaceFabric) -> None:
    """And two machines have a link each; one that is joined again stays reachable."""
    space = box(fabric, "i-one", ONE)
    with (
        internet_host(fabric, "office", "198.51.100.30") as office,
        internet_host(fabric, "depot", "198.51.100.31") as depot,
        serve(office, 80),
        serve(depot, 80),
    ):
        fabric.connect(VPC, "vpn-1", office, f"{OFFICE}/24")
        fabric.connect(VPC, "vpn-2", depot, "192.168.88.10/24")
        fabric.connect(VPC, "vpn-1", office, f"{OFFICE}/24")
        assert reaches(space, OFFICE, 80, patience=5)
        assert reaches(space, "192.168.88.10", 80, patience=5)


def test_a_machine_that_does_not_exist_is_made_and_left(fabric: NamespaceFabric) -> None:
    """A namespace of any name; its end goes with the network, it stays."""
    name = fabric.host_namespace("lonely")
    space = box(fabric, "i-two", TWO)
    fabric.admit(TWO, (Admission("all", -1, -1, "192.168.77.0/24"),))
    try:
        fabric.connect(VPC, "vpn-1", name, f"{OFFICE}/24")
        with serve(space, 8080):
            assert reaches(name, TWO.private_ip, 8080, patience=5)
        fabric.remove_vpc(VPC)
        assert namespaces.links(name) == ("lo",)
    finally:
        namespaces.remove(name)


def _caller(api: socket.socket) -> str:
    with api.accept()[0] as connection:
        return str(connection.getpeername()[0])


def test_the_api_answers_inside_every_private_network(fabric: NamespaceFabric) -> None:
    """To an instance without a public address and over a VPN; networks are told apart; nothing else opens."""
    port = 18897
    fabric.down()
    fabric.up(port, lambda _vpc, _address: None)
    other = replace(ONE, vpc="vpc-other", vswitch="vsw-other", mac="00:16:3e:00:00:09")
    for nic in (ONE, other):
        fabric.ensure_vpc(nic.vpc, "10.0.0.0/8")
        fabric.ensure_vswitch(nic.vpc, nic.vswitch, "10.0.0.0/24", "10.0.0.253")
    spaces = [box(fabric, f"i-{number}", nic) for number, nic in enumerate((ONE, other))]
    office = fabric.host_namespace("office")
    fabric.connect(VPC, "vpn-1", office, f"{OFFICE}/24")
    where = fabric.service_address()
    try:
        with fabric.listen("198.51.100.1", port) as api:
            api.settimeout(5)
            for space in (*spaces, office):
                assert reaches(space, where, port, patience=5)
            assert (
                len({_caller(api) for _ in (*spaces, office)}) == 2
            )  # the office calls through the first network
            assert not reaches(spaces[0], "198.51.100.1", port)
            assert not reaches(spaces[0], where, port + 1)
            fabric.remove_vpc("vpc-other")
            assert reaches(spaces[0], where, port, patience=5)
    finally:
        namespaces.remove(office)
