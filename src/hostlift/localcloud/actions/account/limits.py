# SPDX-License-Identifier: Apache-2.0
"""Quota Center: the limits that the services themselves do not tell, the number of VPCs first.

Quota names are those of https://www.alibabacloud.com/help/en/vpc/user-guide/vpc-quotas; those of ECS
are told by `describe_account_attributes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from hostlift.localcloud.actions.base import Context, action, check_region, page_by_token
from hostlift.localcloud.config import Quotas
from hostlift.localcloud.state.scope import Scope
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request

_HERE = "cn-hangzhou"


@dataclass(frozen=True, kw_only=True)
class DimensionPart:
    """``regionId`` is the only one here."""

    Key: str = ""
    Value: str = ""


@dataclass(frozen=True, kw_only=True)
class ListProductQuotas(Request):
    """The quotas of a product, in one region."""

    HARMLESS = "GroupCode KeyWord QuotaCategory SortField SortOrder"

    ProductCode: str
    QuotaActionCode: str = ""
    Dimensions: tuple[DimensionPart, ...] = ()
    NextToken: str = ""
    MaxResults: Annotated[int, Ranged(1, 100)] = 30


@dataclass(frozen=True, kw_only=True)
class GetProductQuota(Request):
    """One quota."""

    ProductCode: str
    QuotaActionCode: str
    Dimensions: tuple[DimensionPart, ...] = ()


@dataclass(frozen=True, slots=True)
class _Limit:
    description: str
    most: Callable[[Quotas], int]
    used: Callable[[Scope], int]


def _limits(region: str) -> Mapping[str, Mapping[str, _Limit]]:
    return {
        "vpc": {
            f"vpc_quota_instances_num_{region}": _Limit(
                "VPCs in a region", lambda q: q.vpcs, lambda s: len(s.vpcs.all())
            ),
            "vpc_quota_vswitches_num": _Limit(
                "vSwitches in a VPC", lambda q: q.vswitches_per_vpc, _fullest_vpc
            ),
        },
        "eip": {
            "eip_whitelist/eip_quota_eips_num": _Limit(
                "EIPs in a region", lambda q: q.eips, lambda s: len(s.eips.all())
            ),
        },
        "ecs": {
            "q_security-groups": _Limit(
                "security groups in a region",
                lambda q: q.security_groups,
                lambda s: len(s.groups.all()),
            ),
        },
    }


def _fullest_vpc(store: Scope) -> int:
    owners = [s.vpc for s in store.vswitches.all()]
    return max((owners.count(v) for v in owners), default=0)


@action(Product.QUOTAS, ListProductQuotas)
def list_product_quotas(context: Context, ask: ListProductQuotas) -> Body:
    """All of the product, or the one asked for."""
    found = _quotas(context, ask.ProductCode, ask.Dimensions, ask.QuotaActionCode)
    shown, following = page_by_token(found, ask.NextToken, ask.MaxResults)
    return {
        "Quotas": [*shown],
        "TotalCount": len(found),
        "MaxResults": ask.MaxResults,
        "NextToken": following,
    }


@action(Product.QUOTAS, GetProductQuota)
def get_product_quota(context: Context, ask: GetProductQuota) -> Body:
    """By its name."""
    found = _quotas(context, ask.ProductCode, ask.Dimensions, ask.QuotaActionCode)
    if not found:
        raise ApiError("QUOTA.NOT.FOUND", "The specified quota does not exist.", 404)
    return {"Quota": found[0]}


def _quotas(
    context: Context, product: str, dimensions: tuple[DimensionPart, ...], name: str
) -> list[Body]:
    region = next((d.Value for d in dimensions if d.Key == "regionId"), _HERE)
    check_region(region)
    limits = _limits(region).get(product)
    if limits is None:
        raise ApiError("PRODUCT.NOT.FOUND", "The specified product does not exist.", 404)
    quotas, store = context.cloud.quotas(context.account, region), context.elsewhere(region)
    return [
        _view(product, action_code, region, limit, (limit.most(quotas), limit.used(store)))
        for action_code, limit in limits.items()
        if name in {"", action_code}
    ]


def _view(
    product: str, name: str, region: str, limit: _Limit, most_and_used: tuple[int, int]
) -> Body:
    most, used = most_and_used
    dimensions: dict[str, Json] = {"regionId": region}
    return {
        "ProductCode": product,
        "QuotaActionCode": name,
        "QuotaName": limit.description,
        "QuotaDescription": limit.description,
        "QuotaType": "normal",
        "QuotaCategory": "CommonQuota",
        "QuotaUnit": "AMOUNT",
        "Dimensions": dimensions,
        "TotalQuota": float(most),
        "TotalUsage": float(used),
        "ApplicableRange": [0.0, float(most * 2)],
        "ApplicableType": "continuous",
        "Adjustable": True,
        "Consumable": True,
        "UnadjustableDetail": "",
    }
