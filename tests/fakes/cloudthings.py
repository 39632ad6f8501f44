# SPDX-License-Identifier: Apache-2.0
"""What a cloud in memory is made of: things with lives, disks, scripted faults."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hostlift.errors import CloudError, ResourceGone, Retry
from hostlift.ports.cloud import Phase, Resource, ResourceKind

if TYPE_CHECKING:
    from hostlift.ports.images import ImageSpec
    from hostlift.ports.instances import InstanceSpec
    from hostlift.ports.networks import Rule

SOON: dict[ResourceKind, float] = {
    ResourceKind.VPC: 2,
    ResourceKind.VSWITCH: 2,
    ResourceKind.SECURITY_GROUP: 0,
    ResourceKind.ADDRESS: 1,
    ResourceKind.DISK: 0,
    ResourceKind.INSTANCE: 20,
    ResourceKind.SNAPSHOT: 60,
    ResourceKind.IMAGE: 90,
}
STOPPING_SECONDS = 8.0
DELETING_SECONDS = 5.0
SETTLING_SECONDS = 3.0
ZONES = ("cn-hangzhou-h", "cn-hangzhou-k")
TYPES = ("ecs.t6-c1m2.large", "ecs.t5-lc1m2.large")
PREFIX = {
    ResourceKind.VPC: "vpc",
    ResourceKind.VSWITCH: "vsw",
    ResourceKind.SECURITY_GROUP: "sg",
    ResourceKind.ADDRESS: "eip",
    ResourceKind.DISK: "d",
    ResourceKind.INSTANCE: "i",
    ResourceKind.SNAPSHOT: "s",
    ResourceKind.IMAGE: "m",
}


@dataclass
class Thing:
    """A resource as the cloud remembers it."""

    resource: Resource
    tags: dict[str, str]
    made_at: float
    seconds: float
    parents: tuple[str, ...] = ()
    failed: bool = False
    gone_at: float | None = None
    power: Phase = Phase.READY
    power_at: float = 0
    release_at: float = 0
    public_ip: str = ""
    private_ip: str = ""
    cidr: str = ""
    rules: set[Rule] = field(default_factory=set)
    instance: InstanceSpec | None = None
    booted_from: str = ""
    of_system: bool = False
    shared_with: tuple[str, ...] = ()
    image: ImageSpec | None = None


@dataclass
class Fault:
    """A scripted failure of one call."""

    error: CloudError
    after: bool


@dataclass
class Plate:
    """A disk.

    Attributes:
        origin: The instance whose system disk it once was.
        goes_along: It is deleted with the instance it hangs on.
        settles_at: When what was asked of it last is done.
    """

    id: str
    size_gib: int
    zone: str
    category: str
    system: bool = False
    instance: str = ""
    origin: str = ""
    goes_along: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    made_at: float = 0.0
    settles_at: float = 0.0

    @property
    def serial(self) -> str:
        """As a guest reads it."""
        return self.id.replace("d-", "ser")


class Call:
    """One call: takes the lock, fails as scripted."""

    def __init__(self, fault: Fault | None, lock: threading.RLock) -> None:
        self.fault = fault
        self.lock = lock

    def __enter__(self) -> None:
        if self.fault and not self.fault.after:
            raise self.fault.error
        self.lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self.lock.release()
        if kind is None and self.fault and self.fault.after:
            raise self.fault.error


def refusal(code: str, action: str, retry: Retry = Retry.NEVER) -> CloudError:
    """An error as the cloud would answer it."""
    return CloudError(
        f"refused: {code}", api_code=code, action=action, request_id="R-1", retry=retry
    )


def gone(code: str, action: str) -> ResourceGone:
    """The answer about something that does not exist."""
    return ResourceGone(f"refused: {code}", api_code=code, action=action, request_id="R-1")
