# SPDX-License-Identifier: Apache-2.0
"""Snapshots and images, as the pipeline needs them; promises as in `hostlift.ports.cloud`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDisk:
    """One disk of a custom image, from a snapshot."""

    snapshot: str
    size_gib: int
    system: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """A custom image to make from snapshots; the first disk is the system disk.

    Attributes:
        firmware: ``bios`` or ``uefi``.
    """

    name: str
    description: str
    platform: str
    architecture: str
    firmware: str
    disks: tuple[ImageDisk, ...]
    tags: dict[str, str] = field(default_factory=dict)


class Images(Protocol):
    """How a disk becomes an image."""

    def named(self, name: str) -> str:
        """Id of our image of that name in any state, or empty."""
        ...

    def snapshot(self, disk: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """Id of a new snapshot of a disk."""
        ...

    def create(self, spec: ImageSpec, *, token: str) -> str:
        """Id of a new image."""
        ...
