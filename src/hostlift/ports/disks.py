# SPDX-License-Identifier: Apache-2.0
"""Disks beside those that come and go with an instance; promises as in `hostlift.ports.cloud`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk as it is.

    Attributes:
        system: It is an instance's system disk, or was made as one and hangs nowhere.
        serial: As a guest reads it.
        instance: Where it hangs; empty: nowhere.
        settled: It is neither being made nor on its way to or from an instance.
    """

    id: str
    system: bool
    size_gib: int
    category: str
    zone: str
    serial: str
    instance: str
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpec:
    """A data disk to make from a snapshot."""

    name: str
    zone: str
    category: str
    size_gib: int
    snapshot: str
    tags: dict[str, str] = field(default_factory=dict)


class Disks(Protocol):
    """What can be done with single disks. Attaching and detaching take a while after the call."""

    def describe(self, disk: str) -> Disk | None:
        """What is known of one; None when it does not exist."""
        ...

    def of(self, instance: str) -> tuple[Disk, ...]:
        """All disks of an instance, its system disk first."""
        ...

    def create(self, spec: DiskSpec, *, token: str) -> str:
        """Id of a new disk that hangs nowhere."""
        ...

    def grow(self, disk: str, size_gib: int, *, token: str) -> None:
        """Make a disk larger while its instance runs; one that is as large already is fine."""
        ...

    def attach(self, disk: str, instance: str, *, system: bool = False) -> None:
        """Hang a disk on an instance, to be deleted with it; one that hangs there is fine.

        Args:
            system: As the system disk of the stopped instance it was detached from.
        """
        ...

    def detach(self, disk: str, instance: str) -> None:
        """Take a disk off, a system disk only of a stopped instance; one that is off is fine."""
        ...

    def replace_system(self, instance: str, image: str, size_gib: int, *, token: str) -> str:
        """Id of the new system disk of a stopped instance, made from an image. The old one is gone."""
        ...
