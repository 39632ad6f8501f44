# SPDX-License-Identifier: Apache-2.0
"""Which host answers for a service in a region, and how to speak to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hostlift.clouds.alibaba.actions import Service
from hostlift.errors import ConfigError

if TYPE_CHECKING:
    from hostlift.clouds.access import CloudAccess

REGION = re.compile(r"[a-z]{2,4}(-[a-z0-9]+)+")

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
            hint="Give a region such as cn-hangzhou or eu-central-1.",
        )
    if service is Service.QUOTAS:
        return Endpoint("HTTPS", "quotas.aliyuncs.com")
    if service is Service.BSS:
        site = "" if access.region.startswith("cn-") else ".ap-southeast-1"
        return Endpoint("HTTPS", f"business{site}.aliyuncs.com")
    usual = f"{service.product}.{access.region}.aliyuncs.com"
    return Endpoint("HTTPS", EXCEPTIONS.get((service, access.region), usual))


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
