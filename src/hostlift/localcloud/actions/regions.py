# SPDX-License-Identifier: Apache-2.0
"""ECS and VPC: regions, zones, stock, account limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hostlift.localcloud.actions.base import Context, Regional, action, check_zone
from hostlift.localcloud.offer import stock
from hostlift.localcloud.offer.catalogue import (
    CATEGORIES,
    INSTANCE_TYPES,
    ON_INSTANCES,
    REGIONS,
    SYSTEM_SMALLEST,
)
from hostlift.localcloud.offer.stock import Shortage, Stock
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError, missing_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request


@dataclass(frozen=True, kw_only=True)
class DescribeRegions(Request):
    """All regions; charge and resource types are the same everywhere."""

    HARMLESS = "AcceptLanguage InstanceChargeType ResourceType ProductType"


@dataclass(frozen=True, kw_only=True)
class DescribeZones(Regional):
    """Zones of a region; ``Verbose=false`` leaves the resources out."""

    HARMLESS = "AcceptLanguage InstanceChargeType SpotStrategy ZoneType"

    Verbose: bool = True


@dataclass(frozen=True, kw_only=True)
class DescribeAvailableResource(Regional):
    """What can be had where."""

    HARMLESS = "SpotStrategy SpotDuration DedicatedHostId NetworkCategory Scope IoOptimized"

    DestinationResource: Literal[
        "Zone", "IoOptimized", "InstanceType", "SystemDisk", "DataDisk", "Network", "ddh"
    ]
    ZoneId: str = ""
    InstanceChargeType: Literal["PostPaid", "PrePaid"] = "PostPaid"
    ResourceType: Literal["instance", "disk", "reservedinstance", "ddh"] = "instance"
    InstanceType: str = ""
    Cores: int | None = None
    Memory: float | None = None
    SystemDiskCategory: str = ""
    DataDiskCategory: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeAccountAttributes(Regional):
    """Limits of the account."""

    HARMLESS = "ZoneId"

    AttributeName: tuple[str, ...] = ()


@action(Product.ECS, DescribeRegions)
def describe_regions(_context: Context, _ask: DescribeRegions) -> Body:
    """All."""
    regions: list[Json] = [
        {
            "RegionId": r.id,
            "LocalName": r.name,
            "RegionEndpoint": f"ecs.{r.id}.aliyuncs.com",
            "Status": "available",
        }
        for r in REGIONS.values()
    ]
    return {"Regions": {"Region": regions}}


@action(Product.VPC, DescribeRegions)
def describe_vpc_regions(_context: Context, _ask: DescribeRegions) -> Body:
    """All, in the form of the VPC service."""
    regions: list[Json] = [
        {"RegionId": r.id, "LocalName": r.name, "RegionEndpoint": f"vpc.{r.id}.aliyuncs.com"}
        for r in REGIONS.values()
    ]
    return {"Regions": {"Region": regions}}


@action(Product.ECS, DescribeZones)
def describe_zones(_context: Context, ask: DescribeZones) -> Body:
    """Zones with what they offer."""
    return {"Zones": {"Zone": [_zone(z, ask.Verbose) for z in REGIONS[ask.RegionId].zones]}}


@action(Product.VPC, DescribeZones)
def describe_vpc_zones(_context: Context, ask: DescribeZones) -> Body:
    """Zones, in the form of the VPC service."""
    zones: list[Json] = [
        {"ZoneId": z, "LocalName": f"Zone {z[-1].upper()}", "ZoneType": "Region"}
        for z in REGIONS[ask.RegionId].zones
    ]
    return {"Zones": {"Zone": zones}}


@action(Product.ECS, DescribeAvailableResource)
def describe_available_resource(context: Context, ask: DescribeAvailableResource) -> Body:
    """What is in stock; the request's rules hold as documented."""
    zones = REGIONS[ask.RegionId].zones
    if ask.ZoneId:
        check_zone(ask.ZoneId, ask.RegionId)
        zones = (ask.ZoneId,)
    if ask.InstanceType and (ask.Cores is not None or ask.Memory is not None):
        raise ApiError(
            "InvalidParam.TypeAndCpuMem.Conflict",
            "InstanceType cannot be given together with Cores or Memory.",
        )
    if ask.InstanceType and ask.InstanceType not in INSTANCE_TYPES:
        raise ApiError(
            "InvalidInstanceType.ValueNotSupported", "The specified InstanceType is not valid."
        )
    shortages = context.cloud.settings.stock
    offers = {zone: _resources(shortages, ask, zone) for zone in zones}
    found: list[Json] = [_zone_offer(ask, zone, offer) for zone, offer in offers.items() if offer]
    return {"AvailableZones": {"AvailableZone": found}}


@action(Product.ECS, DescribeAccountAttributes)
def describe_account_attributes(context: Context, ask: DescribeAccountAttributes) -> Body:
    """Limits from the settings."""
    quotas = context.quotas
    limits = {
        "instance-network-type": "vpc",
        "max-security-groups": str(quotas.security_groups),
        "max-elastic-network-interfaces": "500",
        "max-postpaid-instance-vcpu-count": str(quotas.vcpus),
        "used-postpaid-instance-vcpu-count": str(_vcpus(context)),
        "max-spot-instance-vcpu-count": str(quotas.vcpus),
        "max-postpaid-yundisk-capacity": str(quotas.disk_gib),
        "used-postpaid-yundisk-capacity": str(sum(d.size for d in context.store.disks.all())),
        "max-dedicated-hosts": "0",
        "max-images": str(quotas.images),
        "real-name-authentication": "yes" if context.account.settings.real_name else "no",
    }
    names = ask.AttributeName or tuple(limits)
    items: list[Json] = [
        {"AttributeName": n, "AttributeValues": {"ValueItem": [{"Value": limits[n]}]}}
        for n in names
        if n in limits
    ]
    return {"AccountAttributeItems": {"AccountAttributeItem": items}}


def _vcpus(context: Context) -> int:
    instances = context.store.instances.all()
    return sum(INSTANCE_TYPES[i.type].cpus for i in instances)


def _zone_offer(ask: DescribeAvailableResource, zone: str, offer: list[Body]) -> Body:
    """A zone is sold out when all of it that was asked for is."""
    best = next((o for o in offer if o["Status"] == "Available"), offer[0])
    supported: list[Json] = [*offer]
    return {
        "RegionId": ask.RegionId,
        "ZoneId": zone,
        "Status": best["Status"],
        "StatusCategory": best["StatusCategory"],
        "AvailableResources": {
            "AvailableResource": [
                {
                    "Type": ask.DestinationResource,
                    "SupportedResources": {"SupportedResource": supported},
                }
            ]
        },
    }


def _resources(
    shortages: Sequence[Shortage], ask: DescribeAvailableResource, zone: str
) -> list[Body]:
    match ask.DestinationResource:
        case "InstanceType":
            return [_supported(t, stock.of_type(shortages, zone, t)) for t in _fitting(ask)]
        case "SystemDisk" | "DataDisk":
            return _disks(shortages, ask, zone)
        case "Network":
            return [_supported("vpc")]
        case "IoOptimized":
            return [_supported("optimized")]
        case "ddh":
            return []
        case "Zone":
            sells = stock.zone_sells(shortages, zone, _fitting(ask))
            return [_supported(zone, Stock.WITH_STOCK if sells else Stock.WITHOUT_STOCK)]


def _disks(shortages: Sequence[Shortage], ask: DescribeAvailableResource, zone: str) -> list[Body]:
    if ask.ResourceType == "instance" and not ask.InstanceType:
        raise missing_parameter("InstanceType")
    system = ask.DestinationResource == "SystemDisk"
    wanted = ask.SystemDiskCategory if system else ask.DataDiskCategory
    known = CATEGORIES if ask.ResourceType == "disk" else ON_INSTANCES
    return [
        {
            **_supported(name, stock.of_disk(shortages, zone, name)),
            "Min": SYSTEM_SMALLEST if system else CATEGORIES[name].smallest,
            "Max": CATEGORIES[name].system_largest if system else CATEGORIES[name].largest,
            "Unit": "GiB",
        }
        for name in known
        if wanted in {"", name}
    ]


def _fitting(ask: DescribeAvailableResource) -> list[str]:
    return [
        t.id
        for t in INSTANCE_TYPES.values()
        if ask.InstanceType in {"", t.id}
        and ask.Cores in {None, t.cpus}
        and ask.Memory in {None, t.memory}
    ]


def _supported(value: str, of: Stock = Stock.WITH_STOCK) -> dict[str, Json]:
    return {"Value": value, "Status": of.status, "StatusCategory": of.value}


def _zone(zone: str, verbose: bool) -> Body:
    view: dict[str, Json] = {
        "ZoneId": zone,
        "LocalName": f"Zone {zone[-1].upper()}",
        "ZoneType": "AvailabilityZone",
    }
    if not verbose:
        return view
    types, categories = list(INSTANCE_TYPES), list(ON_INSTANCES)
    families = sorted({t.family for t in INSTANCE_TYPES.values()})
    return {
        **view,
        "AvailableDiskCategories": {"DiskCategories": [*CATEGORIES]},
        "AvailableInstanceTypes": {"InstanceTypes": [*types]},
        "AvailableResourceCreation": {
            "ResourceTypes": ["VSwitch", "IoOptimized", "Instance", "Disk"]
        },
        "AvailableVolumeCategories": {"VolumeCategories": []},
        "AvailableDedicatedHostTypes": {"DedicatedHostType": []},
        "DedicatedHostGenerations": {"DedicatedHostGeneration": []},
        "AvailableResources": {
            "ResourcesInfo": [
                {
                    "IoOptimized": True,
                    "SystemDiskCategories": {"supportedSystemDiskCategory": [*categories]},
                    "DataDiskCategories": {"supportedDataDiskCategory": [*categories]},
                    "InstanceTypes": {"supportedInstanceType": [*types]},
                    "InstanceTypeFamilies": {"supportedInstanceTypeFamily": [*families]},
                    "InstanceGenerations": {"supportedInstanceGeneration": ["ecs-4", "ecs-5"]},
                    "NetworkTypes": {"supportedNetworkCategory": ["vpc"]},
                }
            ]
        },
    }
