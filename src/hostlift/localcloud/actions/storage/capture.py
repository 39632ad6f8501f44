# SPDX-License-Identifier: Apache-2.0
"""ECS: CreateImage, from an instance, a mapping or a snapshot, in this precedence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import (
    Context,
    Order,
    Regional,
    TagPart,
    action,
    check_description,
    need,
    read_tags,
)
from hostlift.localcloud.actions.storage.images import FeaturesPart, check_image_name
from hostlift.localcloud.actions.storage.snapshots import add_snapshot
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.instances import disks_of
from hostlift.localcloud.state.records import (
    Image,
    ImageDisk,
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
from hostlift.localcloud.wire.parameters import Ranged

PLATFORMS = (
    "Aliyun",
    "Anolis",
    "CentOS",
    "Ubuntu",
    "CoreOS",
    "SUSE",
    "OpenSUSE",
    "Debian",
    "RedHat",
    "Kylin",
    "UOS",
    "Fedora",
    "Fedora CoreOS",
    "CentOS Stream",
    "AlmaLinux",
    "Rocky Linux",
    "Gentoo",
    "FreeBSD",
    "Customized Linux",
    "Others Linux",
    "Windows Server 2025",
    "Windows Server 2022",
    "Windows Server 2019",
    "Windows Server 2016",
    "Windows Server 2012",
    "Windows Server 2008",
    "Windows Server 2003",
    "Windows 11",
    "Windows 10",
    "Windows 7",
)
_BLANK = 5
_MOST = 17
_LARGEST = 32768
_VERSION = 40


@dataclass(frozen=True, kw_only=True)
class MappingPart:
    """A disk of the new image; without a snapshot it is blank."""

    SnapshotId: str = ""
    Size: Annotated[int, Ranged(1, _LARGEST, "InvalidSize.ValueNotSupported")] | None = None
    Device: str = ""
    DiskType: Literal["system", "data"] | None = None


@dataclass(frozen=True, kw_only=True)
class CreateImage(Regional):
    """A custom image."""

    HARMLESS = "DetectionStrategy SecureBootOptions"

    InstanceId: str = ""
    DiskDeviceMapping: tuple[MappingPart, ...] = ()
    SnapshotId: str = ""
    ImageName: str = ""
    ImageFamily: str = ""
    ImageVersion: str = ""
    Description: str = ""
    Platform: str = ""
    Architecture: Literal["x86_64", "i386", "arm64"] | None = None
    BootMode: Literal["BIOS", "UEFI", "UEFI-Preferred"] | None = None
    Features: FeaturesPart | None = None
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""
    DryRun: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Disks of the new image, and what its system disk was before; the base is empty if unknown."""

    disks: tuple[ImageDisk, ...]
    image: str = ""


@action(Product.ECS, CreateImage, on="image/*", order=Order.STANDING)
def create_image(context: Context, ask: CreateImage) -> Body:
    """Creating first; Available once its snapshots are."""
    store = context.store
    check_image_name(store.images.all(), ask.ImageName)
    check_description(ask.Description)
    if len(ask.ImageVersion) > _VERSION:
        raise invalid_parameter("ImageVersion", code="InvalidImageVersion.Malformed")
    if ask.Platform and ask.Platform not in PLATFORMS:
        raise invalid_parameter("Platform", code="InvalidPlatform.ValueNotSupported")
    if len(store.images.all()) >= context.quotas.images:
        raise quota("Image", "The Image Quota exceeds.")
    tags = read_tags(ask.Tag)
    key = new_id("m")
    origin = _origin(context, ask, tags)
    base = _base(context, origin)
    platform = ask.Platform or (base.platform if base else "Others Linux")
    windows = platform.lower().startswith("windows")
    image = Image(
        id=key,
        account=context.account.id,
        region=ask.RegionId,
        created=context.now,
        name=ask.ImageName or key,
        description=ask.Description,
        resource_group=ask.ResourceGroupId,
        tags=tags,
        platform=platform,
        architecture=ask.Architecture or (base.architecture if base else "x86_64"),
        os_type="windows" if windows else "linux",
        os_name=base.os_name if base and not ask.Platform else f"{platform}  64bit",
        boot_mode=ask.BootMode or (base.boot_mode if base else "BIOS"),
        disks=origin.disks,
        family=ask.ImageFamily,
        version=ask.ImageVersion,
    )
    store.images.put(image)
    context.later(Job("image", image.id))
    return {"ImageId": image.id}


def _origin(context: Context, ask: CreateImage, tags: dict[str, str]) -> _Origin:
    if ask.InstanceId:
        return _from_instance(context, ask, tags)
    if ask.DiskDeviceMapping:
        return _from_mapping(context, ask)
    if ask.SnapshotId:
        snapshot = _need(context, ask.SnapshotId)
        if snapshot.disk_type != "system":
            raise conflict("OperationDenied", "The specified snapshot is not from system disk.")
        disk = ImageDisk(
            device="/dev/xvda", type="system", size=snapshot.disk_size, snapshot=snapshot.id
        )
        return _Origin(disks=(disk,), image=snapshot.image)
    raise missing_parameter("SnapshotId or InstanceId or DiskDeviceMapping")


def _from_instance(context: Context, ask: CreateImage, tags: dict[str, str]) -> _Origin:
    """Snapshots of all its disks; a mapping given beside it is ignored, as documented."""
    instance = context.store.instances.get(ask.InstanceId)
    found = need(instance, "InstanceId", ask.InstanceId)
    if found.status not in {InstanceStatus.RUNNING, InstanceStatus.STOPPED} or found.deleting:
        raise ApiError(
            "IncorrectInstanceStatus",
            "The current status of the instance does not support this operation.",
        )
    disks = disks_of(context.cloud, found.id)
    if not all(d.ever_started for d in disks):
        raise conflict(
            "IncorrectDiskStatus.NeverUsed", "A disk of the instance has never been used."
        )
    copies = [
        add_snapshot(
            context,
            disk,
            name=f"SnapshotForImage-{ask.ImageName}",
            description="",
            tags=tags,
        )
        for disk in disks
    ]
    mapped = tuple(
        ImageDisk(device=d.device, type=d.type, size=d.size, snapshot=s.id)
        for d, s in zip(disks, copies, strict=True)
    )
    return _Origin(disks=mapped, image=found.image)


def _from_mapping(context: Context, ask: CreateImage) -> _Origin:
    parts = ask.DiskDeviceMapping
    if len(parts) > _MOST:
        raise invalid_parameter("DiskDeviceMapping", f"At most {_MOST} disks.")
    snapshots = [_need(context, p.SnapshotId) if p.SnapshotId else None for p in parts]
    _check_declared(context, ask, snapshots)
    kinds = [
        p.DiskType or ("system" if s and s.disk_type == "system" else "data")
        for p, s in zip(parts, snapshots, strict=True)
    ]
    if kinds.count("system") == 0:
        raise ApiError(
            "OperationDenied",
            "The specified parameter DiskDeviceMapping.n.SnapshotId does not contain system disk snapshot.",
        )
    if kinds.count("system") > 1:
        raise ApiError(
            "OperationDenied",
            "The specified parameter DiskDeviceMapping.n.SnapshotId contains two or more system disk snapshots.",
        )
    devices = _devices(parts, kinds)
    disks = tuple(
        ImageDisk(device=d, type=k, size=_size(p, s), snapshot=p.SnapshotId)
        for p, s, k, d in zip(parts, snapshots, kinds, devices, strict=True)
    )
    system = snapshots[kinds.index("system")]
    if system is None:
        raise ApiError("OperationDenied", "The system disk of an image needs a snapshot.")
    base = system.image if system.disk_type == "system" else ""
    ordered = sorted(disks, key=lambda d: d.type != "system")
    return _Origin(disks=tuple(ordered), image=base)


def _check_declared(context: Context, ask: CreateImage, snapshots: list[Snapshot | None]) -> None:
    """A data-disk snapshot as system disk says nothing of its system: the caller must."""
    for part, snapshot in zip(ask.DiskDeviceMapping, snapshots, strict=True):
        if part.DiskType != "system" or (snapshot and snapshot.disk_type == "system"):
            continue
        if not context.account.settings.system_disk_from_data:
            raise conflict(
                "UserNotInTheWhiteList",
                "The user is not in the white list of create image by data disk snapshot.",
            )
        if not ask.Platform:
            raise missing_parameter("Platform")
        if ask.Architecture is None:
            raise missing_parameter("Architecture")


def _devices(parts: tuple[MappingPart, ...], kinds: Sequence[str]) -> list[str]:
    """Given names, or the next free ones; both spellings of the documentation are taken."""
    free = (f"/dev/xvd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")
    found: list[str] = []
    for number, (part, kind) in enumerate(zip(parts, kinds, strict=True), 1):
        name = part.Device or ("/dev/xvda" if kind == "system" else next(free))
        letter = name.removeprefix("/dev/xvd").removeprefix("/dev/vd")
        if len(letter) != 1 or not "a" <= letter <= "z" or name in found:
            raise invalid_parameter(
                f"DiskDeviceMapping.{number}.Device", code="InvalidDevice.Malformed"
            )
        if (kind == "system") != (letter == "a"):
            raise ApiError("OperationDenied", "Only the system disk is /dev/xvda.")
        found.append(name)
    return found


def _size(part: MappingPart, snapshot: Snapshot | None) -> int:
    least = snapshot.disk_size if snapshot else _BLANK
    size = least if part.Size is None else part.Size
    if size < least:
        raise invalid_parameter(
            "DiskDeviceMapping.n.Size", f"{least} GiB or more.", "InvalidSize.ValueNotSupported"
        )
    return size


def _need(context: Context, key: str) -> Snapshot:
    snapshot = context.store.snapshots.get(key)
    if snapshot is None:
        raise not_found("SnapshotId", key)
    if snapshot.status is not SnapshotStatus.ACCOMPLISHED:
        raise conflict(
            "InvalidSnapshotId.NotReady",
            "The current status of the snapshot does not support this operation.",
        )
    return snapshot


def _base(context: Context, origin: _Origin) -> Image | None:
    from_public = context.cloud.compute.public_images()
    for public in from_public:
        if public.id == origin.image:
            return Image(
                id=public.id,
                account="",
                region="",
                created=0.0,
                platform=public.platform,
                architecture="x86_64",
                os_type="linux",
                os_name=public.os_name,
                boot_mode=public.boot_mode,
                disks=(),
            )
    return context.store.images.get(origin.image)
