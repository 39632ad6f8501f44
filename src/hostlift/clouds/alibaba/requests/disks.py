# SPDX-License-Identifier: Apache-2.0
"""Single disks. Sizes in GiB."""

from __future__ import annotations

from dataclasses import dataclass, field

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json
from hostlift.clouds.alibaba.records import DiskRow, Page, required
from hostlift.clouds.alibaba.requests.base import Command, Paged, Request, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeDisks(Paged[DiskRow]):
    """Disks of an instance, by ids as `base.id_list` makes them, or by tag."""

    action = Action.DESCRIBE_DISKS
    instance_id: str = ""
    disk_ids: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[DiskRow]:
        """See `Request`."""
        return Page.read(body, "Disks", "Disk", DiskRow.from_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDisk(Command):
    """Delete a disk that hangs on no instance."""

    action = Action.DELETE_DISK
    disk_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeDisk(Command):
    """A larger disk; ``online``: the running instance sees it at once. Sizes in GiB."""

    action = Action.RESIZE_DISK
    client_token: str
    disk_id: str
    new_size: int
    type: str = "online"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDisk(Request[str]):
    """A loose pay-as-you-go data disk with the content of a data disk's snapshot."""

    action = Action.CREATE_DISK
    client_token: str
    zone_id: str
    disk_name: str
    disk_category: str
    size: int
    snapshot_id: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "DiskId")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachDisk(Command):
    """Hang a loose disk on an instance.

    Attributes:
        bootable: As the system disk of the instance that it was detached from; such a one wants
            ``password``, which the cloud would set at the next start.
    """

    action = Action.ATTACH_DISK
    instance_id: str
    disk_id: str
    delete_with_instance: bool = True
    bootable: bool | None = None
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachDisk(Command):
    """Take a disk off; it stays, and stays ours to delete."""

    action = Action.DETACH_DISK
    instance_id: str
    disk_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSize:
    """Of a system disk that replaces another."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceSystemDisk(Request[str]):
    """Another system disk for a stopped instance; the old one is deleted with what is on it."""

    action = Action.REPLACE_SYSTEM_DISK
    client_token: str
    instance_id: str
    image_id: str
    system_disk: NewSize

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return required(body, "DiskId")
