# SPDX-License-Identifier: Apache-2.0
"""Machines, as the pipeline needs them; promises as in `hostlift.ports.cloud`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an instance can run now."""

    zone: str
    instance_type: str
    system_disk: str
    data_disk: str
    image: str
    """A public Linux image with Python of at least 3.11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSpec:
    """An instance to start.

    Attributes:
        data_disks: Sizes in GiB, in order; they are deleted with the instance.
        user_data: At most 16 KiB, not encoded.
        release_at: Seconds since 1970; the cloud deletes the instance then. 0: never.
        bandwidth_mbps: Of the public address; 0 gives none.
    """

    name: str
    image: str
    placement: Placement
    vswitch: str
    security_group: str
    system_gib: int
    data_disks: tuple[int, ...] = ()
    user_data: bytes = b""
    release_at: float = 0
    bandwidth_mbps: int = 100
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An instance as its owner knows it.

    Attributes:
        status: In the cloud's own word.
        image: What its system disk was made from.
        kept_charging: While stopped it keeps its place; else its disks cannot be replaced.
    """

    id: str
    name: str
    status: str
    zone: str
    image: str
    stopped: bool
    kept_charging: bool = True


class Instances(Protocol):
    """Where machines can run, and their power."""

    def placements(self, *, zone: str = "", instance_type: str = "") -> Iterator[Placement]:
        """Zones with a cheap instance type, disk categories and a base image in stock, best first.

        Each is asked for when it is its turn. That one can be bought is only known by buying it.

        Raises:
            OutOfStock: There is not even one.
        """
        ...

    def run(self, spec: InstanceSpec, *, token: str) -> str:
        """Id of a new, starting instance."""
        ...

    def start(self, instance: str) -> None:
        """Start a stopped one; a running one is fine."""
        ...

    def stop(self, instance: str, *, force: bool) -> None:
        """Stop, keeping disks and addresses; a stopped one is fine."""
        ...

    def describe(self, instance: str) -> Server | None:
        """What is known of one, ours or not; None when it does not exist."""
        ...

    def renew(self, instance: str, release_at: float) -> None:
        """Move the automatic release to ``release_at`` (seconds since 1970); 0: never."""
        ...

    def console(self, instance: str) -> str:
        """What the instance printed on its serial console, as far as it is kept."""
        ...
