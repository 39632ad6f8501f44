# SPDX-License-Identifier: Apache-2.0
"""Snapshots and images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.records import ImageRow, Item, Page, required
from hostlift.clouds.alibaba.requests.base import Command, Paged, Request, Tag

if TYPE_CHECKING:
    from hostlift.clouds.alibaba.fields import Json

EVERY_STATUS = "Creating,Waiting,Available,UnAvailable,CreateFailed"
"""Without it DescribeImages shows images that are Available and hides all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSnapshot(Request[str]):
    """A new snapshot of a disk."""

    action = Action.CREATE_SNAPSHOT
    client_token: str
    disk_id: str
    snapshot_name: str
    description: str = ""
    tag: tuple[Tag, ...] = ()

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "SnapshotId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeSnapshots(Paged[Item]):
    """Snapshots; ``snapshot_ids`` is made by `base.id_list`."""

    action = Action.DESCRIBE_SNAPSHOTS
    snapshot_ids: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[Item]:
        """See `Request`."""
        return Page.read(body, "Snapshots", "Snapshot", Item.snapshot)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSnapshot(Command):
    """Delete a snapshot; ``force`` although disks were made from it (never although images)."""

    action = Action.DELETE_SNAPSHOT
    snapshot_id: str
    force: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskDeviceMapping:
    """One disk of an image."""

    snapshot_id: str
    size: int
    device: str
    disk_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateImage(Request[str]):
    """A new image from snapshots.

    There is no ``instance_id`` here on purpose: with it the cloud ignores the mapping.
    """

    action = Action.CREATE_IMAGE
    client_token: str
    image_name: str
    description: str
    platform: str
    architecture: str
    boot_mode: str
    disk_device_mapping: tuple[DiskDeviceMapping, ...]
    dry_run: bool | None = None
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "ImageId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeImages(Paged[ImageRow]):
    """Images, in every state unless told otherwise."""

    action = Action.DESCRIBE_IMAGES
    image_id: str = ""
    image_name: str = ""
    image_owner_alias: str = "self"
    status: str = EVERY_STATUS
    o_s_type: str = ""
    architecture: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[ImageRow]:
        """See `Request`."""
        return Page.read(body, "Images", "Image", ImageRow.from_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyImage(Request[str]):
    """A copy in another region; asked for where the image is."""

    action = Action.COPY_IMAGE
    client_token: str
    image_id: str
    destination_region_id: str
    destination_image_name: str
    dry_run: bool | None = None
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "ImageId")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCopyImage(Command):
    """Give a copy up that is being made; asked for where the copy is."""

    action = Action.CANCEL_COPY_IMAGE
    image_id: str
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyImageSharePermission(Command):
    """Let accounts use an image; at most ten a call."""

    action = Action.MODIFY_IMAGE_SHARE_PERMISSION
    image_id: str
    add_account: tuple[str, ...]
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeImageSharePermission(Paged[str]):
    """Numbers of the accounts that may use an image."""

    action = Action.DESCRIBE_IMAGE_SHARE_PERMISSION
    image_id: str
    region_id: str = ""

    def answer(self, body: Json) -> Page[str]:
        """See `Request`."""
        return Page.read(body, "Accounts", "Account", lambda row: required(row, "AliyunId"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteImage(Command):
    """Delete an image; refused while instances made from it exist. Its snapshots stay."""

    action = Action.DELETE_IMAGE
    image_id: str
    region_id: str = ""
