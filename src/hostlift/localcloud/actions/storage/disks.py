# SPDX-License-Identifier: Apache-2.0
"""ECS: disks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Order,
    TagPart,
    action,
    check_description,
    check_name,
    check_zone,
    need,
    read_tags,
)
from hostlift.localcloud.ids import new_id, serial_of
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.life.instances import disks_of
from hostlift.localcloud.offer.catalogue import CATEGORIES
from hostlift.localcloud.offer.stock import of_disk
from hostlift.localcloud.state.records import (
    Disk,
    DiskStatus,
    Instance,
    InstanceStatus,
    Snapshot,
    SnapshotStatus,
)
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import (
    ApiError,
    conflict,
    invalid_parameter,
    missing_parameter,
    not_found,
    quota,
)
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request

V = TypeVar("V")
_LETTERS = "bcdefghijklmnopqrstuvwxyz"
_MOST = 17
_ATTACHABLE = {InstanceStatus.RUNNING, InstanceStatus.STOPPED}


@dataclass(frozen=True, kw_only=True)
class CreateDisk(Request):
    """A pay-as-you-go disk in a zone."""

    HARMLESS = "AdvancedFeatures MultiAttach BurstingEnabled ProvisionedIops StorageSetId"

    RegionId: str
    ZoneId: str = ""
    InstanceId: str = ""
    DiskCategory: str = "cloud"
    Size: int | None = None
    SnapshotId: str = ""
    DiskName: str = ""
    Description: str = ""
    PerformanceLevel: Literal["PL0", "PL1", "PL2", "PL3"] | None = None
    Encrypted: bool = False
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class AttachDisk(Request):
    """Hang a loose disk on an instance; a running guest sees it at once.

    ``Bootable``: as the system disk of the stopped instance that it was taken from, which has none.
    """

    HARMLESS = "KeyPairName Password Force Device"

    InstanceId: str
    DiskId: str
    DeleteWithInstance: bool = False
    Bootable: bool = False


@dataclass(frozen=True, kw_only=True)
class DetachDisk(Request):
    """Take a disk off; it stays. Of a running instance, once the guest lets go of it.

    A system disk comes off a stopped instance only, and can be a data disk elsewhere.
    """

    HARMLESS = "DeleteWithInstance"

    InstanceId: str
    DiskId: str


@dataclass(frozen=True, kw_only=True)
class DeleteDisk(Request):
    """Only a loose one."""

    DiskId: str


@dataclass(frozen=True, kw_only=True)
class ModifyDiskAttribute(Request):
    """Name, description, release behaviour."""

    HARMLESS = "EnableAutoSnapshot BurstingEnabled"

    DiskId: str = ""
    DiskIds: tuple[str, ...] = ()
    DiskName: str | None = None
    Description: str | None = None
    DeleteWithInstance: bool | None = None
    DeleteAutoSnapshot: bool | None = None


@action(Product.ECS, CreateDisk, on="disk/*", order=Order.MONEY)
def create_disk(context: Context, ask: CreateDisk) -> Body:
    """Creating first, Available soon."""
    if ask.InstanceId:
        raise ApiError(
            "InvalidPayMethod", "With InstanceId the disk is a subscription; this account has none."
        )
    if not ask.ZoneId:
        raise missing_parameter("ZoneId")
    check_zone(ask.ZoneId, ask.RegionId)
    check_name(ask.DiskName, "DiskName")
    check_description(ask.Description)
    if ask.Encrypted:
        raise ApiError("InvalidParameter.EncryptedNotSupported", "This cloud encrypts no disks.")
    snapshot = data_snapshot(context, ask.SnapshotId, "SnapshotId") if ask.SnapshotId else None
    if ask.Size is None and snapshot is None:
        raise missing_parameter("Size")
    size = max(ask.Size or 0, snapshot.disk_size if snapshot else 0)
    check_size(size, ask.DiskCategory, "InvalidDataDiskSize.ValueNotSupported")
    check_disk_quota(context, 1, size)
    _check_stock(context, ask)
    disk = Disk(
        id=new_id("d"),
        account=context.account.id,
        region=ask.RegionId,
        created=context.now,
        name=ask.DiskName,
        description=ask.Description,
        resource_group=ask.ResourceGroupId,
        tags=read_tags(ask.Tag),
        zone=ask.ZoneId,
        size=size,
        category=ask.DiskCategory,
        type="data",
        serial="",
        source=ask.SnapshotId,
        snapshot=ask.SnapshotId,
        performance=performance_of(ask.DiskCategory, ask.PerformanceLevel),
    )
    context.store.disks.put(replace(disk, serial=serial_of(disk.id)))
    context.later(Job("disk", disk.id))
    return {"DiskId": disk.id}


@action(Product.ECS, AttachDisk)
def attach_disk(context: Context, ask: AttachDisk) -> Body:
    """The letter is the next free one; the guest's own order is its own."""
    disk, instance = _pair(context, ask.DiskId, ask.InstanceId)
    if instance.status not in _ATTACHABLE or instance.deleting:
        raise conflict("IncorrectInstanceStatus", "The instance must be Running or Stopped.")
    if disk.status is not DiskStatus.AVAILABLE:
        raise conflict(
            "IncorrectDiskStatus", "The current disk status does not support this operation."
        )
    if disk.zone != instance.zone:
        raise ApiError("ResourcesNotInSameZone", "Disk and instance are not in the same zone.")
    if ask.Bootable:
        _check_bootable(context, disk, instance)
    device = "/dev/xvda" if ask.Bootable else next_device(context, instance)
    context.store.disks.put(
        replace(
            disk,
            status=DiskStatus.ATTACHING,
            type="system" if ask.Bootable else "data",
            instance=instance.id,
            device=device,
            attached=context.now,
            ever_attached=True,
            delete_with_instance=ask.DeleteWithInstance,
        )
    )
    context.later(Job("disk", disk.id))
    return DONE


@action(Product.ECS, DetachDisk)
def detach_disk(context: Context, ask: DetachDisk) -> Body:
    """Detaching first, Available soon."""
    disk, instance = _pair(context, ask.DiskId, ask.InstanceId)
    if disk.instance != instance.id:
        raise conflict("DependencyViolation", "The disk is not attached to the instance.")
    if disk.status is not DiskStatus.IN_USE:
        raise conflict(
            "IncorrectDiskStatus", "The current disk status does not support this operation."
        )
    if not disk.portable:
        raise conflict("DiskNotPortable", "The specified disk is not a portable disk.")
    if disk.type == "system" and instance.status is not InstanceStatus.STOPPED:
        raise conflict("IncorrectInstanceStatus", "The instance must be Stopped.")
    if instance.status not in _ATTACHABLE:
        raise conflict("IncorrectInstanceStatus", "The instance must be Running or Stopped.")
    context.store.disks.put(replace(disk, status=DiskStatus.DETACHING))
    context.later(Job("disk", disk.id))
    return DONE


@action(Product.ECS, DeleteDisk)
def delete_disk(context: Context, ask: DeleteDisk) -> Body:
    """An unknown id is ignored, as documented."""
    disk = context.store.disks.get(ask.DiskId)
    if disk is None:
        return DONE
    if disk.status is not DiskStatus.AVAILABLE:
        raise conflict(
            "IncorrectDiskStatus", "The current disk status does not support this operation."
        )
    context.store.disks.drop(disk.id)
    context.later(bury(context.cloud, "disk", disk.id), 0.0)
    return DONE


@action(Product.ECS, ModifyDiskAttribute)
def modify_disk_attribute(context: Context, ask: ModifyDiskAttribute) -> Body:
    """Of one disk, or of several at once."""
    ids = ask.DiskIds or ((ask.DiskId,) if ask.DiskId else ())
    if not ids:
        raise missing_parameter("DiskId")
    check_name(ask.DiskName or "", "DiskName")
    check_description(ask.Description or "")
    for key in ids:
        disk = need(context.store.disks.get(key), "DiskId", key)
        context.store.disks.put(
            replace(
                disk,
                name=_or(ask.DiskName, disk.name),
                description=_or(ask.Description, disk.description),
                delete_with_instance=_or(ask.DeleteWithInstance, disk.delete_with_instance),
                delete_auto_snapshot=_or(ask.DeleteAutoSnapshot, disk.delete_auto_snapshot),
            )
        )
    return DONE


def _check_bootable(context: Context, disk: Disk, instance: Instance) -> None:
    if instance.status is not InstanceStatus.STOPPED:
        raise conflict("IncorrectInstanceStatus", "The instance must be Stopped.")
    if any(d.type == "system" for d in disks_of(context.cloud, instance.id)):
        raise conflict("InvalidDevice.InUse", "The instance has a system disk.")
    if disk.system_of != instance.id:
        raise conflict(
            "DiskId.ValueNotSupported", "The disk was not the system disk of the instance."
        )


def _check_stock(context: Context, ask: CreateDisk) -> None:
    if not of_disk(context.cloud.settings.stock, ask.ZoneId, ask.DiskCategory).can_be_had:
        raise conflict(
            "InvalidDiskCategory.NotSupported", "The disk category is not offered in the zone."
        )


def check_size(size: int, category: str, code: str) -> None:
    """Refuse categories and sizes that data disks cannot have."""
    if category not in CATEGORIES:
        raise invalid_parameter("DiskCategory", code="InvalidDataDiskCategory.ValueNotSupported")
    limits = CATEGORIES[category]
    if not limits.smallest <= size <= limits.largest:
        raise invalid_parameter("Size", f"{limits.smallest} to {limits.largest} GiB.", code)


def performance_of(category: str, asked: str | None) -> str:
    """The performance level; only ESSDs have one."""
    return (asked or "PL1") if category == "cloud_essd" else ""


def check_disk_quota(context: Context, more: int, gib: int) -> None:
    """Refuse more disks, or larger ones, than the account may have."""
    disks, quotas = context.store.disks.all(), context.quotas
    capacity = sum(d.size for d in disks) + gib
    if len(disks) + more > quotas.disks or capacity > quotas.disk_gib:
        raise quota("PostPaidDisk", "Living postPaid disks quota exceeded.")


def data_snapshot(context: Context, key: str, parameter: str) -> Snapshot:
    """A finished snapshot of a data disk, to make a disk from."""
    snapshot = context.store.snapshots.get(key)
    if snapshot is None:
        raise not_found(parameter, key)
    if snapshot.status is not SnapshotStatus.ACCOMPLISHED:
        raise conflict(
            "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet."
        )
    if snapshot.disk_type == "system":
        raise conflict(
            "InvalidSnapshotId.NotDataDiskSnapshot",
            "The specified snapshot is system disk snapshot.",
        )
    return snapshot


def next_device(context: Context, instance: Instance) -> str:
    """The next free device name of an instance.

    Raises:
        ApiError: It has as many disks as it can have.
    """
    used = {d.device for d in context.store.disks.all() if d.instance == instance.id}
    free = [f"/dev/xvd{letter}" for letter in _LETTERS if f"/dev/xvd{letter}" not in used]
    if len(used) >= _MOST or not free:
        raise conflict(
            "InstanceDiskLimitExceeded", "The instance has as many disks as it can have."
        )
    return free[0]


def _or(value: V | None, old: V) -> V:
    return old if value is None else value


def _pair(context: Context, disk: str, instance: str) -> tuple[Disk, Instance]:
    store = context.store
    found = need(store.instances.get(instance), "InstanceId", instance)
    return need(store.disks.get(disk), "DiskId", disk), found
