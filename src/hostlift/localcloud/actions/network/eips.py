# SPDX-License-Identifier: Apache-2.0
"""VPC: elastic public addresses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Order,
    Paged,
    TagPart,
    action,
    check_description,
    check_name,
    need,
    page,
    read_tags,
)
from hostlift.localcloud.actions.filters import has_tags, matches
from hostlift.localcloud.actions.network.common import network_tags
from hostlift.localcloud.addresses import next_public
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.networks import taken_public
from hostlift.localcloud.state.records import Eip, EipStatus, Instance, InstanceStatus
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, conflict, invalid_parameter, missing_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Page, Ranged, Request
from hostlift.localcloud.wire.times import to_second

_WIDEST = 500
_DEFAULT_MBITS = 5
_ASSOCIABLE = {InstanceStatus.RUNNING, InstanceStatus.STOPPED}


@dataclass(frozen=True, kw_only=True)
class AllocateEipAddress(Request):
    """A new address, paid as it goes; Bandwidth in Mbit/s."""

    HARMLESS = "ActivityId AutoPay ISP Netmode Period PricingCycle SecurityProtectionTypes Zone"

    RegionId: str
    Bandwidth: Annotated[int, Ranged(1, _WIDEST, "InvalidParameter.Bandwidth")] = _DEFAULT_MBITS
    InternetChargeType: Literal["PayByTraffic", "PayByBandwidth"] = "PayByTraffic"
    InstanceChargeType: Literal["PostPaid", "PrePaid"] = "PostPaid"
    Name: str = ""
    Description: str = ""
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class AssociateEipAddress(Request):
    """Give an address to an instance that has none."""

    HARMLESS = "Mode VpcId InstanceRegionId"

    AllocationId: str
    InstanceId: str = ""
    InstanceType: Literal["EcsInstance"] = "EcsInstance"
    PrivateIpAddress: str = ""
    RegionId: str = ""
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class UnassociateEipAddress(Request):
    """Take an address back."""

    HARMLESS = "Force PrivateIpAddress"

    AllocationId: str
    InstanceId: str = ""
    InstanceType: Literal["EcsInstance"] = "EcsInstance"
    RegionId: str = ""
    ClientToken: str = ""


@dataclass(frozen=True, kw_only=True)
class ModifyEipAddressAttribute(Request):
    """What is not given stays."""

    AllocationId: str
    Bandwidth: Annotated[int, Ranged(1, _WIDEST, "InvalidParameter.Bandwidth")] | None = None
    Name: str | None = None
    Description: str | None = None
    RegionId: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseEipAddress(Request):
    """Only one that nothing has."""

    AllocationId: str
    RegionId: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribeEipAddresses(Paged):
    """List addresses; ``AllocationId`` and ``EipAddress`` are lists with commas between."""

    HARMLESS = "IncludeReservationData ISP LockReason ServiceManaged"

    PageNumber: Page = 1
    PageSize: Annotated[int, Ranged(1, 100)] = 10
    AllocationId: str = ""
    EipAddress: str = ""
    EipName: str = ""
    AssociatedInstanceId: str = ""
    AssociatedInstanceType: Literal["EcsInstance"] | None = None
    ChargeType: Literal["PostPaid", "PrePaid"] | None = None
    Status: Literal["Associating", "Unassociating", "InUse", "Available"] | None = None
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    DryRun: bool = False


@action(Product.VPC, AllocateEipAddress, on="eip/*", order=Order.MONEY)
def allocate_eip_address(context: Context, ask: AllocateEipAddress) -> Body:
    """It is there at once."""
    check_name(ask.Name, "Name", "InvalidName.Malformed")
    check_description(ask.Description)
    if ask.InstanceChargeType == "PrePaid":
        raise conflict("InvalidPayMethod", "This account has no subscriptions.")
    if len(context.store.eips.all()) >= context.quotas.eips:
        raise conflict("QuotaExceeded.Eip", "The number of EIPs exceeds the quota.")
    address = next_public(taken_public(context.cloud))
    if not address:
        raise conflict("InsufficientInventory.Eip", "This cloud has no more public addresses.")
    eip = Eip(
        id=new_id("eip"),
        account=context.account.id,
        region=ask.RegionId,
        created=context.now,
        name=ask.Name,
        description=ask.Description,
        resource_group=ask.ResourceGroupId or "rg-acfmdefault",
        tags=read_tags(ask.Tag),
        address=address,
        bandwidth=ask.Bandwidth,
        internet_charge=ask.InternetChargeType,
    )
    context.store.eips.put(eip)
    return {
        "AllocationId": eip.id,
        "EipAddress": eip.address,
        "ResourceGroupId": eip.resource_group,
    }


@action(Product.VPC, AssociateEipAddress)
def associate_eip_address(context: Context, ask: AssociateEipAddress) -> Body:
    """Associating first, InUse soon."""
    eip = _need(context, ask.AllocationId)
    if not ask.InstanceId:
        raise missing_parameter("InstanceId")
    instance = need(context.store.instances.get(ask.InstanceId), "InstanceId", ask.InstanceId)
    if ask.PrivateIpAddress not in {"", instance.private_ip}:
        raise invalid_parameter("PrivateIpAddress")
    _check_free(context, eip, instance)
    _put(context, replace(eip, instance=instance.id, status=EipStatus.ASSOCIATING))
    return DONE


@action(Product.VPC, UnassociateEipAddress)
def unassociate_eip_address(context: Context, ask: UnassociateEipAddress) -> Body:
    """Unassociating first, Available soon."""
    eip = _need(context, ask.AllocationId)
    if eip.status is not EipStatus.IN_USE:
        raise conflict(
            "IncorrectEipStatus", "Current elastic IP status does not support this operation."
        )
    if ask.InstanceId not in {"", eip.instance}:
        raise ApiError(
            "InvalidAssociation.NotFound", "The EIP is not associated with that instance."
        )
    _put(context, replace(eip, status=EipStatus.UNASSOCIATING))
    return DONE


@action(Product.VPC, ModifyEipAddressAttribute)
def modify_eip_address_attribute(context: Context, ask: ModifyEipAddressAttribute) -> Body:
    """A new bandwidth counts at once."""
    eip = _need(context, ask.AllocationId)
    check_name(ask.Name or "", "Name", "InvalidName.Malformed")
    check_description(ask.Description or "")
    context.store.eips.put(
        replace(
            eip,
            bandwidth=ask.Bandwidth or eip.bandwidth,
            name=eip.name if ask.Name is None else ask.Name,
            description=eip.description if ask.Description is None else ask.Description,
        )
    )
    return DONE


@action(Product.VPC, ReleaseEipAddress)
def release_eip_address(context: Context, ask: ReleaseEipAddress) -> Body:
    """Refused while an instance has it."""
    eip = _need(context, ask.AllocationId)
    if eip.status is not EipStatus.AVAILABLE:
        raise conflict(
            "IncorrectEipStatus", "Current elastic IP status does not support this operation."
        )
    context.store.eips.drop(eip.id)
    return DONE


@action(Product.VPC, DescribeEipAddresses, on="eip/*")
def describe_eip_addresses(context: Context, ask: DescribeEipAddresses) -> Body:
    """Newest last."""
    ids = [i for i in ask.AllocationId.split(",") if i]
    addresses = [a for a in ask.EipAddress.split(",") if a]
    found = [
        e
        for e in context.store.eips.all()
        if (not ids or e.id in ids)
        and (not addresses or e.address in addresses)
        and has_tags(e, ask.Tag)
        and (ask.AssociatedInstanceType is None or e.instance)
        and matches(
            (
                (ask.EipName, e.name),
                (ask.AssociatedInstanceId, e.instance),
                (ask.ChargeType or "", "PostPaid"),
                (ask.Status or "", e.status.value),
                (ask.ResourceGroupId, e.resource_group),
            )
        )
    ]
    shown, numbers = page(ask, found)
    return {"EipAddresses": {"EipAddress": [_view(context, e) for e in shown]}, **numbers}


def _need(context: Context, key: str) -> Eip:
    eip = context.store.eips.get(key)
    if eip is None:
        raise ApiError("InvalidAllocationId.NotFound", "Specified allocation ID is not found.", 404)
    return eip


def _put(context: Context, eip: Eip) -> None:
    context.store.eips.put(eip)
    context.later(Job("eip", eip.id))


def _check_free(context: Context, eip: Eip, instance: Instance) -> None:
    if eip.status is not EipStatus.AVAILABLE:
        raise conflict(
            "IncorrectEipStatus", "Current elastic IP status does not support this operation."
        )
    if instance.region != eip.region:
        raise ApiError("InvalidInstance.NotSupported", "The instance is in another region.")
    if instance.status not in _ASSOCIABLE or instance.deleting:
        raise conflict("IncorrectInstanceStatus", "The instance must be Running or Stopped.")
    others = [e for e in context.store.eips.all() if e.instance == instance.id]
    if instance.public_ip or others:
        raise conflict("InvalidInstance.AlreadyHasIp", "The instance has a public address already.")


def _view(context: Context, eip: Eip) -> Body:
    instance = context.store.instances.get(eip.instance) if eip.instance else None
    return {
        "AllocationId": eip.id,
        "IpAddress": eip.address,
        "Status": eip.status.value,
        "InstanceId": eip.instance,
        "InstanceType": "EcsInstance" if eip.instance else "",
        "InstanceRegionId": eip.region if eip.instance else "",
        "PrivateIpAddress": instance.private_ip if instance else "",
        "VpcId": instance.vpc if instance else "",
        "RegionId": eip.region,
        "Bandwidth": str(eip.bandwidth),
        "EipBandwidth": str(eip.bandwidth),
        "InternetChargeType": eip.internet_charge,
        "ChargeType": "PostPaid",
        "AllocationTime": to_second(eip.created),
        "ExpiredTime": "",
        "Name": eip.name,
        "Description": eip.description,
        "ResourceGroupId": eip.resource_group,
        "ISP": "BGP",
        "Netmode": "public",
        "BusinessStatus": "Normal",
        "DeletionProtection": False,
        "ServiceManaged": 0,
        "HDMonitorStatus": "OFF",
        "Mode": "NAT" if eip.instance else "",
        "OperationLocks": {"LockReason": []},
        "SecurityProtectionTypes": {"SecurityProtectionType": []},
        "Tags": network_tags(eip.tags),
    }
