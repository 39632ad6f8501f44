# SPDX-License-Identifier: Apache-2.0
"""The contract between the API side of the embedded cloud and what really runs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """The one network interface of an instance.

    Attributes:
        prefix: Length of the vSwitch's network, for example 24.
        gateway: Address of the vSwitch's router, its fourth from last (``x.x.x.253`` of a /24).
        public_ip: Empty when it has none.
    """

    vpc: str
    vswitch: str
    mac: str
    private_ip: str
    prefix: int
    gateway: str
    public_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRef:
    """A disk as an instance sees it; ``serial`` is what the guest reads from the device."""

    id: str
    serial: str
    size_gib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """An instance to run. ``disks[0]`` is the system disk.

    Attributes:
        firmware: ``bios`` or ``uefi``.
        user_data: Raw bytes; the guest fetches them from the metadata service, the process kind
            runs them once per instance.
    """

    id: str
    hostname: str
    cpus: int
    memory_mib: int
    firmware: str
    disks: tuple[DiskRef, ...]
    nic: Nic
    user_data: bytes = b""


class Power(StrEnum):
    """Whether a machine runs."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Admission:
    """An inbound permission: IP protocol (``tcp``, ``udp``, ``icmp``, ``all``), ports, CIDR."""

    protocol: str
    low: int
    high: int
    source: str


class Compute(Protocol):
    """Disks and machines of one kind. Errors are `hostlift.errors.HostError`.

    Called from several threads, but by one at a time for the same machine, disk or snapshot.
    """

    name: str

    def create_disk(self, disk: str, size_gib: int, *, source: str = "") -> None:
        """Make a disk; ``source`` is a snapshot id or public image id whose bytes it starts with.

        The rest up to ``size_gib`` reads as zeros.
        """
        ...

    def delete_disk(self, disk: str) -> None:
        """Drop a disk and its bytes; gone already is fine."""
        ...

    def disk_used(self, disk: str) -> bool:
        """True when the guest ever wrote to it."""
        ...

    def snapshot(self, disk: str, snapshot: str) -> None:
        """Copy a disk as it is now (of a running machine: crash-consistent)."""
        ...

    def copy_snapshot(self, source: str, snapshot: str) -> None:
        """Copy a snapshot's bytes under another id, as CopyImage does; there already is fine."""
        ...

    def resize_disk(self, disk: str, size_gib: int) -> None:
        """Let a disk grow; a running guest sees it when its kernel can. As large already is fine."""
        ...

    def attach_disk(self, instance: str, disk: DiskRef) -> None:
        """Show a disk to a running machine; shown already, and a machine that is off, are fine."""
        ...

    def detach_disk(self, instance: str, disk: str) -> bool:
        """Take a disk from a machine; True once it has let go of it, at once when it is off.

        A guest may take its time: ask again until then.
        """
        ...

    def delete_snapshot(self, snapshot: str) -> None:
        """Drop a snapshot; gone already is fine."""
        ...

    def export(self, snapshot: str, target: str) -> None:
        """Write a snapshot as a stand-alone qcow2 file at the path ``target``."""
        ...

    def start(self, machine: MachineSpec) -> None:
        """Power on; already on is fine. Returns when the machine's process runs."""
        ...

    def stop(self, instance: str, *, force: bool) -> None:
        """Ask the guest to shut down, or pull the plug with ``force``. Does not wait."""
        ...

    def delete(self, instance: str) -> None:
        """Pull the plug and forget the machine (disks stay); gone already is fine."""
        ...

    def power(self, instance: str) -> Power:
        """Whether it runs."""
        ...

    def console(self, instance: str) -> bytes:
        """What it printed on the serial console since its creation, the last 64 KiB at least."""
        ...

    def public_images(self) -> tuple[PublicImage, ...]:
        """The base images this kind can start, building or registering none."""
        ...

    def close(self) -> None:
        """Pull every plug (``cloud down``)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicImage:
    """A base image: id and name as Alibaba writes them."""

    id: str
    name: str
    os_name: str
    platform: str
    size_gib: int
    boot_mode: str = "BIOS"


MetadataLookup = Callable[[str, str], "Metadata | None"]
"""(VPC id, private address) -> what the metadata service answers to that guest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Answers of ``http://100.100.100.200``: items below ``latest/meta-data/``, and user data.

    Attributes:
        token_required: Hardened mode only (``HttpTokens=required``).
        hop_limit: Routers a token's answer may pass.
    """

    items: dict[str, str]
    user_data: bytes
    token_required: bool = False
    hop_limit: int = 1


class Fabric(Protocol):
    """Networks. ``paper`` has one that does nothing."""

    def up(self, api_port: int, metadata: MetadataLookup) -> None:
        """Make the internet; serve metadata inside each VPC, and let it reach the API."""
        ...

    def down(self) -> None:
        """Remove every namespace, interface and process of this cloud."""
        ...

    def api_addresses(self) -> tuple[str, ...]:
        """Addresses inside the internet namespace at which the API must answer too."""
        ...

    def service_address(self) -> str:
        """The address at which guests without a public one reach the API; empty: there is none."""
        ...

    def listen(self, address: str, port: int) -> socket.socket:
        """A TCP socket of the internet namespace, bound to one of its addresses and listening."""
        ...

    def ensure_vpc(self, vpc: str, cidr: str) -> None:
        """Make a private network."""
        ...

    def remove_vpc(self, vpc: str) -> None:
        """Drop a private network; gone already is fine."""
        ...

    def ensure_vswitch(self, vpc: str, vswitch: str, cidr: str, gateway: str) -> None:
        """Make a subnet with its router address and DHCP."""
        ...

    def remove_vswitch(self, vpc: str, vswitch: str) -> None:
        """Drop a subnet; gone already is fine."""
        ...

    def plug(self, instance: str, nic: Nic) -> None:
        """Give an instance its port, its DHCP lease and its public address."""
        ...

    def unplug(self, instance: str, nic: Nic) -> None:
        """Take it away; gone already is fine."""
        ...

    def connect(self, vpc: str, link: str, namespace: str, address: str) -> None:
        """Let a host on premises reach a private network, and be reached, by a routed link.

        Args:
            link: Id of the link; a second call with the same id replaces it.
            namespace: The network namespace that is the host; made if need be.
            address: Of the host, with the length of its network.
        """
        ...

    def disconnect(self, vpc: str, link: str) -> None:
        """Cut a link; cut already is fine."""
        ...

    def admit(self, nic: Nic, admissions: tuple[Admission, ...]) -> None:
        """Replace what may reach ``nic`` from outside; replies to its own traffic always may."""
        ...
