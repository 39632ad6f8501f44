# SPDX-License-Identifier: Apache-2.0
"""ECS: images for other accounts and other regions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Order,
    Paged,
    Regional,
    TagPart,
    action,
    check_description,
    check_region,
    page,
    read_tags,
)
from hostlift.localcloud.actions.storage.images import check_image_name, need_own_image
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.burial import bury
from hostlift.localcloud.state.records import ImageDisk, ImageStatus, Snapshot
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError, conflict, missing_parameter, quota
from hostlift.localcloud.wire.message import Product

_MOST_ACCOUNTS = 50
_MOST_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True)
class CopyImage(Regional):
    """A copy in another region, with copies of its snapshots under it."""

    HARMLESS = "EncryptAlgorithm KMSKeyId"

    ImageId: str
    DestinationRegionId: str = ""
    DestinationImageName: str = ""
    DestinationDescription: str = ""
    Encrypted: bool = False
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class CancelCopyImage(Regional):
    """Stop a copy that is still being made; ``RegionId`` is that of the copy."""

    ImageId: str


@dataclass(frozen=True, kw_only=True)
class ModifyImageSharePermission(Regional):
    """Which other accounts may use an image of ours."""

    HARMLESS = "LaunchPermission"

    ImageId: str
    AddAccount: tuple[str, ...] = ()
    RemoveAccount: tuple[str, ...] = ()
    IsPublic: bool = False
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DescribeImageSharePermission(Paged):
    """Who may use an image of ours."""

    ImageId: str


@action(Product.ECS, CopyImage, on="image/*", order=Order.STANDING)
def copy_image(context: Context, ask: CopyImage) -> Body:
    """Creating first; Available once all bytes are there."""
    image = need_own_image(context, ask.ImageId)
    target = ask.DestinationRegionId or ask.RegionId
    check_region(target)
    if target == ask.RegionId and not ask.Encrypted:
        raise ApiError("InvalidRegionId.Duplicated", "The destination is the region of the image.")
    if ask.Encrypted:
        raise ApiError("InvalidParameter.EncryptedNotSupported", "This cloud encrypts no disks.")
    if image.status is not ImageStatus.AVAILABLE:
        raise conflict("OperationDenied.ImageNotValid", "The specified Image is not Available.")
    there = context.elsewhere(target)
    check_image_name(there.images.all(), ask.DestinationImageName)
    check_description(ask.DestinationDescription)
    if len(there.images.all()) >= context.cloud.quotas(context.account, target).images:
        raise quota("Image", "The Image Quota exceeds.")
    key = new_id("m")
    copy = replace(
        image,
        id=key,
        region=target,
        created=context.now,
        name=ask.DestinationImageName or key,
        description=ask.DestinationDescription,
        resource_group=ask.ResourceGroupId,
        tags=read_tags(ask.Tag),
        disks=tuple(_copied(context, d, target) for d in image.disks),
        shared_with=(),
        copied=True,
        status=ImageStatus.CREATING,
    )
    there.images.put(copy)
    context.later(Job("image", copy.id))
    return {"ImageId": copy.id}


@action(Product.ECS, CancelCopyImage)
def cancel_copy_image(context: Context, ask: CancelCopyImage) -> Body:
    """The copy goes, and the copies of snapshots under it; the source is as it was."""
    image = need_own_image(context, ask.ImageId)
    if not image.copied:
        raise ApiError(
            "ImageCreatedNotFromCopy",
            "The specified image is not the target image of a copy action.",
        )
    if image.status is not ImageStatus.CREATING:
        raise ApiError("IncorrectImageStatus", "The image is copied finished.")
    context.store.images.drop(image.id)
    for key in [d.snapshot for d in image.disks if d.snapshot]:
        context.store.snapshots.drop(key)
        context.later(bury(context.cloud, "snapshot", key), 0.0)
    return DONE


@action(Product.ECS, ModifyImageSharePermission)
def modify_image_share_permission(context: Context, ask: ModifyImageSharePermission) -> Body:
    """Accounts by their numbers; its snapshots stay ours."""
    image = need_own_image(context, ask.ImageId)
    if ask.IsPublic:
        raise conflict("OperationDenied", "This cloud publishes no images.")
    if not ask.AddAccount and not ask.RemoveAccount:
        raise missing_parameter("AddAccount.1 or RemoveAccount.1")
    if max(len(ask.AddAccount), len(ask.RemoveAccount)) > _MOST_AT_ONCE:
        raise ApiError("InvalidAccountNumber", f"At most {_MOST_AT_ONCE} accounts at once.")
    for number in ask.AddAccount:
        _check_account(context, number)
    kept = [a for a in image.shared_with if a not in ask.RemoveAccount]
    shared = tuple(dict.fromkeys([*kept, *ask.AddAccount]))
    if len(shared) > _MOST_ACCOUNTS:
        raise quota("ShareAccount", "The image is shared with too many accounts.")
    context.store.images.put(replace(image, shared_with=shared))
    return DONE


@action(Product.ECS, DescribeImageSharePermission)
def describe_image_share_permission(context: Context, ask: DescribeImageSharePermission) -> Body:
    """Numbers of the accounts."""
    image = need_own_image(context, ask.ImageId)
    shown, numbers = page(ask, image.shared_with)
    accounts: list[Json] = [{"AliyunId": number} for number in shown]
    return {
        "RegionId": ask.RegionId,
        "ImageId": image.id,
        "Accounts": {"Account": accounts},
        "ShareGroups": {"ShareGroup": []},
        **numbers,
    }


def _check_account(context: Context, number: str) -> None:
    if number == context.account.id:
        raise ApiError("InvalidAccount.Forbidden", "An image is not shared with its owner.")
    if context.cloud.accounts.get(number) is None:
        raise ApiError("InvalidAccount.NotFound", "The specified account does not exist.", 404)


def _copied(context: Context, disk: ImageDisk, region: str) -> ImageDisk:
    source = context.store.snapshots.get(disk.snapshot) if disk.snapshot else None
    if source is None:
        return disk
    copy = Snapshot(
        id=new_id("s"),
        account=context.account.id,
        region=region,
        created=context.now,
        name=f"Copied from {source.region} {source.id}",
        disk=source.disk,
        disk_size=source.disk_size,
        disk_type=source.disk_type,
        image=source.image,
        source=source.id,
        modified=context.now,
    )
    context.elsewhere(region).snapshots.put(copy)
    context.later(Job("snapshot", copy.id), 0.0)
    return replace(disk, snapshot=copy.id)
