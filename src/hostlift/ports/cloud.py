# SPDX-License-Identifier: Apache-2.0
"""A cloud, as the pipeline needs it.

Promises of every implementation:

* A method that creates takes a ``token``: the same token gives the same resource, however often
  and from whichever process it is called, and never a second one.
* ``delete`` of something that is gone succeeds. ``state`` of something that is gone is None.
* Waiting is the caller's business: nothing here polls until a state is reached.
* Every refusal is a `hostlift.errors.CloudError` with the cloud's own code and request id;
  errors that pass by themselves are retried inside, with jitter, before they are raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class ResourceKind(StrEnum):
    """What hostlift can own. The order is the order of creation; deletion runs backwards."""

    VPC = "vpc"
    VSWITCH = "vswitch"
    SECURITY_GROUP = "security-group"
    INSTANCE = "instance"
    SNAPSHOT = "snapshot"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Resource:
    """A name for something in the cloud."""

    kind: ResourceKind
    id: str


class Phase(StrEnum):
    """Life cycle as far as the pipeline cares."""

    PENDING = "pending"
    READY = "ready"
    """VPC, vSwitch, image: Available. Instance: Running. Snapshot: accomplished."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceState:
    """What the cloud says of a resource.

    Attributes:
        percent: Progress of snapshots and images, 0 to 100.
        disks: Instance only: ``(disk id, serial)`` of its data disks in the order of the request.
    """

    resource: Resource
    phase: Phase
    detail: str = ""
    percent: int = 0
    public_ip: str = ""
    private_ip: str = ""
    disks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the credentials belong to."""

    account: str
    arn: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an instance can run now."""

    zone: str
    instance_type: str
    system_disk: str
    data_disk: str
    image: str
    """A public Linux image with Python of at least 3.11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSpec:
    """An instance to start.

    Attributes:
        data_disks: Sizes in GiB, in order; they are deleted with the instance.
        user_data: At most 16 KiB, not encoded.
        release_at: Seconds since 1970; the cloud deletes the instance then. 0: never.
        firmware: ``bios`` or ``uefi``, for images of ours.
        bandwidth_mbps: Of the public address; 0 gives none.
    """

    name: str
    image: str
    placement: Placement
    vswitch: str
    security_group: str
    system_gib: int
    data_disks: tuple[int, ...] = ()
    user_data: bytes = b""
    release_at: float = 0
    bandwidth_mbps: int = 100
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDisk:
    """One disk of a custom image, from a snapshot."""

    snapshot: str
    size_gib: int
    system: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """A custom image to make from snapshots; the first disk is the system disk."""

    name: str
    description: str
    platform: str
    architecture: str
    firmware: str
    disks: tuple[ImageDisk, ...]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An inbound permission: ``tcp`` port from a CIDR."""

    port: int
    source: str


class Cloud(Protocol):
    """The verbs of a cloud."""

    def identity(self) -> Identity:
        """Who we are; proves that the credentials work and that the clock is right."""
        ...

    def clock_skew(self) -> float:
        """Seconds that our clock is ahead of the cloud's."""
        ...

    def placement(self, *, zone: str = "", instance_type: str = "") -> Placement:
        """A zone with a cheap instance type, disk categories and a base image in stock."""
        ...

    def image_named(self, name: str) -> str:
        """Id of our image of that name in any state, or empty."""
        ...

    def create_vpc(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        """Id of a new private network."""
        ...

    def create_vswitch(
        self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str
    ) -> str:
        """Id of a new subnet."""
        ...

    def create_security_group(
        self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str
    ) -> str:
        """Id of a new group that admits exactly ``rules`` inbound; calling again adds no more."""
        ...

    def run_instance(self, spec: InstanceSpec, *, token: str) -> str:
        """Id of a new, starting instance."""
        ...

    def start_instance(self, instance: str) -> None:
        """Start a stopped one; a running one is fine."""
        ...

    def stop_instance(self, instance: str, *, force: bool) -> None:
        """Stop, keeping disks and addresses; a stopped one is fine."""
        ...

    def renew(self, instance: str, release_at: float) -> None:
        """Move the automatic release to ``release_at`` (seconds since 1970)."""
        ...

    def create_snapshot(self, disk: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """Id of a new snapshot of a disk."""
        ...

    def create_image(self, spec: ImageSpec, *, token: str) -> str:
        """Id of a new image."""
        ...

    def console(self, instance: str) -> str:
        """What the instance printed on its serial console, as far as it is kept."""
        ...

    def state(self, resource: Resource) -> ResourceState | None:
        """What the cloud knows of a resource; None when it does not exist."""
        ...

    def find(self, tag: str, value: str) -> list[Resource]:
        """All resources with a tag, in order of creation by kind."""
        ...

    def delete(self, resource: Resource) -> None:
        """Delete; gone already is fine.

        Raises:
            CloudError: With ``retry`` RETRY while dependants still go.
        """
        ...
