# SPDX-License-Identifier: Apache-2.0
"""ECS: images, public ones and our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Paged,
    Regional,
    TagPart,
    action,
    check_description,
    check_name,
    page,
    tags_of,
)
from hostlift.localcloud.actions.filters import FilterPart, created_within, has_tags, matches
from hostlift.localcloud.compute.base import PublicImage
from hostlift.localcloud.state.records import Image, ImageDisk, ImageStatus
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError, conflict, invalid_parameter, not_found
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged
from hostlift.localcloud.wire.times import to_second

BootMode = Literal["BIOS", "UEFI", "UEFI-Preferred"]
_STATES = {"Creating", "Waiting", "Available", "UnAvailable", "CreateFailed", "Deprecated"}
_LONGEST_ID_LIST = 100


@dataclass(frozen=True, kw_only=True)
class FeaturesPart:
    """Told, not enforced."""

    ImdsSupport: str = ""
    NvmeSupport: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeImages(Paged):
    """List images. ``Status`` defaults to Available: an image being made is not shown."""

    HARMLESS = "ShowExpired ActionType InstanceType IsSupportIoOptimized"

    PageSize: Annotated[int, Ranged(1, 100)] = 10
    ImageId: str = ""
    ImageName: str = ""
    ImageFamily: str = ""
    ImageOwnerAlias: Literal["system", "self", "others", "marketplace"] | None = None
    ImageOwnerId: int | None = None
    IsPublic: bool = False
    IsSupportCloudinit: bool | None = None
    SnapshotId: str = ""
    Status: str = "Available"
    Architecture: Literal["i386", "x86_64", "arm64"] | None = None
    OSType: Literal["windows", "linux"] | None = None
    Usage: Literal["instance", "none"] | None = None
    Usable: bool | None = None
    ResourceGroupId: str = ""
    Filter: tuple[FilterPart, ...] = ()
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DeleteImage(Regional):
    """``Force`` deletes one that instances were made from."""

    ImageId: str
    Force: bool = False
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class ModifyImageAttribute(Regional):
    """Names and the like of an own image."""

    ImageId: str
    ImageName: str | None = None
    Description: str | None = None
    ImageFamily: str | None = None
    BootMode: Literal["BIOS", "UEFI", "UEFI-Preferred"] | None = None
    LicenseType: Literal["Auto", "Aliyun", "BYOL"] | None = None
    Status: Literal["Deprecated", "Available"] | None = None
    Features: FeaturesPart | None = None
    DryRun: bool = False


@action(Product.ECS, DescribeImages, on="image/*")
def describe_images(context: Context, ask: DescribeImages) -> Body:
    """The public ones first, then our own, newest last."""
    states = {s.strip() for s in ask.Status.split(",") if s.strip()}
    if states - _STATES:
        raise invalid_parameter("Status", code="InvalidStatus.ValueNotSupported")
    ids = [i for i in ask.ImageId.split(",") if i]
    if len(ids) > _LONGEST_ID_LIST:
        raise invalid_parameter("ImageId")
    found = [
        i
        for i in usable_images(context)
        if (not ids or i.id in ids)
        and (not states or i.status.value in states)
        and _wanted(context, ask, i)
    ]
    shown, numbers = page(ask, found)
    views: list[Json] = [_view(context, i) for i in shown]
    return {"RegionId": ask.RegionId, "Images": {"Image": views}, **numbers}


@action(Product.ECS, DeleteImage)
def delete_image(context: Context, ask: DeleteImage) -> Body:
    """Its snapshots stay; instances made from it too."""
    image = need_own_image(context, ask.ImageId)
    if image.status is ImageStatus.CREATING and not ask.Force:
        raise conflict("IncorrectImageStatus", "The image is still being created.")
    if _is_used(context, image) and not ask.Force:
        raise conflict("ImageUsingByInstance", "The specified image has created instances.")
    context.store.images.drop(image.id)
    return DONE


@action(Product.ECS, ModifyImageAttribute)
def modify_image_attribute(context: Context, ask: ModifyImageAttribute) -> Body:
    """What is not given stays."""
    image = need_own_image(context, ask.ImageId)
    if ask.Status == "Deprecated":
        raise invalid_parameter("Status", "This cloud deprecates no images.")
    if ask.ImageName is not None and ask.ImageName != image.name:
        check_image_name(context.store.images.all(), ask.ImageName)
    check_description(ask.Description or "")
    context.store.images.put(
        replace(
            image,
            name=image.name if ask.ImageName is None else ask.ImageName,
            description=image.description if ask.Description is None else ask.Description,
            family=image.family if ask.ImageFamily is None else ask.ImageFamily,
            boot_mode=ask.BootMode or image.boot_mode,
            license_type=ask.LicenseType or image.license_type,
        )
    )
    return DONE


def usable_images(context: Context) -> list[Image]:
    """The public ones, our own, and those of others that we may use."""
    public = [_public(p, context.region) for p in context.cloud.compute.public_images()]
    shared = [
        i
        for i in context.cloud.store.images.all()
        if context.account.id in i.shared_with and i.region == context.region
    ]
    return [*public, *context.store.images.all(), *shared]


def need_image(context: Context, key: str) -> Image:
    """An image we may use, in any state."""
    for image in usable_images(context):
        if image.id == key:
            return image
    raise not_found("ImageId", key)


def need_own_image(context: Context, key: str) -> Image:
    """One of ours."""
    image = need_image(context, key)
    if image.account != context.account.id:
        raise conflict("OperationDenied", "Only the owner of an image changes it.")
    return image


def check_image_name(others: Iterable[Image], name: str) -> None:
    """Refuse malformed names, and names that ``others`` of the region have."""
    check_name(name, "ImageName")
    if name.startswith(("acs:", "aliyun")):
        raise invalid_parameter("ImageName", code="InvalidImageName.Malformed")
    if name and any(i.name == name for i in others):
        raise ApiError(
            "InvalidImageName.Duplicated", "The specified Image name has already been used."
        )


def _public(image: PublicImage, region: str) -> Image:
    windows = "windows" in image.platform.lower()
    disk = ImageDisk(device="/dev/xvda", type="system", size=image.size_gib)
    return Image(
        id=image.id,
        account="",
        region=region,
        created=1_704_067_200.0,
        name=image.name,
        platform=image.platform,
        architecture="x86_64",
        os_type="windows" if windows else "linux",
        os_name=image.os_name,
        boot_mode=image.boot_mode,
        disks=(disk,),
        owner="system",
        status=ImageStatus.AVAILABLE,
    )


def _is_used(context: Context, image: Image) -> bool:
    return any(i.image == image.id for i in context.store.instances.all())


def _wanted(context: Context, ask: DescribeImages, image: Image) -> bool:
    pairs = (
        (ask.ImageName, image.name),
        (ask.ImageFamily, image.family),
        (ask.ImageOwnerAlias or "", _alias(context, image)),
        (ask.Architecture or "", image.architecture),
        (ask.OSType or "", image.os_type),
        (ask.ResourceGroupId, image.resource_group),
    )
    if ask.ImageOwnerId not in {None, _owner(image)}:
        return False
    if ask.SnapshotId and ask.SnapshotId not in {d.snapshot for d in image.disks}:
        return False
    if ask.Usage is not None and (ask.Usage == "instance") != _is_used(context, image):
        return False
    return (
        not ask.IsPublic
        and ask.IsSupportCloudinit in {None, image.cloud_init}
        and ask.Usable in {None, image.status is ImageStatus.AVAILABLE}
        and matches(pairs)
        and has_tags(image, ask.Tag)
        and created_within(ask.Filter, image.created)
    )


def _alias(context: Context, image: Image) -> str:
    if image.owner == "self" and image.account != context.account.id:
        return "others"
    return image.owner


def _owner(image: Image) -> int:
    return int(image.account or 0)


def _view(context: Context, image: Image) -> Body:
    done = image.status is ImageStatus.AVAILABLE
    alias = _alias(context, image)
    disks: list[Json] = [
        {
            "Device": d.device,
            "Type": d.type,
            "Size": str(d.size),
            "SnapshotId": d.snapshot,
            "Format": "",
            "ImportOSSBucket": "",
            "ImportOSSObject": "",
            "Progress": "100%" if done else "0%",
            "RemainTime": 0,
        }
        for d in image.disks
        if alias == "self"
    ]
    return {
        "ImageId": image.id,
        "ImageName": image.name,
        "ImageFamily": image.family,
        "ImageVersion": image.version,
        "ImageOwnerAlias": alias,
        "ImageOwnerId": _owner(image),
        "Description": image.description,
        "OSName": image.os_name,
        "OSNameEn": image.os_name,
        "OSType": image.os_type,
        "Platform": image.platform,
        "Architecture": image.architecture,
        "BootMode": image.boot_mode,
        "Size": next((d.size for d in image.disks if d.type == "system"), 0),
        "Status": image.status.value,
        "Progress": "100%" if done else "0%",
        "Usage": "instance" if _is_used(context, image) else "none",
        "Usable": done,
        "ProductCode": "",
        "ResourceGroupId": image.resource_group,
        "IsCopied": image.copied,
        "IsPublic": False,
        "IsSelfShared": str(bool(image.shared_with)) if alias == "self" else "",
        "IsSubscribed": False,
        "IsSupportCloudinit": image.cloud_init,
        "IsSupportIoOptimized": True,
        "LoginAsNonRootSupported": False,
        "CreationTime": to_second(image.created),
        "DiskDeviceMappings": {"DiskDeviceMapping": disks},
        "Features": {"NvmeSupport": "unsupported", "ImdsSupport": "v1"},
        "Tags": tags_of(image),
    }
