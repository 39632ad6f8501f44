# SPDX-License-Identifier: Apache-2.0
"""Regions, zones, instance types and disk categories this cloud offers; all always in stock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A region and the last letters of its zones."""

    id: str
    name: str
    letters: str

    @property
    def zones(self) -> tuple[str, ...]:
        """``cn-hangzhou-h``, or ``ap-southeast-1a`` where the region ends in a digit."""
        joint = "" if self.id[-1].isdigit() else "-"
        return tuple(f"{self.id}{joint}{letter}" for letter in self.letters)


REGIONS = {
    r.id: r
    for r in (
        Region("cn-hangzhou", "China (Hangzhou)", "hijk"),
        Region("cn-shanghai", "China (Shanghai)", "bglmn"),
        Region("cn-beijing", "China (Beijing)", "ghijkl"),
        Region("cn-shenzhen", "China (Shenzhen)", "cdef"),
        Region("cn-qingdao", "China (Qingdao)", "bc"),
        Region("cn-zhangjiakou", "China (Zhangjiakou)", "abc"),
        Region("cn-hongkong", "China (Hong Kong)", "bcd"),
        Region("ap-southeast-1", "Singapore", "abc"),
        Region("ap-northeast-1", "Japan (Tokyo)", "abc"),
        Region("us-west-1", "US (Silicon Valley)", "ab"),
        Region("us-east-1", "US (Virginia)", "ab"),
        Region("eu-central-1", "Germany (Frankfurt)", "abc"),
        Region("eu-west-1", "UK (London)", "ab"),
    )
}


@dataclass(frozen=True, slots=True)
class DiskCategory:
    """A kind of cloud disk; sizes in GiB."""

    id: str
    smallest: int
    largest: int
    system_largest: int


CATEGORIES = {
    c.id: c
    for c in (
        DiskCategory("cloud_efficiency", 20, 32768, 2048),
        DiskCategory("cloud_essd", 20, 32768, 2048),
        DiskCategory("cloud_ssd", 20, 32768, 2048),
        DiskCategory("cloud_auto", 20, 32768, 2048),
        DiskCategory("cloud_essd_entry", 20, 32768, 2048),
        DiskCategory("cloud", 5, 2000, 500),
    )
}
SYSTEM_SMALLEST = 20
ON_INSTANCES = tuple(c for c in CATEGORIES if c != "cloud")
"""Categories I/O-optimised instances take; ``cloud`` is for retired types and loose disks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """A size of instance; memory in GiB, bandwidth in kbit/s."""

    id: str
    family: str
    level: str
    cpus: int
    memory: float
    bandwidth: int
    packets: int
    disks: int
    enis: int = 2
    credits: int = 0
    processor: str = "Intel Xeon (Emulated)"


def _sizes(
    family: str, level: str, ratio: int, sizes: tuple[tuple[str, int], ...]
) -> tuple[InstanceType, ...]:
    return tuple(
        InstanceType(
            id=f"{family}.{size}",
            family=family,
            level=level,
            cpus=cpus,
            memory=cpus * ratio,
            bandwidth=1_024_000 * max(1, cpus // 2),
            packets=150_000 * cpus,
            disks=17,
            enis=min(8, max(2, cpus)),
        )
        for size, cpus in sizes
    )


_SMALL = (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))


def _burstable(size: str, cpus: int, memory: float, credits_: int) -> InstanceType:
    return InstanceType(
        id=f"ecs.t6-{size}",
        family="ecs.t6",
        level="CreditEntryLevel",
        cpus=cpus,
        memory=memory,
        bandwidth=81_920 * cpus,
        packets=40_000,
        disks=17,
        credits=credits_,
    )


INSTANCE_TYPES = {
    t.id: t
    for t in (
        _burstable("c4m1.large", 2, 0.5, 60),
        _burstable("c2m1.large", 2, 1.0, 60),
        _burstable("c1m1.large", 2, 2.0, 60),
        _burstable("c1m2.large", 2, 4.0, 60),
        _burstable("c1m4.large", 2, 8.0, 60),
        *_sizes("ecs.c6", "EnterpriseLevel", 2, _SMALL),
        *_sizes("ecs.g6", "EnterpriseLevel", 4, _SMALL),
        *_sizes("ecs.r6", "EnterpriseLevel", 8, _SMALL),
        *_sizes("ecs.c7", "EnterpriseLevel", 2, _SMALL),
        *_sizes("ecs.g7", "EnterpriseLevel", 4, _SMALL),
    )
}


def region_of_zone(zone: str) -> str:
    """The region a zone is in, or empty."""
    return next((r.id for r in REGIONS.values() if zone in r.zones), "")
