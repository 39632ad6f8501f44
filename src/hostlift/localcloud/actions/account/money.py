# SPDX-License-Identifier: Apache-2.0
"""ECS: prices; BSS: the balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import Context, Regional, action
from hostlift.localcloud.offer import prices
from hostlift.localcloud.offer.catalogue import CATEGORIES, INSTANCE_TYPES
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError, invalid_parameter, missing_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request

_HOURS = {"Hour": 1, "Day": 24, "Week": 168, "Month": 720, "Year": 8760}
_DEFAULT_SYSTEM_GIB = 40


@dataclass(frozen=True, kw_only=True)
class PricedDisk:
    """A disk to price."""

    Category: str = ""
    Size: int | None = None
    PerformanceLevel: str = ""


@dataclass(frozen=True, kw_only=True)
class DescribePrice(Regional):
    """What an instance or a disk costs a unit of time."""

    HARMLESS = "ImageId InstanceNetworkType IoOptimized Isp Platform Scope SpotStrategy SpotDuration ZoneId"

    ResourceType: Literal["instance", "disk"] = "instance"
    InstanceType: str = ""
    SystemDisk: PricedDisk = PricedDisk()
    DataDisk: tuple[PricedDisk, ...] = ()
    InternetChargeType: Literal["PayByTraffic", "PayByBandwidth"] = "PayByTraffic"
    InternetMaxBandwidthOut: Annotated[int, Ranged(0, 100)] = 0
    Period: Annotated[int, Ranged(1, 12)] = 1
    PriceUnit: Literal["Hour", "Day", "Week", "Month", "Year"] = "Hour"
    Amount: Annotated[int, Ranged(1, 1000)] = 1


@dataclass(frozen=True, kw_only=True)
class QueryAccountBalance(Request):
    """No parameters."""


@action(Product.ECS, DescribePrice)
def describe_price(context: Context, ask: DescribePrice) -> Body:
    """The sum, and what each part of it costs."""
    parts = _disks(ask) if ask.ResourceType == "disk" else _instance(ask)
    times = _HOURS[ask.PriceUnit] * ask.Period * ask.Amount * context.cloud.settings.price_factor
    details: list[Json] = [
        {
            "Resource": name,
            **_amounts(price * times),
            "SubRules": {"Rule": []},
        }
        for name, price in parts.items()
    ]
    return {
        "PriceInfo": {
            "Price": {
                "Currency": context.account.settings.currency,
                **_amounts(sum(parts.values()) * times),
                "ReservedInstanceHourPrice": 0.0,
                "DetailInfos": {"DetailInfo": details},
            },
            "Rules": {"Rule": []},
        }
    }


@action(Product.BSS, QueryAccountBalance)
def query_account_balance(context: Context, _ask: QueryAccountBalance) -> Body:
    """Amounts are texts with two decimals."""
    amount = f"{context.cloud.balance(context.account):.2f}"
    return {
        "Code": "200",
        "Message": "success",
        "Success": True,
        "Data": {
            "AvailableAmount": amount,
            "AvailableCashAmount": amount,
            "CreditAmount": "0.00",
            "MybankCreditAmount": "0.00",
            "QuotaLimit": "0.00",
            "Currency": context.account.settings.currency,
        },
    }


def _instance(ask: DescribePrice) -> dict[str, float]:
    if not ask.InstanceType:
        raise missing_parameter("InstanceType")
    if ask.InstanceType not in INSTANCE_TYPES:
        raise ApiError(
            "InvalidInstanceType.ValueNotSupported", "The specified InstanceType is not valid."
        )
    by_width = ask.InternetChargeType == "PayByBandwidth"
    system = ask.SystemDisk
    parts = {
        "instanceType": prices.of_instance(INSTANCE_TYPES[ask.InstanceType]),
        "systemDisk": _disk(
            PricedDisk(
                Category=system.Category or "cloud_efficiency",
                Size=system.Size or _DEFAULT_SYSTEM_GIB,
                PerformanceLevel=system.PerformanceLevel,
            ),
            "SystemDisk",
        ),
        "bandwidth": prices.MBIT_HOUR * ask.InternetMaxBandwidthOut if by_width else 0.0,
    }
    return {**parts, **(_disks(ask) if ask.DataDisk else {})}


def _disks(ask: DescribePrice) -> dict[str, float]:
    if not ask.DataDisk:
        raise missing_parameter("DataDisk.1.Size")
    return {"dataDisk": sum(_disk(d, f"DataDisk.{n}") for n, d in enumerate(ask.DataDisk, 1))}


def _disk(disk: PricedDisk, name: str) -> float:
    category = disk.Category or "cloud_efficiency"
    if category not in CATEGORIES:
        raise invalid_parameter(
            f"{name}.Category",
            code=f"Invalid{name.split('.', maxsplit=1)[0]}Category.ValueNotSupported",
        )
    if disk.Size is None:
        raise missing_parameter(f"{name}.Size")
    return prices.of_disk(category, disk.Size, disk.PerformanceLevel)


def _amounts(price: float) -> dict[str, Json]:
    rounded = round(price, 6)
    return {"OriginalPrice": rounded, "DiscountPrice": 0.0, "TradePrice": rounded}
