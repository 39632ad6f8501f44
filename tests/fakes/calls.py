# SPDX-License-Identifier: Apache-2.0
"""Signed calls into a cloud without a socket, by the older signature, which takes no headers."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import urlencode

from fakes.papercloud import KEY, REGION, PaperCloud

from hostlift.localcloud.wire.message import HttpRequest, Product
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


class Calls:
    """``calls.ecs("RunInstances", Amount=1)`` against a cloud with a driven clock."""

    def __init__(self, paper: PaperCloud) -> None:
        self.paper = paper

    def ecs(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.ECS, action, parameters)

    def vpc(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.VPC, action, parameters)

    def sts(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._call(Product.STS, action, parameters)

    def refusal(self, action: str, **parameters: Any) -> str:
        """The code with which ECS refuses a call."""
        try:
            self.ecs(action, **parameters)
        except Refused as refused:
            return refused.code
        raise AssertionError(f"{action} was not refused")

    def settle(self, seconds: float = 5.0) -> None:
        """Let the cloud do all its pending work, and ``seconds`` pass."""
        clock: Any = self.paper.cloud.clock
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
        parameters = {
            **({"RegionId": REGION} if product is not Product.STS else {}),
            **{k.replace("__", "."): str(v) for k, v in given.items()},
            "Action": action,
            "Version": product.value,
            "Format": "JSON",
            "AccessKeyId": KEY.access_key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": str(next(_nonces)),
            "Timestamp": to_second(self.paper.cloud.clock.now()),
        }
        parameters["Signature"] = rpc("GET", parameters, KEY.secret)
        answer = self.paper.service.handle(HttpRequest("GET", "/", urlencode(parameters), {}))
        body = dict(json.loads(answer.body))
        if answer.status != 200:
            raise Refused(body, answer.status)
        return body
