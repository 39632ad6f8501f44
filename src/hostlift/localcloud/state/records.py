# SPDX-License-Identifier: Apache-2.0
"""What an account holds. Records are frozen; a change is a new record under the same id.

Life cycles (the words are the API's own):

    VPC, vSwitch   Pending → Available
    instance       Pending → Starting → Running → Stopping → Stopped (→ Starting …)
    disk           Creating → Available → Attaching → In_use → Detaching → Available
    snapshot       progressing → accomplished | failed
    image          Creating → Available | CreateFailed
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


@dataclass(frozen=True, kw_only=True)
class Record:
    """What all resources have. ``trouble`` says why the last life-cycle step failed."""

    id: str
    region: str
    created: float
    name: str = ""
    description: str = ""
    resource_group: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    trouble: str = ""


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
    bandwidth_in: int = 10
    bandwidth_out: int = 0
    internet_charge: str = "PayByTraffic"
    charge: str = "PostPaid"
    user_data: str = ""
    key_pair: str = ""
    ram_role: str = ""
    http_endpoint: str = "enabled"
    http_tokens: str = "optional"
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
    """A cloud disk. ``source`` is the snapshot or public image it starts from."""

    zone: str
    size: int
    category: str
    type: str
    serial: str
    source: str = ""
    snapshot: str = ""
    image: str = ""
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
    """A copy of a disk; ``copied`` once its bytes are safe from later writes."""

    disk: str
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
    """An image; the public ones are not stored, compute names them."""

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
    status: ImageStatus = ImageStatus.CREATING


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """An answer kept for a ClientToken; the id is key, action and token."""

    id: str
    created: float
    digest: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """Something deleted whose bytes or wires are still to be removed."""

    id: str
    kind: Buried
    parent: str = ""


@dataclass(frozen=True, kw_only=True)
class SessionKey:
    """A temporary AccessKey of an assumed role; the id is the AccessKey id."""

    id: str
    secret: str
    token: str
    expires: float
    session: str
