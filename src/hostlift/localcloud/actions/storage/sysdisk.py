# SPDX-License-Identifier: Apache-2.0
"""ECS: another system disk for a stopped instance; disks that grow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hostlift.localcloud.actions.base import Context, Order, action, need
from hostlift.localcloud.actions.storage.disks import check_size
from hostlift.localcloud.actions.storage.images import need_image
from hostlift.localcloud.ids import new_id, serial_of
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.life.instances import disks_of
from hostlift.localcloud.offer.catalogue import CATEGORIES
from hostlift.localcloud.state.records import (
    Disk,
    DiskStatus,
    Image,
    ImageStatus,
    Instance,
    InstanceStatus,
    SnapshotStatus,
)
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, conflict, missing_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request

_DEFAULT_GIB = 40


@dataclass(frozen=True, kw_only=True)
class NewSystemDiskPart:
    """GiB of the new disk."""

    Size: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReplaceSystemDisk(Request):
    """The old disk goes, with what is on it; its snapshots stay."""

    HARMLESS = (
        "Architecture KeyPairName Password PasswordInherit Platform SecurityEnhancementStrategy"
        " UseAdditionalService Encrypted"
    )

    InstanceId: str
    ImageId: str = ""
    SystemDisk: NewSystemDiskPart = NewSystemDiskPart()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class ResizeDisk(Request):
    """GiB after it; a disk never shrinks. ``online`` shows in a running guest at once."""

    DiskId: str
    NewSize: int
    Type: Literal["offline", "online"] = "offline"
    ClientToken: str = ""


@action(Product.ECS, ReplaceSystemDisk, order=Order.STANDING)
def replace_system_disk(context: Context, ask: ReplaceSystemDisk) -> Body:
    """The category stays, the id changes; the instance must be Stopped and charged."""
    store = context.store
    instance = need(store.instances.get(ask.InstanceId), "InstanceId", ask.InstanceId)
    if not ask.ImageId:
        raise missing_parameter("ImageId")
    context.region = instance.region
    image = need_image(context, ask.ImageId)
    old = need_system(context, instance)
    _check_replaceable(context, instance, old, image)
    mapped = next(d for d in image.disks if d.type == "system")
    size = max(_DEFAULT_GIB, mapped.size) if ask.SystemDisk.Size is None else ask.SystemDisk.Size
    _check_new_size(size, mapped.size, old.category)
    key = new_id("d")
    new = replace(
        old,
        id=key,
        serial=serial_of(key),
        created=context.now,
        size=size,
        source=mapped.snapshot or image.id,
        image=image.id,
        attached=context.now,
        made=False,
        ever_started=False,
        status=DiskStatus.CREATING,
    )
    store.disks.drop(old.id)
    store.disks.put(new)
    store.instances.put(
        replace(
            instance,
            image=image.id,
            os_name=image.os_name,
            os_type=image.os_type,
            boot_mode="UEFI" if image.boot_mode == "UEFI" else "BIOS",
        )
    )
    context.later(bury(context.cloud, "disk", old.id), 0.0)
    context.later(Job("disk", new.id))
    return {"DiskId": new.id}


@action(Product.ECS, ResizeDisk, order=Order.MONEY)
def resize_disk(context: Context, ask: ResizeDisk) -> Body:
    """At once; partitions and file systems are the guest's business."""
    disk = need(context.store.disks.get(ask.DiskId), "DiskId", ask.DiskId)
    if disk.status not in {DiskStatus.IN_USE, DiskStatus.AVAILABLE}:
        raise conflict(
            "IncorrectDiskStatus", "The current disk status does not support this operation."
        )
    if ask.NewSize < disk.size:
        raise ApiError(
            "InvalidDiskSize.TooSmall",
            "Specified new disk size is less than the original disk size.",
        )
    if disk.type == "system" and ask.NewSize > CATEGORIES[disk.category].system_largest:
        raise ApiError(
            "InvalidDiskSize.TooLarge", "The new size is larger than a system disk can be."
        )
    check_size(ask.NewSize, disk.category, "InvalidDiskSize.TooLarge")
    _check_resizable(context, disk)
    if disk.made:
        context.cloud.compute.resize_disk(disk.id, ask.NewSize)
    context.store.disks.put(replace(disk, size=ask.NewSize))
    return {"OrderId": ""}


def need_system(context: Context, instance: Instance) -> Disk:
    """The system disk of an instance; it may have been taken off."""
    for disk in disks_of(context.cloud, instance.id):
        if disk.type == "system":
            return disk
    raise conflict("IncorrectInstanceStatus", "The instance has no system disk.")


def _check_replaceable(context: Context, instance: Instance, old: Disk, image: Image) -> None:
    if instance.status is not InstanceStatus.STOPPED or instance.deleting:
        raise conflict("IncorrectInstanceStatus", "The instance must be Stopped.")
    if instance.stopped_mode == "StopCharging":
        raise conflict(
            "OperationDenied",
            "The instance is stopped in economical mode: start it, stop it with KeepCharging.",
        )
    if image.status is not ImageStatus.AVAILABLE:
        raise conflict("OperationDenied.ImageNotValid", "The specified Image is not Available.")
    if any(d.type == "data" and d.snapshot for d in image.disks):
        raise conflict(
            "OperationDenied", "The specified image contains the snapshot of a data disk."
        )
    if _is_being_copied(context, old):
        raise conflict("DiskCreatingSnapshot", "A snapshot of the disk is not completed yet.")


def _check_resizable(context: Context, disk: Disk) -> None:
    if _is_being_copied(context, disk):
        raise conflict(
            "IncorrectDiskStatus.CreatingSnapshot", "A snapshot of the disk is being made."
        )


def _is_being_copied(context: Context, disk: Disk) -> bool:
    copies = (s for s in context.store.snapshots.all() if s.disk == disk.id)
    return any(s.status is SnapshotStatus.PROGRESSING for s in copies)


def _check_new_size(size: int, least: int, category: str) -> None:
    if size < least:
        raise ApiError(
            "InvalidSystemDiskSize.LessThanImageSize",
            "The specified parameter SystemDisk.Size is less than the image size.",
            404,
        )
    if size > CATEGORIES[category].system_largest:
        raise ApiError(
            "InvalidSystemDiskSize.MoreThanMaxSize",
            "The specified SystemDisk.Size is larger than a system disk can be.",
            404,
        )
