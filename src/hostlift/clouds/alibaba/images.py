# SPDX-License-Identifier: Apache-2.0
"""Snapshots and custom images."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.adopt import create_once, first, tagged
from hostlift.clouds.alibaba.requests.base import client_token, id_list, tag_list
from hostlift.clouds.alibaba.requests.images import (
    CancelCopyImage,
    CopyImage,
    CreateImage,
    CreateSnapshot,
    DeleteImage,
    DeleteSnapshot,
    DescribeImages,
    DescribeImageSharePermission,
    DescribeSnapshots,
    DiskDeviceMapping,
    ModifyImageSharePermission,
)
from hostlift.errors import ResourceGone
from hostlift.ports.cloud import Phase, Resource, ResourceKind, ResourceState
from hostlift.ports.images import ImageSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hostlift.clouds.alibaba.api import Api

DEVICE_PREFIX = "/dev/xvd"
"""The API's page says xvd in its text and vd in its table; which one holds is unproven."""

_SHARED_AT_ONCE = 10

SNAPSHOT_PHASES = {
    "progressing": Phase.PENDING,
    "accomplished": Phase.READY,
    "failed": Phase.FAILED,
}
IMAGE_PHASES = {
    "Creating": Phase.PENDING,
    "Waiting": Phase.PENDING,
    "Available": Phase.READY,
    "UnAvailable": Phase.FAILED,
    "CreateFailed": Phase.FAILED,
}


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Snapshots of a region."""

    api: Api

    def create(self, disk: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """See `Images.snapshot`."""
        marked = tagged(tags, token)
        request = CreateSnapshot(
            client_token=client_token(token, CreateSnapshot.action),
            disk_id=disk,
            snapshot_name=name,
            tag=tag_list(marked),
        )
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [item.id for item in self.api.pages(DescribeSnapshots(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one."""
        for item in self.api.pages(DescribeSnapshots(snapshot_ids=id_list(name))):
            if item.id == name:
                return ResourceState(
                    resource=Resource(ResourceKind.SNAPSHOT, name),
                    phase=SNAPSHOT_PHASES.get(item.status, Phase.PENDING),
                    detail=item.status,
                    percent=item.percent,
                )
        return None

    def delete(self, name: str) -> None:
        """Delete one."""
        self.api.call(DeleteSnapshot(snapshot_id=name))


@dataclass(frozen=True, slots=True)
class Images:
    """`hostlift.ports.images.Images` of a region."""

    api: Api
    device_prefix: str = DEVICE_PREFIX

    @property
    def snapshots(self) -> Snapshots:
        """What images are made of."""
        return Snapshots(self.api)

    def snapshot(self, disk: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """See the port."""
        return self.snapshots.create(disk, name=name, tags=tags, token=token)

    def create(self, spec: ImageSpec, token: str) -> str:
        """See `Images.create`."""
        marked = tagged(spec.tags, token)
        request = CreateImage(
            client_token=client_token(token, CreateImage.action),
            image_name=spec.name,
            description=spec.description,
            platform=spec.platform,
            architecture=spec.architecture,
            boot_mode=spec.firmware.upper(),
            disk_device_mapping=tuple(
                DiskDeviceMapping(
                    snapshot_id=disk.snapshot,
                    size=disk.size_gib,
                    device=f"{self.device_prefix}{letter}",
                    disk_type="system" if disk.system else "data",
                )
                for letter, disk in zip(ascii_lowercase, spec.disks, strict=False)
            ),
            tag=tag_list(marked),
        )
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def copy(self, image: str, region: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """See the port."""
        marked = tagged(tags, token)
        there = Images(self.api.elsewhere(region), self.device_prefix)
        request = CopyImage(
            client_token=client_token(token, CopyImage.action),
            image_id=image,
            destination_region_id=region,
            destination_image_name=name,
            tag=tag_list(marked),
        )
        made = create_once(self.api, request, lambda mark: first(there.find(mark)), marked)
        there.api.born(made)
        return made

    def parts(self, image: str, region: str) -> tuple[str, ...]:
        """See the port."""
        rows = self.api.elsewhere(region).pages(DescribeImages(image_id=image))
        return next((row.snapshots for row in rows if row.id == image), ())

    def share(self, image: str, accounts: Sequence[str]) -> None:
        """See the port."""
        for begin in range(0, len(accounts), _SHARED_AT_ONCE):
            some = tuple(accounts[begin : begin + _SHARED_AT_ONCE])
            self.api.call(ModifyImageSharePermission(image_id=image, add_account=some))

    def shared_with(self, image: str) -> tuple[str, ...]:
        """See the port."""
        return tuple(self.api.pages(DescribeImageSharePermission(image_id=image)))

    def named(self, name: str) -> str:
        """See `Images.named`."""
        images = self.api.pages(DescribeImages(image_name=name))
        return next((image.id for image in images if image.name == name), "")

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``, in any state."""
        return [image.id for image in self.api.pages(DescribeImages(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one, in any state."""
        for image in self.api.pages(DescribeImages(image_id=name)):
            if image.id == name:
                return ResourceState(
                    resource=Resource(ResourceKind.IMAGE, name),
                    phase=IMAGE_PHASES.get(image.status, Phase.PENDING),
                    detail=image.status,
                    percent=image.percent,
                )
        return None

    def delete(self, name: str) -> None:
        """Delete one; its snapshots stay, but those of a copy that did not become whole."""
        state = self.state(name)
        partial = state is not None and state.phase is not Phase.READY and self.api.away
        parts = self.parts(name, self.api.region) if partial else ()
        if partial and state is not None and state.phase is Phase.PENDING:
            self.api.call(CancelCopyImage(image_id=name))
        else:
            self.api.call(DeleteImage(image_id=name))
        for part in parts:
            with contextlib.suppress(ResourceGone):
                self.snapshots.delete(part)
