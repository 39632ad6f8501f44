# SPDX-License-Identifier: Apache-2.0
"""What the driver sends and reads, compared with the vendor's generated clients."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from alibabacloud_endpoint_util.client import Client as EndpointRules
from alibabacloud_tea_openapi.utils_models import Config

from hostlift.clouds.access import CloudAccess
from hostlift.clouds.alibaba import records, requests
from hostlift.clouds.alibaba.actions import Action, Service, policy
from hostlift.clouds.alibaba.endpoints import REGIONS, endpoint
from hostlift.clouds.alibaba.requests.base import Request, parameters

if TYPE_CHECKING:
    from types import ModuleType

GENERATED = {
    Service.ECS: "alibabacloud_ecs20140526",
    Service.VPC: "alibabacloud_vpc20160428",
    Service.STS: "alibabacloud_sts20150401",
    Service.BSS: "alibabacloud_bssopenapi20171214",
    Service.QUOTAS: "alibabacloud_quotas20200510",
}


@cache
def models(service: Service) -> ModuleType:
    return importlib.import_module(f"{GENERATED[service]}.models")


def request_classes() -> list[type[Request[object]]]:
    found: dict[str, type[Request[object]]] = {}
    for info in pkgutil.iter_modules(requests.__path__):
        module = importlib.import_module(f"{requests.__name__}.{info.name}")
        for _, item in inspect.getmembers(module, inspect.isclass):
            if issubclass(item, Request) and hasattr(item, "action"):
                found[item.__name__] = item
    return list(found.values())


def filled(cls: type) -> object:
    """An object with something in every field."""
    values: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        values[field.name] = _value(cls, str(field.type))
    return cls(**values)


def _value(cls: type, kind: str) -> object:
    named = re.fullmatch(r"(?:tuple\[)?([A-Z]\w+)(?:, \.\.\.\])?", kind)
    if named:
        record = filled(getattr(inspect.getmodule(cls), named[1]))
        return (record,) if kind.startswith("tuple") else record
    samples = {"str": "x", "int": 1, "bool": True, "float": 1.0}
    return ("x",) if kind.startswith("tuple") else samples[kind.split(" ", maxsplit=1)[0]]


def official_fields(service: Service, name: str) -> set[str]:
    """All names the generated model writes, its parts included."""
    module = models(service)
    names: set[str] = set()
    for member, cls in inspect.getmembers(module, inspect.isclass):
        if member.startswith(name) and hasattr(cls, "to_map"):
            names |= set(re.findall(r"result\['([^']+)'\]", inspect.getsource(cls.to_map)))
    return names


@pytest.mark.parametrize("cls", request_classes(), ids=lambda c: c.__name__)
def test_every_parameter_is_one_the_vendor_knows(cls: type[Request[object]]) -> None:
    """A misspelt parameter would be ignored by the cloud, silently."""
    sent = parameters(filled(cls), "cn-hangzhou")
    names = {part for key in sent for part in key.split(".") if not part.isdecimal()}
    known = official_fields(cls.action.service, f"{cls.action.api_name}Request")
    assert names <= known, names - known


def test_every_action_has_a_request_and_every_request_an_action() -> None:
    """So the RAM policy, derived from the actions, is neither too large nor too small."""
    assert {cls.action for cls in request_classes()} == set(Action)


def test_the_policy_names_every_action() -> None:
    """And nothing by wildcard."""
    statements = policy()["Statement"]
    assert isinstance(statements, list)
    granted = {action for statement in statements for action in statement["Action"]}
    assert {a.permission for a in Action if a.service is not Service.STS} <= granted
    assert not [action for action in granted if "*" in action]


def test_every_field_read_is_one_the_vendor_answers() -> None:
    """Every quoted PascalCase name in records.py and requests/ exists in some answer's model."""
    parts = [f"{requests.__name__}.{info.name}" for info in pkgutil.iter_modules(requests.__path__)]
    sources = [inspect.getsource(importlib.import_module(p)) for p in (records.__name__, *parts)]
    reading = re.findall(
        r"(?:text|texts|rows|number|amount|required|Page\.read)\(([^()]*)\)", "".join(sources)
    )
    names = {name for call in reading for name in re.findall(r'"([A-Za-z]+)"', call)}
    known: set[str] = {"TotalCount"}
    for action in Action:
        known |= official_fields(action.service, f"{action.api_name}ResponseBody")
    assert len(names) > 40
    assert names <= known, names - known


@pytest.mark.parametrize("service", list(Service))
def test_endpoints_are_the_vendor_s(service: Service) -> None:
    """Our short table of exceptions and the generated clients agree for the public regions."""
    client = importlib.import_module(f"{GENERATED[service]}.client").Client
    for region in REGIONS:
        config = Config(access_key_id="a", access_key_secret="b", region_id=region)
        ours = endpoint(CloudAccess(region), service)
        theirs = client(config)._endpoint
        if not theirs.startswith(
            "bssopenapi."
        ):  # its map lacks the region, and there is no such host
            assert (ours.protocol, ours.host) == ("HTTPS", theirs)


@pytest.mark.parametrize("service", [Service.ECS, Service.VPC, Service.STS])
def test_endpoints_inside_a_vpc_follow_the_vendor_s_rule(service: Service) -> None:
    """`vpc_endpoints`; billing and quotas have none and stay public."""
    for region in REGIONS:
        ours = endpoint(CloudAccess(region, inside=True), service)
        theirs = EndpointRules.get_endpoint_rules(service.product, region, "regional", "vpc", "")
        assert (ours.protocol, ours.host) == ("HTTPS", theirs)
    public = endpoint(CloudAccess("cn-hangzhou"), Service.BSS)
    assert endpoint(CloudAccess("cn-hangzhou", inside=True), Service.BSS) == public
