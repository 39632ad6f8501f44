# SPDX-License-Identifier: Apache-2.0
"""Money, prices and limits of an account."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json, amount, at, rows, text
from hostlift.clouds.alibaba.records import Malformed
from hostlift.clouds.alibaba.requests.base import Request
from hostlift.clouds.alibaba.requests.instances import SystemDisk
from hostlift.ports.market import Balance, Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAccountBalance(Request[Balance]):
    """What can be spent; amounts are texts such as ``1,234.50``."""

    action = Action.QUERY_ACCOUNT_BALANCE

    def answer(self, body: Json) -> Balance:
        """See `Request`."""
        told = text(body, "Data", "AvailableAmount").replace(",", "")
        try:
            return Balance(amount=float(told), currency=text(body, "Data", "Currency"))
        except ValueError:
            raise Malformed(f"AvailableAmount is {told!r}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedDisk:
    """A data disk to price, GiB."""

    category: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribePrice(Request[tuple[str, dict[str, float]]]):
    """Currency, and what each part costs an hour: ``instanceType``, ``systemDisk``, ``dataDisk``."""

    action = Action.DESCRIBE_PRICE
    region_id: str = ""
    resource_type: str = "instance"
    instance_type: str
    system_disk: SystemDisk
    data_disk: tuple[PricedDisk, ...] = ()
    price_unit: str = "Hour"

    def answer(self, body: Json) -> tuple[str, dict[str, float]]:
        """See `Request`."""
        price = at(body, "PriceInfo", "Price")
        if not isinstance(price, dict):
            raise Malformed("no PriceInfo.Price")
        parts = {
            text(row, "Resource"): amount(row, "TradePrice")
            for row in rows(price, "DetailInfos", "DetailInfo")
        }
        return text(price, "Currency"), parts or {"instanceType": amount(price, "TradePrice")}


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAccountAttributes(Request[dict[str, str]]):
    """Limits that ECS itself tells, by name."""

    action = Action.DESCRIBE_ACCOUNT_ATTRIBUTES
    region_id: str = ""

    def answer(self, body: Json) -> dict[str, str]:
        """See `Request`."""
        found = {}
        for row in rows(body, "AccountAttributeItems", "AccountAttributeItem"):
            values = rows(row, "AttributeValues", "ValueItem")
            found[text(row, "AttributeName")] = text(values[0], "Value") if values else ""
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """Narrows a question about quotas."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListProductQuotas(Request[tuple[Quota, ...]]):
    """Limits that the Quota Center tells of a product."""

    action = Action.LIST_PRODUCT_QUOTAS
    product_code: str
    dimensions: tuple[Dimension, ...] = ()
    max_results: int = 100

    def answer(self, body: Json) -> tuple[Quota, ...]:
        """See `Request`; ``counts`` is the quota's own id."""
        return tuple(
            Quota(
                counts=text(row, "QuotaActionCode"),
                limit=int(amount(row, "TotalQuota")),
                used=int(amount(row, "TotalUsage")) if at(row, "TotalUsage") is not None else None,
            )
            for row in rows(body, "Quotas")
        )
