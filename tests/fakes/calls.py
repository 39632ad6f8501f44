# SPDX-License-Identifier: Apache-2.0
"""Signed calls into a cloud without a socket, by the older signature, which takes no headers."""

from __future__ import annotations

import itertools
import json
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlencode

from fakes.papercloud import REGION, PaperCloud

from hostlift.localcloud.wire.message import HttpRequest, Product
from hostlift.localcloud.wire.parameters import fields_of
from hostlift.localcloud.wire.signature import rpc
from hostlift.localcloud.wire.times import to_second

DEBIAN = "debian_12_0_x64_20G_alibase_20240101.vhd"
ZONE = "cn-hangzhou-h"
SMALL = "ecs.t6-c1m1.large"
_nonces = itertools.count()


class Refused(Exception):
    """An error answer."""

    def __init__(self, body: dict[str, Any], status: int) -> None:
        super().__init__(f"{body['Code']}: {body['Message']}")
        self.code = str(body["Code"])
        self.message = str(body["Message"])
        self.status = status
        self.detail: dict[str, str] = body.get("AccessDeniedDetail", {})


class Lost(Exception):
    """A connection that ended without an answer."""


class Calls:
    """``calls.ecs("RunInstances", Amount=1)`` against a cloud with a driven clock.

    Args:
        paper: The cloud.
        owner: Whose key signs: ``main``, ``partner``, ``main/mover``.
        region: Where.
        temporary: Credentials of an assumed role, instead of the owner's.
    """

    def __init__(
        self,
        paper: PaperCloud,
        owner: str = "main",
        *,
        region: str = REGION,
        temporary: dict[str, str] | None = None,
    ) -> None:
        self.paper = paper
        self.owner = owner
        self.region = region
        self.temporary = temporary
        self.source = "127.0.0.1"

    def of(self, owner: str, region: str = "") -> Calls:
        """Calls of somebody else, or of the same elsewhere."""
        return Calls(self.paper, owner, region=region or self.region)

    def assuming(self, role: str, **more: Any) -> Calls:
        """Calls with temporary keys of a role of the same account."""
        account = self.paper.keyring[self.owner.partition("/")[0]].id
        arn = f"acs:ram::{account}:role/{role}"
        done = self.sts("AssumeRole", RoleArn=arn, RoleSessionName="test", **more)
        return Calls(self.paper, self.owner, region=self.region, temporary=done["Credentials"])

    def ecs(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.ECS, action, parameters)

    def vpc(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.VPC, action, parameters)

    def sts(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.STS, action, parameters)

    def bss(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.BSS, action, parameters)

    def quotas(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.QUOTAS, action, parameters)

    def refusal(self, action: str, **parameters: Any) -> str:
        """The code with which ECS refuses a call."""
        return self.refused(Product.ECS, action, **parameters).code

    def refused(self, product: Product, action: str, **parameters: Any) -> Refused:
        """How a call is refused."""
        try:
            self._call(product, action, parameters)
        except Refused as refused:
            return refused
        raise AssertionError(f"{action} was not refused")

    def settle(self, seconds: float = 5.0) -> None:
        """Let the cloud do all its pending work, and ``seconds`` pass."""
        clock: Any = self.paper.clock
        for _ in range(20):
            self.paper.cloud.jobs.run_due()
            clock.sleep(seconds / 20)

    def network(self) -> tuple[str, str, str]:
        """A VPC, a vSwitch and a security group, ready for use."""
        vpc = self.vpc("CreateVpc", CidrBlock="10.0.0.0/16")["VpcId"]
        self.settle()
        vswitch = self.vpc("CreateVSwitch", VpcId=vpc, ZoneId=ZONE, CidrBlock="10.0.1.0/24")
        self.settle()
        group = self.ecs("CreateSecurityGroup", VpcId=vpc)["SecurityGroupId"]
        return vpc, str(vswitch["VSwitchId"]), str(group)

    def run(self, vswitch: str, group: str, **more: Any) -> str:
        """One new instance, not yet settled."""
        done = self.ecs(
            "RunInstances",
            **{
                "ImageId": DEBIAN,
                "InstanceType": SMALL,
                "VSwitchId": vswitch,
                "SecurityGroupId": group,
                **more,
            },
        )
        return str(done["InstanceIdSets"]["InstanceIdSet"][0])

    def instance(self, key: str) -> dict[str, Any]:
        """An instance as DescribeInstances shows it."""
        found = self.ecs("DescribeInstances", InstanceIds=json.dumps([key]))
        return dict(found["Instances"]["Instance"][0])

    def disks(self, instance: str) -> list[dict[str, Any]]:
        """The disks of an instance, the system disk first."""
        return list(self.ecs("DescribeDisks", InstanceId=instance)["Disks"]["Disk"])

    def _call(self, product: Product, action: str, given: dict[str, Any]) -> dict[str, Any]:
        key = self.paper.key(self.owner)
        access, secret, token = key.access_key_id, key.access_key_secret, ""
        if self.temporary:
            access = self.temporary["AccessKeyId"]
            secret = self.temporary["AccessKeySecret"]
            token = self.temporary["SecurityToken"]
        parameters = {
            **({"RegionId": self.region} if product in {Product.ECS, Product.VPC} else {}),
            **({"SecurityToken": token} if token else {}),
            **{k.replace("__", "."): str(v) for k, v in given.items()},
            "Action": action,
            "Version": product.value,
            "Format": "JSON",
            "AccessKeyId": access,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": str(next(_nonces)),
            "Timestamp": to_second(self.paper.cloud.clock.now()),
        }
        parameters["Signature"] = rpc("GET", parameters, secret)
        request = HttpRequest("GET", "/", urlencode(parameters), {}, source=self.source)
        answer = self.paper.service.handle(request)
        if answer.lost:
            raise Lost(action)
        body = dict(json.loads(answer.body))
        if answer.status != 200:
            raise Refused(body, answer.status)
        return body


def mandatory(request: type) -> dict[str, str]:
    """Something for every mandatory parameter."""
    given = {}
    for field in fields_of(request):
        hint = str(field.hint)
        if not field.required or field.name == "RegionId":
            continue
        if "TagPart" in hint:
            given[f"{field.name}.1.Key"] = "1"
        elif get_origin(field.hint) is tuple:
            given[f"{field.name}.1"] = "1"
        else:
            choices = get_args(field.hint) if get_origin(field.hint) is Literal else ("1",)
            given[field.name] = choices[0]
    return given
