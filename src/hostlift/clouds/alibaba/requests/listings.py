# SPDX-License-Identifier: Apache-2.0
"""Listings by tag: of every kind the few fields that say what it is and whose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json, at, number, rows, text
from hostlift.clouds.alibaba.records import Page, required
from hostlift.clouds.alibaba.requests.base import Paged, Tag
from hostlift.clouds.alibaba.requests.images import EVERY_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A row of any listing; what its kind does not have is empty. Times are seconds since 1970.

    Attributes:
        goes_along: A disk that is deleted with the instance it hangs on.
    """

    id: str
    name: str
    status: str
    created: float
    gib: int
    release_at: float
    snapshots: tuple[str, ...]
    goes_along: bool
    tags: Mapping[str, str]

    @classmethod
    def read(cls, row: Json, key: str) -> Self:
        """A row whose id is called ``KEYId`` and whose name ``KEYName``."""
        disks = rows(row, "DiskDeviceMappings", "DiskDeviceMapping")
        return cls(
            id=required(row, f"{key}Id"),
            name=text(row, f"{key}Name"),
            status=text(row, "Status"),
            created=_time(text(row, "CreationTime")),
            gib=number(row, "Size") or number(row, "SourceDiskSize"),
            release_at=_time(text(row, "AutoReleaseTime")),
            snapshots=tuple(filter(None, (text(disk, "SnapshotId") for disk in disks))),
            goes_along=bool(text(row, "InstanceId")) and at(row, "DeleteWithInstance") is True,
            tags=dict(_tag(tag) for tag in rows(row, "Tags", "Tag")),
        )


def _tag(tag: Json) -> tuple[str, str]:
    """ECS says ``TagKey`` where VPC says ``Key``."""
    return text(tag, "TagKey") or text(tag, "Key"), text(tag, "TagValue") or text(tag, "Value")


def _time(told: str) -> float:
    """``2024-01-31T10:20:30Z``, in some listings without the seconds."""
    try:
        return datetime.fromisoformat(told).astimezone(UTC).timestamp()
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Paged[Listed]):
    """What carries some tags; a tag without a value stands for any value."""

    wrap: ClassVar[tuple[str, str, str]]
    """Where the rows are, and the word their ids begin with."""
    tag: tuple[Tag, ...]
    region_id: str = ""

    def answer(self, body: Json) -> Page[Listed]:
        """See `Request`."""
        outer, inner, key = self.wrap
        return Page.read(body, outer, inner, lambda row: Listed.read(row, key))


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcListing(Listing):
    """Private networks."""

    action = Action.DESCRIBE_VPCS
    wrap = ("Vpcs", "Vpc", "Vpc")


@dataclass(frozen=True, slots=True, kw_only=True)
class VSwitchListing(Listing):
    """Subnets."""

    action = Action.DESCRIBE_V_SWITCHES
    wrap = ("VSwitches", "VSwitch", "VSwitch")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupListing(Listing):
    """Security groups."""

    action = Action.DESCRIBE_SECURITY_GROUPS
    wrap = ("SecurityGroups", "SecurityGroup", "SecurityGroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressListing(Listing):
    """Elastic public addresses; their name has no kind before it."""

    action = Action.DESCRIBE_EIP_ADDRESSES
    wrap = ("EipAddresses", "EipAddress", "Allocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskListing(Listing):
    """Disks, attached or not."""

    action = Action.DESCRIBE_DISKS
    wrap = ("Disks", "Disk", "Disk")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceListing(Listing):
    """Instances."""

    action = Action.DESCRIBE_INSTANCES
    wrap = ("Instances", "Instance", "Instance")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotListing(Listing):
    """Snapshots."""

    action = Action.DESCRIBE_SNAPSHOTS
    wrap = ("Snapshots", "Snapshot", "Snapshot")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageListing(Listing):
    """Custom images in every state."""

    action = Action.DESCRIBE_IMAGES
    wrap = ("Images", "Image", "Image")
    image_owner_alias: str = "self"
    status: str = EVERY_STATUS
