# SPDX-License-Identifier: Apache-2.0
"""Which host answers for a service in a region, and how to speak to it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hostlift.clouds.alibaba.actions import Service
from hostlift.errors import ConfigError

if TYPE_CHECKING:
    from hostlift.clouds.access import CloudAccess

REGION = re.compile(r"[a-z]{2,4}(-[a-z0-9]+)+")

REGIONS = (
    "cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-hongkong", "cn-qingdao",
    "cn-zhangjiakou", "cn-huhehaote", "cn-wulanchabu", "cn-heyuan", "cn-guangzhou", "cn-chengdu",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ap-southeast-6",
    "ap-southeast-7", "ap-northeast-1", "ap-northeast-2", "ap-south-1", "us-east-1", "us-west-1",
    "eu-central-1", "eu-west-1", "me-east-1", "me-central-1", "cn-shanghai-finance-1",
    "cn-shenzhen-finance-1", "cn-north-2-gov-1",
)  # fmt: skip
"""Those that were open when this was written; others are tried all the same."""

# The rule is PRODUCT.REGION.aliyuncs.com; these public regions deviate. Source: the endpoint maps
# in the vendor's generated clients (ecs20140526 7.11.8, vpc20160428 7.2.2, sts20150401 1.2.0);
# tests/contract/test_alibaba_models.py compares.
EXCEPTIONS: dict[tuple[Service, str], str] = {
    (Service.ECS, "cn-hangzhou"): "ecs-cn-hangzhou.aliyuncs.com",
    (Service.ECS, "cn-shanghai-finance-1"): "ecs-cn-hangzhou.aliyuncs.com",
    (Service.ECS, "cn-shenzhen-finance-1"): "ecs-cn-hangzhou.aliyuncs.com",
    (Service.ECS, "cn-north-2-gov-1"): "ecs.aliyuncs.com",
    (Service.VPC, "cn-hangzhou"): "vpc.aliyuncs.com",
    (Service.VPC, "cn-shanghai-finance-1"): "vpc.aliyuncs.com",
    (Service.VPC, "cn-shenzhen-finance-1"): "vpc.aliyuncs.com",
    (Service.VPC, "cn-north-2-gov-1"): "vpc.aliyuncs.com",
    (Service.STS, "ap-south-1"): "sts.aliyuncs.com",
    (Service.STS, "ap-southeast-2"): "sts.aliyuncs.com",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Protocol (``HTTPS`` or ``HTTP``) and ``host`` or ``host:port``."""

    protocol: str
    host: str


def endpoint(access: CloudAccess, service: Service) -> Endpoint:
    """Where to send calls of ``service``.

    Raises:
        ConfigError: Region or endpoint cannot be what they are meant to be.
    """
    if access.endpoint:
        return _given(access.endpoint)
    if not REGION.fullmatch(access.region):
        raise ConfigError(
            f"{access.region!r} is not the id of a region",
            subject="region_id",
            hint=f"Give a region such as {nearest(access.region) or 'cn-hangzhou or eu-central-1'}.",
        )
    if service is Service.QUOTAS:
        return Endpoint("HTTPS", "quotas.aliyuncs.com")
    if service is Service.BSS:
        site = "" if access.region.startswith("cn-") else ".ap-southeast-1"
        return Endpoint("HTTPS", f"business{site}.aliyuncs.com")
    if access.inside:
        return Endpoint("HTTPS", f"{service.product}-vpc.{access.region}.aliyuncs.com")
    usual = f"{service.product}.{access.region}.aliyuncs.com"
    return Endpoint("HTTPS", EXCEPTIONS.get((service, access.region), usual))


def nearest(region: str) -> str:
    """The region that was probably meant; empty when none is like it."""
    return next(iter(difflib.get_close_matches(region.lower(), REGIONS, 1, 0.6)), "")


def _given(url: str) -> Endpoint:
    parts = urlsplit(url if "://" in url else f"https://{url}")
    extra = parts.path not in {"", "/"} or parts.query or parts.username
    if extra or parts.scheme not in {"http", "https"} or not parts.hostname:
        # A path would be signed as "/" but sent as it is: the SDK cannot do it.
        raise ConfigError(
            f"{url!r} is not of the form http://host:port", subject="endpoint", hint=_ENDPOINT_HINT
        )
    return Endpoint(parts.scheme.upper(), parts.netloc)


_ENDPOINT_HINT = "Give the address alone, without path or user, for example http://127.0.0.1:18801."
