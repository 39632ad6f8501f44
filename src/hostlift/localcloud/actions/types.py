# SPDX-License-Identifier: Apache-2.0
"""ECS: instance types and their families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from hostlift.localcloud.actions.base import Context, action
from hostlift.localcloud.catalogue import INSTANCE_TYPES, InstanceType
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import invalid_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request


@dataclass(frozen=True, kw_only=True)
class DescribeInstanceTypes(Request):
    """What the types are like; all filters narrow."""

    HARMLESS = "RegionId AdditionalAttributes"

    InstanceTypes: tuple[str, ...] = ()
    InstanceTypeFamily: str = ""
    InstanceTypeFamilies: tuple[str, ...] = ()
    InstanceFamilyLevel: str = ""
    InstanceCategory: str = ""
    InstanceCategories: tuple[str, ...] = ()
    CpuArchitecture: str = ""
    CpuArchitectures: tuple[str, ...] = ()
    MinimumCpuCoreCount: int = 0
    MaximumCpuCoreCount: int | None = None
    MinimumMemorySize: float = 0.0
    MaximumMemorySize: float | None = None
    MinimumDiskQuantity: int = 0
    MinimumEniQuantity: int = 0
    MinimumInstanceBandwidthRx: int = 0
    MinimumInstanceBandwidthTx: int = 0
    MinimumGPUAmount: int = 0
    MinimumLocalStorageAmount: int = 0
    NextToken: str = ""
    MaxResults: Annotated[int, Ranged(1, 1600)] | None = None


@dataclass(frozen=True, kw_only=True)
class DescribeInstanceTypeFamilies(Request):
    """Families by generation."""

    RegionId: str
    Generation: str = ""


@action(Product.ECS, DescribeInstanceTypes)
def describe_instance_types(_context: Context, ask: DescribeInstanceTypes) -> Body:
    """Specifications only; stock is `describe_available_resource`'s."""
    found = [t for t in INSTANCE_TYPES.values() if _fits(ask, t)]
    if ask.NextToken and not ask.NextToken.isdigit():
        raise invalid_parameter("NextToken", code="InvalidNextToken")
    start = int(ask.NextToken or 0)
    end = start + (ask.MaxResults or len(found) or 1)
    shown: list[Json] = [_view(t) for t in found[start:end]]
    return {
        "InstanceTypes": {"InstanceType": shown},
        "NextToken": str(end) if end < len(found) else "",
    }


@action(Product.ECS, DescribeInstanceTypeFamilies)
def describe_instance_type_families(_context: Context, ask: DescribeInstanceTypeFamilies) -> Body:
    """All families are of the newest generation."""
    families = sorted({t.family for t in INSTANCE_TYPES.values()})
    shown: list[Json] = [
        {"InstanceTypeFamilyId": f, "Generation": "ecs-5"}
        for f in families
        if ask.Generation in {"", "ecs-5"}
    ]
    return {"InstanceTypeFamilies": {"InstanceTypeFamily": shown}}


def _category(size: InstanceType) -> str:
    if size.credits:
        return "Burstable"
    return {2: "Compute-optimized", 4: "General-purpose"}.get(
        int(size.memory / size.cpus), "Memory-optimized"
    )


def _fits(ask: DescribeInstanceTypes, size: InstanceType) -> bool:
    words = (
        (ask.InstanceTypes, size.id),
        ((*ask.InstanceTypeFamilies, ask.InstanceTypeFamily), size.family),
        ((ask.InstanceFamilyLevel,), size.level),
        ((*ask.InstanceCategories, ask.InstanceCategory), _category(size)),
        ((*ask.CpuArchitectures, ask.CpuArchitecture), "X86"),
    )
    most = (
        (ask.MaximumCpuCoreCount, size.cpus),
        (ask.MaximumMemorySize, size.memory),
    )
    least = (
        (ask.MinimumCpuCoreCount, size.cpus),
        (ask.MinimumMemorySize, size.memory),
        (ask.MinimumDiskQuantity, size.disks),
        (ask.MinimumEniQuantity, size.enis),
        (ask.MinimumInstanceBandwidthRx, size.bandwidth),
        (ask.MinimumInstanceBandwidthTx, size.bandwidth),
        (ask.MinimumGPUAmount, 0),
        (ask.MinimumLocalStorageAmount, 0),
    )
    return (
        all(not any(wanted) or actual in wanted for wanted, actual in words)
        and all(wanted is None or actual <= wanted for wanted, actual in most)
        and all(actual >= wanted for wanted, actual in least)
    )


def _view(size: InstanceType) -> Body:
    view: dict[str, Json] = {
        "InstanceTypeId": size.id,
        "InstanceTypeFamily": size.family,
        "InstanceFamilyLevel": size.level,
        "InstanceCategory": _category(size),
        "CpuCoreCount": size.cpus,
        "CpuArchitecture": "X86",
        "CpuSpeedFrequency": 2.5,
        "MemorySize": size.memory,
        "DiskQuantity": size.disks,
        "EniQuantity": size.enis,
        "EniTotalQuantity": size.enis,
        "EniPrivateIpAddressQuantity": 10,
        "EniIpv6AddressQuantity": 0,
        "EriQuantity": 0,
        "EniTrunkSupported": False,
        "GPUAmount": 0,
        "GPUSpec": "",
        "LocalStorageCategory": "",
        "InstanceBandwidthRx": size.bandwidth,
        "InstanceBandwidthTx": size.bandwidth,
        "InstancePpsRx": size.packets,
        "InstancePpsTx": size.packets,
        "NvmeSupport": "unsupported",
        "PhysicalProcessorModel": size.processor,
        "PrimaryEniQueueNumber": min(4, size.cpus),
        "SecondaryEniQueueNumber": min(4, size.cpus),
        "TotalEniQueueQuantity": size.enis * min(4, size.cpus),
        "MaximumQueueNumberPerEni": min(4, size.cpus),
        "JumboFrameSupport": False,
        "NetworkEncryptionSupport": False,
        "NetworkCardQuantity": 1,
        "SupportedBootModes": {"SupportedBootMode": ["BIOS", "UEFI"]},
    }
    if size.credits:
        view["InitialCredit"] = size.credits
        view["BaselineCredit"] = size.credits // 5
    return view
