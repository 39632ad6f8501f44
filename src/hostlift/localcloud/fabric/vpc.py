# SPDX-License-Identifier: Apache-2.0
"""One private network: a namespace with a bridge, a port per instance and an uplink.

Ports are isolated from each other on the bridge and the router answers for every neighbour
(private-VLAN proxy ARP), so that traffic between two instances passes the security groups as well.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable
from pathlib import Path

from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.base import Admission, Metadata, Nic
from hostlift.localcloud.fabric import internet, metadata, onprem, rules
from hostlift.localcloud.fabric.dhcp import Dhcp, Subnet
from hostlift.localcloud.fabric.internet import Internet
from hostlift.localcloud.fabric.metadata import MetadataServer
from hostlift.localcloud.fabric.rules import Service
from hostlift.localcloud.fabric.sockets import listening_socket
from hostlift.localcloud.linux import namespaces, taps

_LAN = "lan"
_ROUTER_MAC = "ee:ff:ff:ff:ff:ff"
_SYSCTLS = {
    **internet.ROUTER_SYSCTLS,
    # Proxy answers are otherwise held back for up to 0.8 s.
    "ipv4/neigh/default/proxy_delay": "0",
}
_NFT_TIMEOUT = 30.0
_TRANSITS = ipaddress.IPv4Network("100.64.0.0/11")


class PrivateNetwork:
    """A VPC.

    Args:
        folder: For its DHCP server's files.
        namespace: Name of its namespace.
        cidr: Its network.
        lookup: Private address to what the metadata service tells that guest.
        api_port: Of the API on the internet; 0: guests need a public address to reach it.
    """

    def __init__(
        self,
        folder: Path,
        namespace: str,
        cidr: str,
        world: Internet,
        lookup: Callable[[str], Metadata | None],
        api_port: int = 0,
    ) -> None:
        self.namespace = namespace
        self._service = _service_of(namespace, api_port) if api_port else None
        self._cidr = cidr
        self._world = world
        self._lookup = lookup
        self._uplink = uplink_of(namespace)
        self._dhcp = Dhcp(folder, namespace)
        self._subnets: dict[str, Subnet] = {}
        self._ports: dict[str, rules.Port] = {}
        self._metadata: MetadataServer | None = None

    def ensure(self) -> None:
        """Make it, or complete what a crash left of it."""
        namespaces.make(self.namespace, _SYSCTLS)
        links = namespaces.links(self.namespace)
        if "uplink" not in links:
            line = f"link add {self._uplink} type veth peer name uplink netns {self.namespace}"
            namespaces.configure(self._world.name, [f"link del {self._uplink}"], force=True)
            namespaces.configure(self._world.name, [line])
        namespaces.configure(self._world.name, [f"link set {self._uplink} up"])
        lines = []
        if _LAN not in links:
            lines.append(f"link add {_LAN} type bridge stp_state 0 mcast_snooping 0")
        lines += [
            f"link set {_LAN} address {_ROUTER_MAC} up",
            f"addr replace {metadata.ADDRESS}/32 dev {_LAN}",
            f"addr replace {internet.TRANSIT_VPC}/32 dev uplink",
            "link set uplink up",
            f"route replace default via {internet.TRANSIT_OURS} dev uplink onlink",
        ]
        namespaces.configure(self.namespace, lines)
        lan = {
            f"ipv4/conf/{_LAN}/proxy_arp_pvlan": "1",
            f"ipv4/neigh/{_LAN}/proxy_delay": "0",
        }
        namespaces.set_sysctls(self.namespace, lan)
        if self._service is not None:
            self._world.route(self._service.transit, self._uplink)
        self._load_rules()
        self._serve_metadata()

    def remove(self) -> None:
        """Drop it with everything in it."""
        self.close()
        self._dhcp.forget()
        for port in self._ports.values():
            if port.nic.public_ip:
                self._world.unroute(port.nic.public_ip)
        if self._service is not None:
            self._world.unroute(self._service.transit)
        namespaces.remove(self.namespace)

    def close(self) -> None:
        """End the services that live in this process or were started by it."""
        if self._metadata is not None:
            self._metadata.close()
            self._metadata = None
        self._dhcp.stop()

    def add_subnet(self, vswitch: str, cidr: str, gateway: str) -> None:
        """Add a vSwitch; there already with the same values is fine."""
        subnet = Subnet(vswitch, ipaddress.IPv4Network(cidr), gateway)
        if self._subnets.get(vswitch) == subnet:
            return
        self._subnets[vswitch] = subnet
        address = f"{gateway}/{subnet.network.prefixlen}"
        namespaces.configure(self.namespace, [f"addr replace {address} dev {_LAN}"])
        self._dhcp.serve(self._subnets.values())

    def remove_subnet(self, vswitch: str) -> None:
        """Drop a vSwitch; gone already is fine."""
        subnet = self._subnets.pop(vswitch, None)
        if subnet is None:
            return
        address = f"{subnet.gateway}/{subnet.network.prefixlen}"
        namespaces.configure(self.namespace, [f"addr del {address} dev {_LAN}"], force=True)
        self._dhcp.serve(self._subnets.values())

    def plug(self, nic: Nic, admissions: tuple[Admission, ...]) -> None:
        """Give a card its lease, its public address and its security group."""
        before = self._ports.get(nic.mac)
        self._ports[nic.mac] = rules.Port(nic, admissions)
        self._dhcp.lease(nic)
        self._load_rules()
        if before and before.nic.public_ip and before.nic.public_ip != nic.public_ip:
            self._world.unroute(before.nic.public_ip)
        if nic.public_ip:
            self._world.route(nic.public_ip, self._uplink)

    def unplug(self, nic: Nic) -> None:
        """Take all of that away; gone already is fine."""
        known = self._ports.pop(nic.mac, None)
        self._dhcp.release(nic)
        device = rules.device_of(nic)
        if device in namespaces.links(self.namespace):
            namespaces.configure(self.namespace, [f"link del {device}"], force=True)
        public = known.nic.public_ip if known else nic.public_ip
        if public:
            self._world.unroute(public)
        self._load_rules()

    def admit(self, nic: Nic, admissions: tuple[Admission, ...]) -> None:
        """Replace what may reach a card, if it is plugged in."""
        port = self._ports.get(nic.mac)
        if port is not None:
            self._ports[nic.mac] = rules.Port(port.nic, admissions)
            self._load_rules()

    def connect(self, link: str, host: str, address: str) -> None:
        """Join the network namespace ``host``, a machine on premises, by a routed link."""
        onprem.connect(self.namespace, self._cidr, onprem.Link(link, host, address))

    def disconnect(self, link: str) -> None:
        """Cut the link; cut already is fine."""
        onprem.disconnect(self.namespace, link)

    def open_tap(self, nic: Nic) -> int:
        """The card's port as a tap descriptor for a virtual machine."""
        device = rules.device_of(nic)
        fd = namespaces.inside(self.namespace, lambda: taps.open_tap(device))
        self._connect(device)
        return fd

    def open_namespace(self, nic: Nic, space: str) -> None:
        """The card's port as ``eth0`` of a new namespace, set up as DHCP would."""
        device = rules.device_of(nic)
        namespaces.remove(space)
        if device in namespaces.links(self.namespace):
            namespaces.configure(self.namespace, [f"link del {device}"])
        namespaces.make(space, {"ipv6/conf/all/disable_ipv6": "1"})
        line = f"link add {device} type veth peer name eth0 address {nic.mac} netns {space}"
        namespaces.configure(self.namespace, [line])
        self._connect(device)
        namespaces.configure(
            space,
            [
                f"addr add {nic.private_ip}/{nic.prefix} dev eth0",
                "link set eth0 up",
                f"route add default via {nic.gateway}",
            ],
        )

    def _connect(self, device: str) -> None:
        lines = [
            f"link set {device} master {_LAN}",
            f"link set {device} type bridge_slave isolated on",
            f"link set {device} up",
        ]
        namespaces.configure(self.namespace, lines)

    def _load_rules(self) -> None:
        SystemCommands().run(
            ["ip", "netns", "exec", self.namespace, "nft", "-f", "-"],
            stdin=rules.render(self._ports.values(), self._service).encode(),
            timeout=_NFT_TIMEOUT,
        )

    def _serve_metadata(self) -> None:
        if self._metadata is None:
            listening = listening_socket(self.namespace, metadata.ADDRESS, metadata.PORT)
            self._metadata = MetadataServer(listening, self._lookup)


def uplink_of(namespace: str) -> str:
    """Name of a private network's uplink inside the internet; names have 15 letters at most."""
    return "u" + hashlib.sha256(namespace.encode()).hexdigest()[:13]


def _service_of(namespace: str, port: int) -> Service:
    """The API for a private network, with a transit address in 100.64.0.0/11 of its own."""
    number = (
        int.from_bytes(hashlib.sha256(namespace.encode()).digest()[:4]) % _TRANSITS.num_addresses
    )
    return Service(
        address=internet.SERVICE_ADDRESS,
        target=internet.HOSTS_ROUTER,
        port=port,
        transit=str(_TRANSITS[number]),
    )
