# SPDX-License-Identifier: Apache-2.0
"""The process environment as the vendor's SDK needs it; must run before the SDK is imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

if TYPE_CHECKING:
    from hostlift.clouds.access import CloudAccess

_PRODUCT = Path("/sys/class/dmi/id/product_name")
_METADATA_OFF = "ALIBABA_CLOUD_ECS_METADATA_DISABLED"
_LOOPBACK = ("localhost", "127.", "::1")


def prepare(access: CloudAccess, *, product: Path = _PRODUCT) -> None:
    """Set what the SDK reads from the environment and offers no other way to say.

    Outside ECS its credential chain would wait for the metadata service and print tracebacks.
    It sends every call through HTTP_PROXY without a look at NO_PROXY, so an endpoint that must be
    reached directly needs the variable gone.
    """
    if not on_ecs(product):
        os.environ.setdefault(_METADATA_OFF, "true")
    host = urlsplit(access.endpoint).hostname or ""
    if host and not access.proxy and (host.startswith(_LOOPBACK) or proxy_bypass(host)):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            os.environ.pop(name, None)


def on_ecs(product: Path = _PRODUCT) -> bool:
    """True on an Alibaba Cloud instance, by what its firmware says."""
    try:
        return "Alibaba Cloud" in product.read_text(errors="replace")
    except OSError:
        return False
