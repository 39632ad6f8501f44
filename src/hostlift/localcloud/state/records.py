# SPDX-License-Identifier: Apache-2.0
"""What an account holds. Records are frozen; a change is a new record under the same id.

Life cycles (the words are the API's own):

    VPC, vSwitch   Pending → Available
    instance       Pending → Starting → Running → Stopping → Stopped (→ Starting …)
    disk           Creating → Available → Attaching → In_use → Detaching → Available
    snapshot       progressing → accomplished | failed
    image          Creating → Available | CreateFailed
    address        Available → Associating → InUse → Unassociating → Available
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field
from pydantic.dataclasses import dataclass

Buried: TypeAlias = Literal["disk", "snapshot", "vswitch", "vpc"]


class NetworkStatus(StrEnum):
    """Of VPCs and vSwitches."""

    PENDING = "Pending"
    AVAILABLE = "Available"


class InstanceStatus(StrEnum):
    """Of instances."""

    PENDING = "Pending"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


class DiskStatus(StrEnum):
    """Of disks."""

    CREATING = "Creating"
    AVAILABLE = "Available"
    ATTACHING = "Attaching"
    IN_USE = "In_use"
    DETACHING = "Detaching"


class SnapshotStatus(StrEnum):
    """Of snapshots."""

    PROGRESSING = "progressing"
    ACCOMPLISHED = "accomplished"
    FAILED = "failed"


class ImageStatus(StrEnum):
    """Of images."""

    CREATING = "Creating"
    AVAILABLE = "Available"
    FAILED = "CreateFailed"


class EipStatus(StrEnum):
    """Of elastic addresses."""

    AVAILABLE = "Available"
    ASSOCIATING = "Associating"
    IN_USE = "InUse"
    UNASSOCIATING = "Unassociating"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What all resources have.

    Attributes:
        trouble: Why the last life-cycle step failed.
        not_before: Seconds since 1970 until which it stays in its passing state (a fault).
        doom: Why what is under way will fail (a fault); empty: it will not.
    """

    id: str
    account: str
    region: str
    created: float
    name: str = ""
    description: str = ""
    resource_group: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    trouble: str = ""
    not_before: float = 0.0
    doom: str = ""


@dataclass(frozen=True, kw_only=True)
class Vpc(Record):
    """A private network."""

    cidr: str
    router: str
    route_table: str
    user_cidrs: tuple[str, ...] = ()
    status: NetworkStatus = NetworkStatus.PENDING


@dataclass(frozen=True, kw_only=True)
class VSwitch(Record):
    """A subnet in one zone."""

    vpc: str
    zone: str
    cidr: str
    status: NetworkStatus = NetworkStatus.PENDING


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A permission of a security group, as given; ``direction`` is ingress or egress."""

    id: str
    created: float
    direction: str
    protocol: str
    port_range: str
    cidr: str = ""
    ipv6_cidr: str = ""
    group: str = ""
    policy: str = "Accept"
    priority: str = "1"
    nic_type: str = "intranet"
    source_port_range: str = ""
    other_cidr: str = ""
    """The CIDR of the near side in a quintuple rule; informative."""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class SecurityGroup(Record):
    """A set of rules; its members reach each other while ``inner_policy`` is Accept."""

    vpc: str
    kind: str = "normal"
    inner_policy: str = "Accept"
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Instance(Record):
    """A virtual server.

    Attributes:
        release_at: Seconds since 1970 of the automatic release; 0: never.
        force_stop: The stop under way pulls the plug.
        restart: Start again once stopped (reboot).
        deleting: Release is under way.
        stop_asked: When the stop under way began.
        user_data: Base64, as given.
        elastic: Its public address is an elastic one.
        released_ip: It gave up its public address when it was stopped without being charged.
    """

    zone: str
    type: str
    image: str
    hostname: str
    vpc: str
    vswitch: str
    groups: tuple[str, ...]
    mac: str
    eni: str
    private_ip: str
    public_ip: str = ""
    elastic: bool = False
    released_ip: bool = False
    bandwidth_in: int = 10
    bandwidth_out: int = 0
    internet_charge: str = "PayByTraffic"
    charge: str = "PostPaid"
    user_data: str = ""
    key_pair: str = ""
    ram_role: str = ""
    http_endpoint: str = "enabled"
    http_tokens: str = "optional"
    hop_limit: int = 1
    serial: str = ""
    boot_mode: str = "BIOS"
    os_type: str = "linux"
    os_name: str = ""
    spot_strategy: str = "NoSpot"
    credit: str = ""
    protected: bool = False
    status: InstanceStatus = InstanceStatus.PENDING
    stopped_mode: str = "Not-applicable"
    started: float = 0.0
    release_at: float = 0.0
    force_stop: bool = False
    restart: bool = False
    deleting: bool = False
    stop_asked: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Disk(Record):
    """A cloud disk. ``source`` is the snapshot or public image it starts from.

    Attributes:
        system_of: The instance whose system disk it was before it was taken off.
    """

    zone: str
    size: int
    category: str
    type: str
    serial: str
    source: str = ""
    snapshot: str = ""
    image: str = ""
    system_of: str = ""
    performance: str = ""
    instance: str = ""
    device: str = ""
    attached: float = 0.0
    detached: float = 0.0
    delete_with_instance: bool = False
    delete_auto_snapshot: bool = False
    encrypted: bool = False
    portable: bool = True
    made: bool = False
    ever_attached: bool = False
    ever_started: bool = False
    status: DiskStatus = DiskStatus.CREATING


@dataclass(frozen=True, kw_only=True)
class Snapshot(Record):
    """A copy of a disk; ``copied`` once its bytes are safe from later writes.

    Attributes:
        source: The snapshot it is a copy of, from another region; empty: of the disk.
    """

    disk: str
    source: str = ""
    disk_size: int
    disk_type: str
    image: str = ""
    retention_days: int = 0
    instant_access: bool = False
    copied: bool = False
    modified: float = 0.0
    status: SnapshotStatus = SnapshotStatus.PROGRESSING


@dataclass(frozen=True, kw_only=True)
class ImageDisk:
    """A disk of an image; without a snapshot it is blank."""

    device: str
    type: str
    size: int
    snapshot: str = ""


@dataclass(frozen=True, kw_only=True)
class Image(Record):
    """An image; the public ones are not stored, compute names them.

    Attributes:
        shared_with: Ids of the accounts that may use it.
        copied: It is a copy from another region.
    """

    platform: str
    architecture: str
    os_type: str
    os_name: str
    boot_mode: str
    disks: tuple[ImageDisk, ...]
    owner: str = "self"
    family: str = ""
    version: str = ""
    cloud_init: bool = True
    license_type: str = "Auto"
    shared_with: tuple[str, ...] = ()
    copied: bool = False
    status: ImageStatus = ImageStatus.CREATING


@dataclass(frozen=True, kw_only=True)
class Eip(Record):
    """An elastic public address."""

    address: str
    bandwidth: int
    internet_charge: str
    instance: str = ""
    status: EipStatus = EipStatus.AVAILABLE


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What an account, whose id it has, used.

    Attributes:
        spent: Until ``since``, in the account's currency.
        hour: What an hour costs from then on.
    """

    id: str
    spent: float = 0.0
    hour: float = 0.0
    since: float


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """An answer kept for a ClientToken; the id is account, action and token.

    Attributes:
        busy_until: Seconds since 1970 until which the call seems to be under way (a fault).
    """

    id: str
    created: float
    digest: str
    answer: str
    busy_until: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """Something deleted whose bytes or wires are still to be removed."""

    id: str
    kind: Buried
    parent: str = ""


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """The interface of a released instance: it holds subnet and groups a little longer."""

    id: str
    vswitch: str
    groups: tuple[str, ...]
    until: float


@dataclass(frozen=True, kw_only=True)
class Site:
    """A host on premises that reaches a private network over a VPN.

    Attributes:
        namespace: The network namespace that plays it.
        address: Its own, with the length of its network: ``192.168.77.10/24``.
    """

    id: str
    vpc: str
    namespace: str
    address: str


@dataclass(frozen=True, kw_only=True)
class SessionKey:
    """A temporary AccessKey of an assumed role; the id is the AccessKey id.

    Attributes:
        limits: A policy document that narrows the role; empty: none does.
    """

    id: str
    secret: str
    token: str
    expires: float
    account: str
    role: str
    session: str
    limits: str = ""
