# SPDX-License-Identifier: Apache-2.0
"""What things cost an hour, in the account's currency: a small table of plausible list prices.

They are not Alibaba's: near enough to the order of magnitude that an estimate can be rehearsed.
"""

from __future__ import annotations

from hostlift.localcloud.offer.catalogue import InstanceType

CPU_HOUR = 0.12
GIB_HOUR = 0.03
BURSTABLE = 0.35
"""What a burstable type costs of a steady one."""
DISK_GIB_HOUR = {
    "cloud": 0.0003,
    "cloud_efficiency": 0.0005,
    "cloud_essd_entry": 0.0006,
    "cloud_auto": 0.0015,
    "cloud_ssd": 0.0014,
    "cloud_essd": 0.0021,
}
LEVEL = {"PL0": 0.5, "PL1": 1.0, "PL2": 2.0, "PL3": 4.0}
"""Of an ESSD, as a multiple of PL1."""
MBIT_HOUR = 0.063
"""Of bandwidth paid for as such; traffic is paid by the gigabyte and costs nothing by the hour."""
SNAPSHOT_GIB_HOUR = 0.00017


def of_instance(size: InstanceType) -> float:
    """An hour of an instance, without disks and bandwidth."""
    steady = size.cpus * CPU_HOUR + size.memory * GIB_HOUR
    return steady * BURSTABLE if size.credits else steady


def of_disk(category: str, gib: int, level: str = "") -> float:
    """An hour of a disk."""
    return DISK_GIB_HOUR[category] * gib * LEVEL.get(level, 1.0)
