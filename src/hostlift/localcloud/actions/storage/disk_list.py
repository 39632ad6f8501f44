# SPDX-License-Identifier: Apache-2.0
"""ECS: describing disks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hostlift.localcloud.actions.base import (
    Context,
    TagPart,
    Tokened,
    action,
    page,
    tags_of,
)
from hostlift.localcloud.actions.filters import FilterPart, created_within, has_tags, matches
from hostlift.localcloud.state.records import Disk
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import JsonList
from hostlift.localcloud.wire.times import to_second


@dataclass(frozen=True, kw_only=True)
class DescribeDisks(Tokened):
    """List disks."""

    HARMLESS = (
        "AdditionalAttributes AutoSnapshotPolicyId EnableAutoSnapshot EnableShared"
        " EnableAutomatedSnapshotPolicy LockReason MultiAttach"
    )

    DiskIds: JsonList | None = None
    InstanceId: str = ""
    Status: Literal[
        "In_use", "Available", "Attaching", "Detaching", "Creating", "ReIniting", "All"
    ] = "All"
    DiskType: Literal["all", "system", "data"] = "all"
    Category: str = "all"
    ZoneId: str = ""
    DiskName: str = ""
    SnapshotId: str = ""
    DiskChargeType: Literal["PostPaid", "PrePaid"] | None = None
    PerformanceLevel: str = ""
    Portable: bool | None = None
    Encrypted: bool | None = None
    DeleteWithInstance: bool | None = None
    DeleteAutoSnapshot: bool | None = None
    ResourceGroupId: str = ""
    KMSKeyId: str = ""
    Filter: tuple[FilterPart, ...] = ()
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@action(Product.ECS, DescribeDisks, on="disk/*")
def describe_disks(context: Context, ask: DescribeDisks) -> Body:
    """Newest last."""
    found = [d for d in context.store.disks.all() if _wanted(ask, d)]
    shown, numbers = page(ask, found)
    return {"Disks": {"Disk": [_view(d) for d in shown]}, **numbers}


def _wanted(ask: DescribeDisks, disk: Disk) -> bool:
    pairs = (
        (ask.InstanceId, disk.instance),
        ("" if ask.Status == "All" else ask.Status, disk.status.value),
        ("" if ask.DiskType == "all" else ask.DiskType, disk.type),
        ("" if ask.Category == "all" else ask.Category, disk.category),
        (ask.ZoneId, disk.zone),
        (ask.DiskName, disk.name),
        (ask.DiskChargeType or "", "PostPaid"),
        (ask.PerformanceLevel, disk.performance),
        (ask.ResourceGroupId, disk.resource_group),
        (ask.KMSKeyId, ""),
        (ask.SnapshotId, disk.snapshot),
    )
    switches = (
        (ask.Portable, disk.portable),
        (ask.Encrypted or None, disk.encrypted),
        (ask.DeleteWithInstance, disk.delete_with_instance),
        (ask.DeleteAutoSnapshot, disk.delete_auto_snapshot),
    )
    return (
        (ask.DiskIds is None or disk.id in ask.DiskIds)
        and matches(pairs)
        and all(want is None or want == have for want, have in switches)
        and has_tags(disk, ask.Tag)
        and created_within(ask.Filter, disk.created)
    )


def _view(disk: Disk) -> Body:
    attached = to_second(disk.attached) if disk.instance else ""
    attachments: list[Json] = (
        [{"InstanceId": disk.instance, "Device": disk.device, "AttachedTime": attached}]
        if disk.instance
        else []
    )
    return {
        "DiskId": disk.id,
        "RegionId": disk.region,
        "ZoneId": disk.zone,
        "DiskName": disk.name,
        "Description": disk.description,
        "Type": disk.type,
        "Category": disk.category,
        "PerformanceLevel": disk.performance,
        "Size": disk.size,
        "SerialNumber": disk.serial,
        "ImageId": disk.image,
        "SourceSnapshotId": disk.snapshot,
        "ProductCode": "",
        "Portable": disk.portable,
        "Status": disk.status.value,
        "InstanceId": disk.instance,
        "Device": disk.device,
        "DeleteWithInstance": disk.delete_with_instance,
        "DeleteAutoSnapshot": disk.delete_auto_snapshot,
        "EnableAutoSnapshot": False,
        "EnableAutomatedSnapshotPolicy": False,
        "AutoSnapshotPolicyId": "",
        "Encrypted": disk.encrypted,
        "KMSKeyId": "",
        "CreationTime": to_second(disk.created),
        "AttachedTime": attached,
        "DetachedTime": to_second(disk.detached) if disk.detached else "",
        "ExpiredTime": "2999-09-08T16:00Z",
        "DiskChargeType": "PostPaid",
        "ResourceGroupId": disk.resource_group,
        "MultiAttach": "Disabled",
        "MountInstanceNum": len(attachments),
        "MountInstances": {"MountInstance": attachments},
        "Attachments": {"Attachment": attachments},
        "OperationLocks": {"OperationLock": []},
        "StorageSetId": "",
        "Tags": tags_of(disk),
    }
