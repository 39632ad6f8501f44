# SPDX-License-Identifier: Apache-2.0
"""`hostlift.localcloud.compute.base.Fabric` out of Linux namespaces. Needs root.

Promises: `down` leaves no namespace, interface or process; `up` removes what a crashed run of the
same folder left, except networks with an instance that still runs on them: those are adopted, and
the API side completes them by repeating its calls.
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from pathlib import Path

from hostlift.errors import HostError
from hostlift.localcloud.compute.base import Admission, MetadataLookup, Nic
from hostlift.localcloud.fabric import internet
from hostlift.localcloud.fabric.dhcp import Dhcp
from hostlift.localcloud.fabric.internet import Internet
from hostlift.localcloud.fabric.sockets import listening_socket
from hostlift.localcloud.fabric.vpc import PrivateNetwork
from hostlift.localcloud.linux import namespaces
from hostlift.localcloud.linux.processes import Mark


class NamespaceFabric:
    """The networks of one cloud.

    Args:
        folder: The cloud's folder; its hash is in the name of every namespace.
        name: The cloud's name, for people who read ``ip netns``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / "fabric"
        digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
        self._ours = f"-{digest}-"
        label = re.sub(r"[^a-z0-9]+", "", name.lower())[:16]
        self._prefix = f"{label or 'cloud'}{self._ours}"
        self._world = Internet(f"{self._prefix}internet")
        self._vpcs: dict[str, PrivateNetwork] = {}
        self._admissions: dict[str, tuple[Admission, ...]] = {}
        self._metadata: MetadataLookup = _nobody
        self._api_port = 0
        self._lock = threading.RLock()

    @property
    def internet_namespace(self) -> str:
        """Name of the namespace that plays the internet."""
        return self._world.name

    def host_namespace(self, name: str) -> str:
        """Name of the namespace of a host on the internet."""
        return f"{self._prefix}host-{name}"

    def up(self, api_port: int, metadata: MetadataLookup) -> None:
        """See the contract. The API itself is put on the internet with `listen`."""
        with self._lock:
            self._api_port = api_port
            self._metadata = metadata
            self._folder.mkdir(parents=True, exist_ok=True)
            self._clean_leftovers()
            self._world.ensure()

    def down(self) -> None:
        """See the contract."""
        with self._lock:
            for network in self._vpcs.values():
                network.close()
            self._vpcs.clear()
            self._admissions.clear()
            for space in self._spaces():
                self._end_processes(space)
            for space in self._spaces():
                namespaces.remove(space)

    def api_addresses(self) -> tuple[str, ...]:
        """See the contract."""
        return internet.API_ADDRESSES

    def service_address(self) -> str:
        """See the contract."""
        return internet.SERVICE_ADDRESS

    def listen(self, address: str, port: int) -> socket.socket:
        """A TCP socket listening on an address of the internet namespace."""
        return listening_socket(self._world.name, address, port)

    def open_internet_tap(self, name: str) -> int:
        """A tap on the internet for a virtual machine, which keeps the descriptor.

        Args:
            name: Of the interface, at most 15 letters.
        """
        return self._world.open_tap(name)

    def ensure_vpc(self, vpc: str, cidr: str) -> None:
        """See the contract."""
        with self._lock:
            if vpc not in self._vpcs:
                folder = self._vpc_folder(vpc)
                folder.mkdir(parents=True, exist_ok=True)
                self._vpcs[vpc] = PrivateNetwork(
                    folder,
                    self._vpc_namespace(vpc),
                    cidr,
                    self._world,
                    lambda address: self._metadata(vpc, address),
                    self._api_port,
                )
            self._vpcs[vpc].ensure()

    def remove_vpc(self, vpc: str) -> None:
        """See the contract."""
        with self._lock:
            network = self._vpcs.pop(vpc, None)
            if network is not None:
                network.remove()
            elif self._vpc_namespace(vpc) in self._spaces():
                self._end_processes(self._vpc_namespace(vpc))
                namespaces.remove(self._vpc_namespace(vpc))

    def ensure_vswitch(self, vpc: str, vswitch: str, cidr: str, gateway: str) -> None:
        """See the contract."""
        with self._lock:
            self._vpc(vpc).add_subnet(vswitch, cidr, gateway)

    def remove_vswitch(self, vpc: str, vswitch: str) -> None:
        """See the contract."""
        with self._lock:
            if vpc in self._vpcs:
                self._vpcs[vpc].remove_subnet(vswitch)

    def plug(self, instance: str, nic: Nic) -> None:  # noqa: ARG002 - a card has one instance
        """See the contract."""
        with self._lock:
            self._vpc(nic.vpc).plug(nic, self._admissions.get(nic.mac, ()))

    def unplug(self, instance: str, nic: Nic) -> None:
        """See the contract."""
        with self._lock:
            self._admissions.pop(nic.mac, None)
            if nic.vpc in self._vpcs:
                self._vpcs[nic.vpc].unplug(nic)
            namespaces.remove(self._instance_namespace(instance))

    def connect(self, vpc: str, link: str, namespace: str, address: str) -> None:
        """See the contract."""
        with self._lock:
            self._vpc(vpc).connect(link, namespace, address)

    def disconnect(self, vpc: str, link: str) -> None:
        """See the contract."""
        with self._lock:
            if vpc in self._vpcs:
                self._vpcs[vpc].disconnect(link)

    def admit(self, nic: Nic, admissions: tuple[Admission, ...]) -> None:
        """See the contract. What is not plugged in yet is judged so once it is."""
        with self._lock:
            self._admissions[nic.mac] = admissions
            if nic.vpc in self._vpcs:
                self._vpcs[nic.vpc].admit(nic, admissions)

    def open_tap(self, nic: Nic) -> int:
        """The port of a plugged card as a tap descriptor; the port lives as long as it is open."""
        with self._lock:
            return self._vpc(nic.vpc).open_tap(nic)

    def open_namespace(self, instance: str, nic: Nic) -> Path:
        """The port of a plugged card as ``eth0`` of a new namespace; returns the namespace's file."""
        with self._lock:
            space = self._instance_namespace(instance)
            self._vpc(nic.vpc).open_namespace(nic, space)
            return namespaces.path_of(space)

    def _vpc(self, vpc: str) -> PrivateNetwork:
        if vpc not in self._vpcs:
            raise HostError("no such private network", subject=vpc)
        return self._vpcs[vpc]

    def _vpc_namespace(self, vpc: str) -> str:
        return f"{self._prefix}net-{vpc}"

    def _instance_namespace(self, instance: str) -> str:
        return f"{self._prefix}box-{instance}"

    def _vpc_folder(self, vpc: str) -> Path:
        return self._folder / vpc

    def _spaces(self, part: str = "") -> tuple[str, ...]:
        return namespaces.existing(self._ours + part)

    def _clean_leftovers(self) -> None:
        """Boxes without processes first: their ports go with them, and show what still lives."""
        for space in (*self._spaces("box-"), *self._spaces("host-")):
            if not namespaces.members(space):
                namespaces.remove(space)
        for space in self._spaces("net-"):
            self._end_processes(space)
            if not any(link.startswith("p") for link in namespaces.links(space)):
                namespaces.remove(space)
        alive = self._spaces("net-") or self._spaces("host-")
        for space in self._spaces("internet"):
            guests = set(namespaces.links(space)) - {"lo", internet.BRIDGE}
            if not alive and not guests:
                namespaces.remove(space)

    def _end_processes(self, space: str) -> None:
        """Instances and servers inside; a person's shell on the internet is left alone."""
        _, _, tail = space.partition(self._ours)
        if tail.startswith("net-"):
            Dhcp(self._vpc_folder(tail.removeprefix("net-")), space).stop()
        if tail.startswith("box-"):
            for pid in namespaces.members(space):
                Mark.of(pid).end()


def _nobody(_vpc: str, _address: str) -> None:
    """The lookup before `NamespaceFabric.up`."""
