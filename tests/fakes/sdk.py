# SPDX-License-Identifier: Apache-2.0
"""The official SDK clients, pointed at an embedded cloud; each answer is checked against its model."""

from __future__ import annotations

import importlib
import inspect
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_tea_openapi.client import Client as Core
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from fakes.papercloud import MAIN_KEY, REGION, PaperCloud

MODELS = {
    "2014-05-26": "alibabacloud_ecs20140526",
    "2016-04-28": "alibabacloud_vpc20160428",
    "2015-04-01": "alibabacloud_sts20150401",
    "2017-12-14": "alibabacloud_bssopenapi20171214",
    "2020-05-10": "alibabacloud_quotas20200510",
}
DEBIAN = "debian_12_0_x64_20G_alibase_20240101.vhd"
ZONE = "cn-hangzhou-h"


class Sdk:
    """The V2 clients. A call is an attribute: ``sdk.ecs("DescribeInstances", RegionId=…)``."""

    def __init__(self, paper: PaperCloud, address: str, **config: Any) -> None:
        self.paper = paper
        self.address = address
        settings = {
            "access_key_id": MAIN_KEY.access_key_id,
            "access_key_secret": MAIN_KEY.access_key_secret,
            **config,
        }
        self._config = settings

    def of(self, owner: str) -> Sdk:
        """The clients of another account or of a RAM user."""
        key = self.paper.key(owner)
        keys = {"access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}
        return Sdk(self.paper, self.address, **keys)

    def client(self, package: str) -> Any:
        """The official generated client of a package."""
        return importlib.import_module(f"{package}.client").Client(self._settings())

    def _settings(self) -> Config:
        return Config(region_id=REGION, endpoint=self.address, protocol="HTTP", **self._config)

    def ecs(self, action: str, **fields: Any) -> dict[str, Any]:
        """An ECS call through the official request model."""
        return self._typed("2014-05-26", action, fields)

    def vpc(self, action: str, **fields: Any) -> dict[str, Any]:
        """A VPC call through the official request model."""
        return self._typed("2016-04-28", action, fields)

    def sts(self, action: str, **fields: Any) -> dict[str, Any]:
        """An STS call through the official client."""
        return self._typed("2015-04-01", action, fields)

    def bss(self, action: str, **fields: Any) -> dict[str, Any]:
        """A BSS call through the official client."""
        return self._typed("2017-12-14", action, fields)

    def quotas(self, action: str, **fields: Any) -> dict[str, Any]:
        """A Quota Center call through the official request model."""
        return self._typed("2020-05-10", action, fields)

    def refused(self, call: Callable[..., Any], action: str, **fields: Any) -> str:
        """The error code of a call that must be refused."""
        with pytest.raises(ClientException) as refused:
            call(action, **fields)
        data = refused.value.data
        assert data["RequestId"]
        assert set(data) >= {"RequestId", "HostId", "Code", "Message", "Recommend"}
        return str(refused.value.code)

    def raw(self, version: str, action: str, query: dict[str, Any]) -> dict[str, Any]:
        """A call without models."""
        params = Params(
            action=action,
            version=version,
            protocol="HTTP",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        done = Core(self._settings()).call_api(
            params, OpenApiRequest(query=Utils.query(query)), RuntimeOptions()
        )
        return dict(done["body"])

    def parameters(self, version: str, action: str) -> set[str]:
        """The names of the official request model; empty when the action takes nothing."""
        models = importlib.import_module(f"{MODELS[version]}.models")
        kind = getattr(models, f"{action}Request", None)
        return set(re.findall(r"result\['([^']+)'\]", inspect.getsource(kind))) if kind else set()

    def _typed(self, version: str, action: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Through the request model, and back through the response model without losing a field."""
        models = importlib.import_module(f"{MODELS[version]}.models")
        kind = getattr(models, f"{action}Request", None)
        query = fields
        if kind is not None:
            query = kind().from_map(fields).to_map()
            lost = missing(fields, query)
            assert not lost, f"{action}Request does not know {lost}"
        body = self.raw(version, action, query)
        kept = getattr(models, f"{action}ResponseBody")().from_map(body).to_map()
        lost = missing(body, kept)
        assert not lost, f"{action}ResponseBody does not know {lost}"
        return body


def missing(given: Any, kept: Any, path: str = "") -> list[str]:
    """Paths in ``given`` that are not in ``kept``, or not of the same value."""
    if isinstance(given, dict):
        if not isinstance(kept, dict):
            return [path]
        return [
            p for k, v in given.items() for p in missing(v, kept.get(k, _NOTHING), f"{path}.{k}")
        ]
    if isinstance(given, list):
        if not isinstance(kept, list) or len(kept) != len(given):
            return [path]
        pairs = enumerate(zip(given, kept, strict=True))
        return [p for n, (a, b) in pairs for p in missing(a, b, f"{path}[{n}]")]
    return [] if given == kept and type(given) is type(kept) else [path]


_NOTHING = object()


def until(look: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true value ``look`` returns; polled, as every client of the API must."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about in time")
        time.sleep(0.01)
    return found


def snake(name: str) -> str:
    """``DescribeVSwitches`` as the clients' methods are named."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
