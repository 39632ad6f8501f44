# SPDX-License-Identifier: Apache-2.0
"""A cloud, as the pipeline needs it: what can be said of any resource, and the doors to each kind.

    Cloud ── networks   `hostlift.ports.networks`    VPC, vSwitch, security group
          ── instances  `hostlift.ports.instances`   where they can run, power, console
          ── disks      `hostlift.ports.disks`       single disks
          ── images     `hostlift.ports.images`      snapshots and custom images
          ── market     `hostlift.ports.market`      what the account may do, has and pays

Promises of every implementation:

* A method that creates takes a ``token``: the same token gives the same resource, however often
  and from whichever process it is called, and never a second one.
* ``delete`` of something that is gone succeeds. ``state`` of something that is gone is None.
* What was made moments ago may be missing from the cloud's listings: it is PENDING then, not gone.
* Waiting is the caller's business: nothing here polls until a state is reached.
* Every refusal is a `hostlift.errors.CloudError` with the cloud's own code and request id;
  errors that pass by themselves are retried inside, with jitter, before they are raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hostlift.ports.disks import Disks
    from hostlift.ports.images import Images
    from hostlift.ports.instances import Instances
    from hostlift.ports.market import Market
    from hostlift.ports.networks import Networks


class ResourceKind(StrEnum):
    """What hostlift can own. The order is the order of creation; deletion runs backwards."""

    VPC = "vpc"
    VSWITCH = "vswitch"
    SECURITY_GROUP = "security-group"
    ADDRESS = "elastic-address"
    DISK = "disk"
    INSTANCE = "instance"
    SNAPSHOT = "snapshot"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Resource:
    """A name for something in the cloud; ``region`` is empty for the one the migration goes to."""

    kind: ResourceKind
    id: str
    region: str = ""


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
        zone: vSwitch only.
        disks: Instance only: ``(disk id, serial)`` of its data disks in the order of the request.
    """

    resource: Resource
    phase: Phase
    detail: str = ""
    percent: int = 0
    public_ip: str = ""
    private_ip: str = ""
    zone: str = ""
    disks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the credentials belong to."""

    account: str
    arn: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """Something with a tag of ours.

    Attributes:
        owner: The tag's value.
        created: Seconds since 1970; 0: the cloud does not tell.
        gib: Of a disk its size, of a snapshot the size of its disk; else 0.
        release_at: Of an instance: when the cloud releases it by itself, seconds since 1970; 0: never.
        parts: Of an image: its snapshots.
    """

    resource: Resource
    owner: str
    name: str = ""
    phase: Phase = Phase.READY
    created: float = 0.0
    gib: int = 0
    release_at: float = 0.0
    parts: tuple[str, ...] = ()


class Cloud(Protocol):
    """A region of a cloud."""

    @property
    def networks(self) -> Networks:
        """Private networks and who may reach what is in them."""
        ...

    @property
    def instances(self) -> Instances:
        """Machines."""
        ...

    @property
    def disks(self) -> Disks:
        """Single disks."""
        ...

    @property
    def images(self) -> Images:
        """Snapshots and images."""
        ...

    @property
    def market(self) -> Market:
        """Questions about the account."""
        ...

    def identity(self) -> Identity:
        """Who we are; proves that the credentials work and that the clock is right."""
        ...

    def clock_skew(self) -> float:
        """Seconds that our clock is ahead of the cloud's."""
        ...

    def state(self, resource: Resource) -> ResourceState | None:
        """What the cloud knows of a resource; None when it does not exist."""
        ...

    def find(self, tag: str, value: str) -> list[Resource]:
        """All resources with a tag, in order of creation by kind."""
        ...

    def belongings(self, tag: str, owner: str = "") -> list[Belonging]:
        """Everything in the region that carries ``tag``, in order of creation by kind.

        A disk that is deleted with its instance is part of that and not listed.

        Args:
            owner: Only with this value; empty: with any.
        """
        ...

    def delete(self, resource: Resource) -> None:
        """Delete; gone already is fine.

        Raises:
            CloudError: With ``retry`` RETRY while dependants still go.
        """
        ...
