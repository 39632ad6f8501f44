# SPDX-License-Identifier: Apache-2.0
"""ECS: instance types and their families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import Context, action, page_by_token
from hostlift.localcloud.offer.catalogue import INSTANCE_TYPES, InstanceType
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request

_GIGAHERTZ = 2.5
_ADDRESSES = 10


@dataclass(frozen=True, kw_only=True)
class DescribeInstanceTypes(Request):
    """What the types are like; all filters narrow."""

    HARMLESS = "AdditionalAttributes"

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
    MinimumInstancePpsRx: int = 0
    MinimumInstancePpsTx: int = 0
    MinimumEniPrivateIpAddressQuantity: int = 0
    MinimumEniIpv6AddressQuantity: int = 0
    MinimumEriQuantity: int = 0
    MinimumPrimaryEniQueueNumber: int = 0
    MinimumSecondaryEniQueueNumber: int = 0
    MinimumQueuePairNumber: int = 0
    MinimumBaselineCredit: int = 0
    MinimumInitialCredit: int = 0
    MinimumCpuSpeedFrequency: float = 0.0
    MaximumCpuSpeedFrequency: float | None = None
    MinimumCpuTurboFrequency: float = 0.0
    MaximumCpuTurboFrequency: float | None = None
    MinimumGPUAmount: int = 0
    MaximumGPUAmount: int | None = None
    GPUSpec: str = ""
    GpuSpecs: tuple[str, ...] = ()
    MinimumLocalStorageAmount: int = 0
    MinimumLocalStorageCapacity: int = 0
    LocalStorageCategory: str = ""
    LocalStorageCategories: tuple[str, ...] = ()
    NvmeSupport: Literal["required", "supported", "unsupported"] | None = None
    PhysicalProcessorModel: str = ""
    PhysicalProcessorModels: tuple[str, ...] = ()
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
    sizes, following = page_by_token(found, ask.NextToken, ask.MaxResults or len(found) or 1)
    shown: list[Json] = [_view(t) for t in sizes]
    return {"InstanceTypes": {"InstanceType": shown}, "NextToken": following}


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
        ((*ask.GpuSpecs, ask.GPUSpec), "none"),
        ((*ask.LocalStorageCategories, ask.LocalStorageCategory), "none"),
        ((*ask.PhysicalProcessorModels, ask.PhysicalProcessorModel), size.processor),
        ((ask.NvmeSupport or "",), "unsupported"),
    )
    most = (
        (ask.MaximumCpuCoreCount, size.cpus),
        (ask.MaximumMemorySize, size.memory),
        (ask.MaximumCpuSpeedFrequency, _GIGAHERTZ),
        (ask.MaximumCpuTurboFrequency, _GIGAHERTZ),
        (ask.MaximumGPUAmount, 0),
    )
    least = (
        (ask.MinimumCpuCoreCount, size.cpus),
        (ask.MinimumMemorySize, size.memory),
        (ask.MinimumDiskQuantity, size.disks),
        (ask.MinimumEniQuantity, size.enis),
        (ask.MinimumInstanceBandwidthRx, size.bandwidth),
        (ask.MinimumInstanceBandwidthTx, size.bandwidth),
        (ask.MinimumInstancePpsRx, size.packets),
        (ask.MinimumInstancePpsTx, size.packets),
        (ask.MinimumEniPrivateIpAddressQuantity, _ADDRESSES),
        (ask.MinimumPrimaryEniQueueNumber, _queues(size)),
        (ask.MinimumSecondaryEniQueueNumber, _queues(size)),
        (ask.MinimumBaselineCredit, size.credits // 5),
        (ask.MinimumInitialCredit, size.credits),
        (ask.MinimumCpuSpeedFrequency, _GIGAHERTZ),
        (ask.MinimumCpuTurboFrequency, _GIGAHERTZ),
        (max(_of_nothing(ask)), 0),
    )
    return (
        all(not any(wanted) or actual in wanted for wanted, actual in words)
        and all(wanted is None or actual <= wanted for wanted, actual in most)
        and all(actual >= wanted for wanted, actual in least)
    )


def _of_nothing(ask: DescribeInstanceTypes) -> tuple[int, ...]:
    """Lower limits of what no type of this cloud has."""
    return (
        ask.MinimumGPUAmount,
        ask.MinimumEniIpv6AddressQuantity,
        ask.MinimumEriQuantity,
        ask.MinimumQueuePairNumber,
        ask.MinimumLocalStorageAmount,
        ask.MinimumLocalStorageCapacity,
    )


def _queues(size: InstanceType) -> int:
    return min(4, size.cpus)


def _view(size: InstanceType) -> Body:
    view: dict[str, Json] = {
        "InstanceTypeId": size.id,
        "InstanceTypeFamily": size.family,
        "InstanceFamilyLevel": size.level,
        "InstanceCategory": _category(size),
        "CpuCoreCount": size.cpus,
        "CpuArchitecture": "X86",
        "CpuSpeedFrequency": _GIGAHERTZ,
        "CpuTurboFrequency": _GIGAHERTZ,
        "MemorySize": size.memory,
        "DiskQuantity": size.disks,
        "EniQuantity": size.enis,
        "EniTotalQuantity": size.enis,
        "EniPrivateIpAddressQuantity": _ADDRESSES,
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
        "PrimaryEniQueueNumber": _queues(size),
        "SecondaryEniQueueNumber": _queues(size),
        "TotalEniQueueQuantity": size.enis * _queues(size),
        "MaximumQueueNumberPerEni": _queues(size),
        "JumboFrameSupport": False,
        "NetworkEncryptionSupport": False,
        "NetworkCardQuantity": 1,
        "SupportedBootModes": {"SupportedBootMode": ["BIOS", "UEFI"]},
    }
    if size.credits:
        view["InitialCredit"] = size.credits
        view["BaselineCredit"] = size.credits // 5
    return view
