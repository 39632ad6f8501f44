# SPDX-License-Identifier: Apache-2.0
"""What the actions answer, as far as the driver reads it. `from_json` trusts nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from hostlift.clouds.alibaba.fields import Json, amount, number, rows, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Malformed(ValueError):
    """An answer lacks what it must hold."""


def required(body: Json, *path: str) -> str:
    """The text at a path.

    Raises:
        Malformed: There is none.
    """
    value = text(body, *path)
    if not value:
        raise Malformed(f"the answer lacks {'.'.join(path)}")
    return value


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of ``total``."""

    items: tuple[T, ...]
    total: int

    @classmethod
    def read(cls, body: Json, wrap: str, item: str, make: Callable[[Json], T]) -> Self:
        """A page out of ``wrap.item[]``; a missing ``TotalCount`` means this is all."""
        items = tuple(make(row) for row in rows(body, wrap, item))
        return cls(items, number(body, "TotalCount"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentity:
    """GetCallerIdentity."""

    account: str
    arn: str
    kind: str

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Read an answer."""
        return cls(
            account=required(body, "AccountId"),
            arn=text(body, "Arn"),
            kind=text(body, "IdentityType"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something with an id and a status; ``percent`` where the cloud tells progress."""

    id: str
    status: str = ""
    percent: int = 0
    zone: str = ""
    cidr: str = ""
    free: int = 0
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def vpc(cls, row: Json) -> Self:
        """A row of DescribeVpcs."""
        return cls(
            id=required(row, "VpcId"), status=text(row, "Status"), cidr=text(row, "CidrBlock")
        )

    @classmethod
    def v_switch(cls, row: Json) -> Self:
        """A row of DescribeVSwitches."""
        return cls(
            id=required(row, "VSwitchId"),
            status=text(row, "Status"),
            zone=text(row, "ZoneId"),
            cidr=text(row, "CidrBlock"),
            free=number(row, "AvailableIpAddressCount"),
            tags={text(t, "Key"): text(t, "Value") for t in rows(row, "Tags", "Tag")},
        )

    @classmethod
    def security_group(cls, row: Json) -> Self:
        """A row of DescribeSecurityGroups; groups have no status."""
        return cls(
            id=required(row, "SecurityGroupId"),
            status="Available",
            tags={text(t, "TagKey"): text(t, "TagValue") for t in rows(row, "Tags", "Tag")},
        )

    @classmethod
    def snapshot(cls, row: Json) -> Self:
        """A row of DescribeSnapshots."""
        return cls(
            id=required(row, "SnapshotId"),
            status=text(row, "Status"),
            percent=number(row, "Progress"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRow:
    """A row of DescribeEipAddresses."""

    id: str
    status: str
    address: str
    instance: str

    @classmethod
    def from_json(cls, row: Json) -> Self:
        """Read a row."""
        return cls(
            id=required(row, "AllocationId"),
            status=text(row, "Status"),
            address=text(row, "IpAddress"),
            instance=text(row, "InstanceId"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """A row of DescribeImages."""

    id: str
    name: str
    status: str
    percent: int
    created: str
    boot_mode: str
    snapshots: tuple[str, ...]

    @classmethod
    def from_json(cls, row: Json) -> Self:
        """Read a row."""
        disks = rows(row, "DiskDeviceMappings", "DiskDeviceMapping")
        return cls(
            id=required(row, "ImageId"),
            name=text(row, "ImageName"),
            status=text(row, "Status"),
            percent=number(row, "Progress"),
            created=text(row, "CreationTime"),
            boot_mode=text(row, "BootMode"),
            snapshots=tuple(filter(None, (text(disk, "SnapshotId") for disk in disks))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """A row of DescribeInstances."""

    id: str
    status: str
    public_ip: str
    private_ip: str
    name: str
    zone: str
    image: str
    stopped_mode: str
    locks: tuple[str, ...]

    @classmethod
    def from_json(cls, row: Json) -> Self:
        """Read a row; an elastic address counts as the public one."""
        public = texts(row, "PublicIpAddress", "IpAddress")
        private = texts(row, "VpcAttributes", "PrivateIpAddress", "IpAddress")
        locks = rows(row, "OperationLocks", "LockReason")
        return cls(
            id=required(row, "InstanceId"),
            status=text(row, "Status"),
            public_ip=public[0] if public else text(row, "EipAddress", "IpAddress"),
            private_ip=private[0] if private else "",
            name=text(row, "InstanceName"),
            zone=text(row, "ZoneId"),
            image=text(row, "ImageId"),
            stopped_mode=text(row, "StoppedMode"),
            locks=tuple(text(lock, "LockReason") for lock in locks),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRow:
    """A row of DescribeDisks."""

    id: str
    name: str
    kind: str
    serial: str
    device: str
    size: int
    status: str
    category: str
    zone: str
    instance: str

    @classmethod
    def from_json(cls, row: Json) -> Self:
        """Read a row."""
        return cls(
            id=required(row, "DiskId"),
            name=text(row, "DiskName"),
            kind=text(row, "Type"),
            serial=text(row, "SerialNumber"),
            device=text(row, "Device"),
            size=number(row, "Size"),
            status=text(row, "Status"),
            category=text(row, "Category"),
            zone=text(row, "ZoneId"),
            instance=text(row, "InstanceId"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """An inbound rule as DescribeSecurityGroupAttribute lists it."""

    protocol: str
    ports: str
    source: str
    policy: str
    direction: str

    @classmethod
    def from_json(cls, row: Json) -> Self:
        """Read a row; case differs between what was asked and what is told."""
        return cls(
            protocol=text(row, "IpProtocol").lower(),
            ports=text(row, "PortRange"),
            source=text(row, "SourceCidrIp"),
            policy=text(row, "Policy").lower(),
            direction=text(row, "Direction").lower(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a zone has in stock: instance types or disk categories, by what was asked."""

    zone: str
    values: tuple[str, ...]

    @classmethod
    def all_from(cls, body: Json) -> tuple[Self, ...]:
        """The zones of DescribeAvailableResource that sell something now."""
        zones = rows(body, "AvailableZones", "AvailableZone")
        return tuple(cls._zone(zone) for zone in zones if _in_stock(zone))

    @classmethod
    def _zone(cls, zone: Json) -> Self:
        found = [
            text(resource, "Value")
            for kind in rows(zone, "AvailableResources", "AvailableResource")
            for resource in rows(kind, "SupportedResources", "SupportedResource")
            if _in_stock(resource)
        ]
        return cls(zone=required(zone, "ZoneId"), values=tuple(v for v in found if v))


def _in_stock(row: Json) -> bool:
    # ClosedWithStock still sells, but may end without notice.
    category = text(row, "StatusCategory")
    return text(row, "Status") == "Available" and category in {"", "WithStock", "ClosedWithStock"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """A row of DescribeInstanceTypes."""

    id: str
    cpus: int
    memory_gib: float
    architecture: str
    level: str

    @classmethod
    def from_json(cls, row: Json) -> Self:
        """Read a row."""
        return cls(
            id=required(row, "InstanceTypeId"),
            cpus=number(row, "CpuCoreCount"),
            memory_gib=amount(row, "MemorySize"),
            architecture=text(row, "CpuArchitecture"),
            level=text(row, "InstanceFamilyLevel"),
        )
