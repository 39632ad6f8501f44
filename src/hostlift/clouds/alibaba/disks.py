# SPDX-License-Identifier: Apache-2.0
"""Single disks: attached, detached, replaced, and those that were left over."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.adopt import create_once, first, tagged
from hostlift.clouds.alibaba.requests.base import client_token, id_list, tag_list
from hostlift.clouds.alibaba.requests.disks import (
    AttachDisk,
    CreateDisk,
    DeleteDisk,
    DescribeDisks,
    DetachDisk,
    NewSize,
    ReplaceSystemDisk,
    ResizeDisk,
)
from hostlift.errors import CloudError, Retry
from hostlift.ports.cloud import Phase, Resource, ResourceKind, ResourceState
from hostlift.ports.disks import Disk, DiskSpec

if TYPE_CHECKING:
    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.records import DiskRow

DISK_NAME = "hostlift-"
"""Of the data disks that come with an instance, before their number."""
_SETTLED = {"Available", "In_use"}


@dataclass(frozen=True, slots=True)
class Disks:
    """`hostlift.ports.disks.Disks` of a region."""

    api: Api

    def describe(self, disk: str) -> Disk | None:
        """See the port."""
        row = self._row(disk)
        return _view(row) if row else None

    def of(self, instance: str) -> tuple[Disk, ...]:
        """See the port."""
        rows = sorted(self.api.pages(DescribeDisks(instance_id=instance)), key=_request_order)
        return tuple(_view(row) for row in rows)

    def data_disks(self, instance: str) -> tuple[tuple[str, str], ...]:
        """``(id, serial)`` of the data disks of an instance, in the order of the request."""
        return tuple((disk.id, disk.serial) for disk in self.of(instance) if not disk.system)

    def create(self, spec: DiskSpec, *, token: str) -> str:
        """See the port."""
        marked = tagged(spec.tags, token)
        request = CreateDisk(
            client_token=client_token(token, CreateDisk.action),
            zone_id=spec.zone,
            disk_name=spec.name,
            disk_category=spec.category,
            size=spec.size_gib,
            snapshot_id=spec.snapshot,
            tag=tag_list(marked),
        )
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def grow(self, disk: str, size_gib: int, *, token: str) -> None:
        """See the port."""
        row = self._row(disk)
        # The cloud refuses the size that a disk has already.
        if row is None or row.size < size_gib:
            marked = client_token(token, ResizeDisk.action)
            self.api.call(ResizeDisk(client_token=marked, disk_id=disk, new_size=size_gib))

    def attach(self, disk: str, instance: str, *, system: bool = False) -> None:
        """See the port."""
        request = AttachDisk(
            instance_id=instance,
            disk_id=disk,
            bootable=True if system else None,
            password=_password() if system else "",
        )
        try:
            self.api.call(request)
        except CloudError:
            row = self._row(disk)
            if row is None or row.instance != instance:
                raise

    def detach(self, disk: str, instance: str) -> None:
        """See the port."""
        try:
            self.api.call(DetachDisk(instance_id=instance, disk_id=disk))
        except CloudError:
            row = self._row(disk)
            if row is None or (row.instance and row.status != "Detaching"):
                raise

    def replace_system(self, instance: str, image: str, size_gib: int, *, token: str) -> str:
        """See the port."""
        request = ReplaceSystemDisk(
            client_token=client_token(token, ReplaceSystemDisk.action),
            instance_id=instance,
            image_id=image,
            system_disk=NewSize(size=size_gib),
        )
        return self.api.call(request)

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [row.id for row in self.api.pages(DescribeDisks(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one; READY when it hangs somewhere or nowhere for good."""
        row = self._row(name)
        if row is None:
            return None
        phase = Phase.READY if row.status in _SETTLED else Phase.PENDING
        resource = Resource(ResourceKind.DISK, name)
        return ResourceState(resource=resource, phase=phase, detail=row.status)

    def delete(self, name: str) -> None:
        """Delete one; one that hangs on an instance is taken off first.

        Raises:
            CloudError: With ``retry`` RETRY while it is on its way.
        """
        row = self._row(name)
        if row is not None and row.status == "In_use":
            self.detach(name, row.instance)
        if row is not None and row.status != "Available":
            raise CloudError(
                f"{name} is {row.status}",
                api_code="IncorrectDiskStatus",
                action=DeleteDisk.action.api_name,
                retry=Retry.RETRY,
            )
        self.api.call(DeleteDisk(disk_id=name))

    def _row(self, name: str) -> DiskRow | None:
        rows = self.api.pages(DescribeDisks(disk_ids=id_list(name)))
        return next((row for row in rows if row.id == name), None)


def _view(row: DiskRow) -> Disk:
    return Disk(
        id=row.id,
        system=row.kind == "system",
        size_gib=row.size,
        category=row.category,
        zone=row.zone,
        serial=row.serial or _serial_of(row.id),
        instance=row.instance,
        settled=row.status in _SETTLED,
    )


def _request_order(row: DiskRow) -> tuple[bool, int, str, str]:
    """By the number in the name we gave; disks of an image have none and come last, by device."""
    number = re.fullmatch(re.escape(DISK_NAME) + r"(\d+)", row.name)
    place = int(number[1]) if number else 1 << 16
    return (row.kind != "system", place, row.device, row.id)


def _serial_of(disk: str) -> str:
    # The serial that a guest reads from a cloud disk is its id without the prefix.
    return disk.partition("-")[2]


def _password() -> str:
    """One that nobody knows: the instance is never started with it."""
    return f"{secrets.token_hex(12)}-{secrets.token_hex(2).upper()}Z"
