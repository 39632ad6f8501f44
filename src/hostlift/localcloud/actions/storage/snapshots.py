# SPDX-License-Identifier: Apache-2.0
"""ECS: snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Order,
    TagPart,
    Tokened,
    action,
    check_description,
    check_name,
    need,
    page,
    read_tags,
    tags_of,
)
from hostlift.localcloud.actions.filters import FilterPart, created_within, has_tags, matches
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.state.records import (
    Disk,
    DiskStatus,
    InstanceStatus,
    Snapshot,
    SnapshotStatus,
)
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, conflict, invalid_parameter, quota
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import JsonList, Ranged, Request
from hostlift.localcloud.wire.times import to_second


@dataclass(frozen=True, kw_only=True)
class CreateSnapshot(Request):
    """A copy of a disk as it is now."""

    HARMLESS = "Category InstantAccessRetentionDays"

    DiskId: str
    SnapshotName: str = ""
    Description: str = ""
    RetentionDays: Annotated[int, Ranged(1, 65536)] | None = None
    InstantAccess: bool = False
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeSnapshots(Tokened):
    """List snapshots."""

    HARMLESS = "Category"

    SnapshotIds: JsonList | None = None
    DiskId: str = ""
    InstanceId: str = ""
    SnapshotName: str = ""
    SnapshotLinkId: str = ""
    SnapshotType: Literal["all", "auto", "user"] = "all"
    SourceDiskType: Literal["system", "data", "System", "Data"] | None = None
    Status: Literal["all", "progressing", "accomplished", "failed"] = "all"
    Usage: Literal["image", "disk", "image_disk", "none"] | None = None
    Encrypted: bool | None = None
    KMSKeyId: str = ""
    ResourceGroupId: str = ""
    Filter: tuple[FilterPart, ...] = ()
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DeleteSnapshot(Request):
    """``Force`` deletes one that disks were made from; never one that an image needs."""

    SnapshotId: str
    Force: bool = False


@action(Product.ECS, CreateSnapshot, on="snapshot/*", order=Order.STANDING)
def create_snapshot(context: Context, ask: CreateSnapshot) -> Body:
    """Refused for a disk no guest ever wrote to."""
    _check_active(context)
    disk = need(context.store.disks.get(ask.DiskId), "DiskId", ask.DiskId)
    if ask.SnapshotName.startswith("auto"):
        raise invalid_parameter("SnapshotName", code="InvalidSnapshotName.Malformed")
    check_name(ask.SnapshotName, "SnapshotName")
    check_description(ask.Description)
    if ask.InstantAccess and disk.category not in {"cloud_essd", "cloud_auto"}:
        raise invalid_parameter("InstantAccess", "It is for ESSDs only.")
    _check_copyable(context, disk)
    snapshot = add_snapshot(
        context,
        disk,
        name=ask.SnapshotName,
        description=ask.Description,
        tags=read_tags(ask.Tag),
        retention=ask.RetentionDays or 0,
        instant=ask.InstantAccess,
        group=ask.ResourceGroupId,
    )
    return {"SnapshotId": snapshot.id}


@action(Product.ECS, DescribeSnapshots, on="snapshot/*")
def describe_snapshots(context: Context, ask: DescribeSnapshots) -> Body:
    """Newest last."""
    found = [s for s in context.store.snapshots.all() if _wanted(context, ask, s)]
    shown, numbers = page(ask, found)
    return {"Snapshots": {"Snapshot": [_view(context, s) for s in shown]}, **numbers}


@action(Product.ECS, DeleteSnapshot)
def delete_snapshot(context: Context, ask: DeleteSnapshot) -> Body:
    """An image's snapshot stays as long as the image."""
    store = context.store
    snapshot = need(store.snapshots.get(ask.SnapshotId), "SnapshotId", ask.SnapshotId)
    usage = usage_of(context, snapshot)
    if "image" in usage:
        raise conflict("SnapshotCreatedImage", "The snapshot is used by an image.")
    if usage == "disk" and not ask.Force:
        raise conflict("SnapshotCreatedDisk", "The snapshot has been used to create disks.")
    if snapshot.status is SnapshotStatus.PROGRESSING:
        raise conflict("IncorrectSnapshotStatus", "The snapshot is still being created.")
    store.snapshots.drop(snapshot.id)
    context.later(bury(context.cloud, "snapshot", snapshot.id), 0.0)
    return DONE


def add_snapshot(
    context: Context,
    disk: Disk,
    *,
    name: str,
    description: str,
    tags: dict[str, str],
    retention: int = 0,
    instant: bool = False,
    group: str = "",
) -> Snapshot:
    """Store a new snapshot and start its copy at once.

    Raises:
        ApiError: The account has no snapshot service, or as many snapshots as it may have.
    """
    _check_active(context)
    _check_quota(context, disk)
    snapshot = Snapshot(
        id=new_id("s"),
        account=context.account.id,
        region=disk.region,
        created=context.now,
        name=name,
        description=description,
        resource_group=group,
        tags=tags,
        disk=disk.id,
        disk_size=disk.size,
        disk_type=disk.type,
        image=disk.image,
        retention_days=retention,
        instant_access=instant,
        modified=context.now,
    )
    context.store.snapshots.put(snapshot)
    context.later(Job("snapshot", snapshot.id), 0.0)
    return snapshot


def _check_active(context: Context) -> None:
    if not context.account.settings.snapshot_service:
        raise conflict(
            "InvalidAccountStatus.SnapshotServiceUnavailable",
            "The snapshot service has not been activated.",
        )


def _check_quota(context: Context, disk: Disk) -> None:
    quotas = context.cloud.quotas(context.account, disk.region)
    own = [s for s in context.store.snapshots.all() if s.region == disk.region]
    if (
        len(own) >= quotas.snapshots
        or sum(s.disk == disk.id for s in own) >= quotas.snapshots_per_disk
    ):
        raise quota("Snapshot", "The snapshot quota exceeds.")


def usage_of(context: Context, snapshot: Snapshot) -> str:
    """What was made from a snapshot: ``image``, ``disk``, ``image_disk`` or ``none``."""
    store = context.store
    image = any(d.snapshot == snapshot.id for i in store.images.all() for d in i.disks)
    disk = any(d.snapshot == snapshot.id for d in store.disks.all())
    return "_".join((["image"] if image else []) + (["disk"] if disk else [])) or "none"


def _check_copyable(context: Context, disk: Disk) -> None:
    store = context.store
    if disk.status not in {DiskStatus.IN_USE, DiskStatus.AVAILABLE}:
        raise conflict(
            "IncorrectDiskStatus", "The current disk status does not support this operation."
        )
    if not disk.ever_attached:
        raise conflict(
            "IncorrectDiskStatus.NeverAttached",
            "The specified disk has never been attached to any instance.",
        )
    instance = store.instances.get(disk.instance)
    if instance and instance.status not in {InstanceStatus.RUNNING, InstanceStatus.STOPPED}:
        raise ApiError(
            "IncorrectInstanceStatus",
            "The current status of the resource does not support this operation.",
        )
    if not disk.ever_started or not context.cloud.compute.disk_used(disk.id):
        raise conflict(
            "IncorrectDiskStatus.NeverUsed",
            "The specified disk has never been used after creating.",
        )
    others = [s for s in store.snapshots.all() if s.disk == disk.id]
    if any(s.status is SnapshotStatus.PROGRESSING for s in others):
        raise conflict(
            "IncorrectDiskStatus.CreatingSnapshot", "A previous snapshot creation is in process."
        )


def _wanted(context: Context, ask: DescribeSnapshots, snapshot: Snapshot) -> bool:
    disk = context.store.disks.get(snapshot.disk)
    pairs = (
        (ask.DiskId, snapshot.disk),
        (ask.InstanceId, disk.instance if disk else ""),
        (ask.SnapshotName, snapshot.name),
        (ask.SnapshotLinkId, _link(snapshot)),
        ("" if ask.SnapshotType == "all" else ask.SnapshotType, "user"),
        ((ask.SourceDiskType or "").lower(), snapshot.disk_type),
        ("" if ask.Status == "all" else ask.Status, snapshot.status.value),
        (ask.Usage or "", usage_of(context, snapshot)),
        (ask.ResourceGroupId, snapshot.resource_group),
        (ask.KMSKeyId, ""),
    )
    return (
        (ask.SnapshotIds is None or snapshot.id in ask.SnapshotIds)
        and not ask.Encrypted
        and matches(pairs)
        and has_tags(snapshot, ask.Tag)
        and created_within(ask.Filter, snapshot.created)
    )


def _link(snapshot: Snapshot) -> str:
    return f"sl-{snapshot.disk.removeprefix('d-')}"


def _view(context: Context, snapshot: Snapshot) -> Body:
    done = snapshot.status is SnapshotStatus.ACCOMPLISHED
    waiting = snapshot.status is SnapshotStatus.PROGRESSING
    return {
        "SnapshotId": snapshot.id,
        "SnapshotName": snapshot.name,
        "SnapshotSN": snapshot.id.removeprefix("s-"),
        "Description": snapshot.description,
        "RegionId": snapshot.region,
        "Status": snapshot.status.value,
        "Progress": "100%" if done else "0%",
        "RemainTime": 1 if waiting else 0,
        "Available": done,
        "SourceDiskId": snapshot.disk,
        "SourceDiskSize": str(snapshot.disk_size),
        "SourceDiskType": snapshot.disk_type,
        "SourceStorageType": "disk",
        "SnapshotLinkId": _link(snapshot),
        "SnapshotType": "user",
        "Category": "standard",
        "Usage": usage_of(context, snapshot),
        "Encrypted": False,
        "InstantAccess": snapshot.instant_access,
        "InstantAccessRetentionDays": 0,
        "RetentionDays": snapshot.retention_days,
        "ProductCode": "",
        "ResourceGroupId": snapshot.resource_group,
        "CreationTime": to_second(snapshot.created),
        "LastModifiedTime": to_second(snapshot.modified),
        "Tags": tags_of(snapshot),
    }
