# SPDX-License-Identifier: Apache-2.0
"""What a migration costs: rates, amounts, and their product. All of it is an estimate.

Traffic into the cloud is free; what the target acknowledges goes out and costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What things cost, in ``currency``.

    Attributes:
        instance: An hour of the intermediate instance's type.
        disk_gib: An hour of a GiB of its disks.
        snapshot_gib: A month of a GiB of snapshot.
        source: Whose figures they are, and of when.
    """

    currency: str
    instance: float
    disk_gib: float
    snapshot_gib: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is billed; of snapshots the GiB that stay when all is over, if their disks were full."""

    instance_hours: float
    disk_gib_hours: float
    snapshot_gib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Amounts at their rates."""

    tariff: Tariff
    use: Use

    @property
    def instances(self) -> float:
        """Of all instances."""
        return self.use.instance_hours * self.tariff.instance

    @property
    def disks(self) -> float:
        """Of all disks."""
        return self.use.disk_gib_hours * self.tariff.disk_gib

    @property
    def total(self) -> float:
        """Of the migration itself; what ``max_cost`` is about."""
        return self.instances + self.disks

    @property
    def monthly(self) -> float:
        """Of what stays, every month."""
        return self.use.snapshot_gib * self.tariff.snapshot_gib

    @property
    def words(self) -> tuple[str, ...]:
        """For a person: the migration, and every month after it."""
        use, tariff = self.use, self.tariff
        now = (
            f"about {self.total:.2f} {tariff.currency}: instances {use.instance_hours:.1f} h"
            f" {self.instances:.2f}, disks {use.disk_gib_hours:.0f} GiB h {self.disks:.2f}"
            f" (estimate by {tariff.source})"
        )
        later = (
            f"then at most {self.monthly:.2f} {tariff.currency} a month for"
            f" {use.snapshot_gib:.0f} GiB of snapshots under the image"
        )
        return now, later
