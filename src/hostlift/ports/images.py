# SPDX-License-Identifier: Apache-2.0
"""Snapshots and images, as the pipeline needs them; promises as in `hostlift.ports.cloud`."""

from __future__ import annotations

from collections.abc import Sequence
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
        """Id of a new image.

        Raises:
            NotOffered: The account may not make a system disk of a data disk's snapshot.
        """
        ...

    def copy(self, image: str, region: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """Id of a copy that is being made in another region, with snapshots of its own."""
        ...

    def parts(self, image: str, region: str) -> tuple[str, ...]:
        """Snapshots under an image of ours in a region (empty: this one), system disk first."""
        ...

    def share(self, image: str, accounts: Sequence[str]) -> None:
        """Let other accounts, by their numbers, use an image; it stays ours."""
        ...

    def shared_with(self, image: str) -> tuple[str, ...]:
        """Numbers of the accounts that may use an image of ours."""
        ...
