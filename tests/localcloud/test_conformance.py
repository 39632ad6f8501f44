# SPDX-License-Identifier: Apache-2.0
"""One scenario for every official client: two of Python, three of JavaScript.

The JavaScript ones alone: ``pytest tests/localcloud/test_conformance.py -k "pop or acs3 or typed"``; the Python
ones alone: ``-k "v1 or v2"``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.conformers import KINDS, Client, Refused, client, flat
from fakes.papercloud import PaperCloud, served
from fakes.sdk import DEBIAN, ZONE, until

from hostlift.localcloud.config import Settings
from hostlift.localcloud.faults.kinds import Fault, FaultKind

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
REGION = "cn-hangzhou"
SETTINGS = Settings(delay=0.02, linger=0.02, watch_period=0.05, workers=2)


class Scene:
    """A client at a cloud."""

    def __init__(self, client: Client, paper: PaperCloud) -> None:
        self.client = client
        self.paper = paper

    def ecs(self, action: str, **params: Any) -> dict[str, Any]:
        return self.client.call("ecs", action, {"RegionId": REGION, **params})

    def vpc(self, action: str, **params: Any) -> dict[str, Any]:
        return self.client.call("vpc", action, {"RegionId": REGION, **params})

    def code(self, action: str, **params: Any) -> str:
        with pytest.raises(Refused) as refused:
            self.ecs(action, **params)
        return refused.value.code

    def network(self) -> tuple[str, str, str]:
        vpc = self.vpc("CreateVpc", CidrBlock="10.0.0.0/16", Description="a b*~/+ ü'(!)")["VpcId"]
        until(lambda: self._status("VPC", vpc) == "Available")
        subnet = self.vpc("CreateVSwitch", VpcId=vpc, ZoneId=ZONE, CidrBlock="10.0.1.0/24")
        until(lambda: self._status("VSWITCH", subnet["VSwitchId"]) == "Available")
        group = self.ecs("CreateSecurityGroup", VpcId=vpc)["SecurityGroupId"]
        return str(vpc), str(subnet["VSwitchId"]), str(group)

    def run(self, vswitch: str, group: str, **more: Any) -> str:
        given = {"ImageId": DEBIAN, "InstanceType": "ecs.t6-c1m1.large", "VSwitchId": vswitch}
        done = self.ecs("RunInstances", **given, SecurityGroupId=group, **more)
        return str(done["InstanceIdSets"]["InstanceIdSet"][0])

    def instances(self, **filters: Any) -> list[dict[str, Any]]:
        return list(self.ecs("DescribeInstances", **filters)["Instances"]["Instance"])

    def state(self, instance: str) -> str:
        found = self.instances(InstanceIds=json.dumps([instance]))
        return str(found[0]["Status"]) if found else ""

    def _status(self, kind: str, key: str) -> str:
        if kind == "VPC":
            return str(self.vpc("DescribeVpcs", VpcId=key)["Vpcs"]["Vpc"][0]["Status"])
        return str(self.vpc("DescribeVSwitchAttributes", VSwitchId=key)["Status"])


@pytest.fixture(params=KINDS)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Each official client in turn, at a cloud of its own."""
    with (
        served(tmp_path, SETTINGS) as (paper, address),
        client(request.param, paper, address) as made,
    ):
        yield Scene(made, paper)


def test_who_and_where(scene: Scene) -> None:
    """Identity, balance, regions, zones, stock, price."""
    who = scene.client.call("sts", "GetCallerIdentity", {})
    assert who["AccountId"] == "1234567890123456"
    money = scene.client.call("bss", "QueryAccountBalance", {})
    assert money["Data"]["AvailableAmount"] == "10000.00"
    quota = scene.client.call("quotas", "ListProductQuotas", {"ProductCode": "vpc"})
    assert quota["Quotas"][0]["TotalQuota"] == 10
    regions = scene.ecs("DescribeRegions")["Regions"]["Region"]
    assert REGION in {r["RegionId"] for r in regions}
    zones = scene.ecs("DescribeZones", Verbose=False)["Zones"]["Zone"]
    assert ZONE in {z["ZoneId"] for z in zones}
    stock = scene.ecs("DescribeAvailableResource", DestinationResource="InstanceType", Cores=2)
    assert stock["AvailableZones"]["AvailableZone"][0]["Status"] == "Available"
    price = scene.ecs("DescribePrice", InstanceType="ecs.g6.large", DataDisk=[{"Size": 20}])
    assert price["PriceInfo"]["Price"]["TradePrice"] > 0


def test_a_migrations_resources_come_and_go(scene: Scene) -> None:
    """Network, rules, instance with disks and user data, address, snapshot, image, copy, deletion."""
    vpc, vswitch, group = scene.network()
    rules = [
        {"IpProtocol": "tcp", "PortRange": f"{port}/{port}", "SourceCidrIp": "198.51.100.9/32"}
        for port in (8080, 8703)
    ]
    scene.ecs("AuthorizeSecurityGroup", SecurityGroupId=group, Permissions=rules)
    shown = scene.ecs("DescribeSecurityGroupAttribute", SecurityGroupId=group)
    assert len(shown["Permissions"]["Permission"]) == 2
    user_data = "#!/bin/sh\necho 'ü + / = & %'\n".encode()
    key = scene.run(
        vswitch,
        group,
        InstanceName="INSTANCE_FOR_GO_TOALIYUN",
        SystemDisk={"Category": "cloud_essd", "Size": "40"},
        DataDisk=[{"Category": "cloud_essd", "Size": 20, "DeleteWithInstance": True}],
        UserData=base64.b64encode(user_data).decode(),
        Tag=[{"Key": "hostlift", "Value": "m-1"}, {"Key": "name", "Value": "größe"}],
        ClientToken="run-1",
    )
    until(lambda: scene.state(key) == "Running")
    told = scene.ecs("DescribeUserData", InstanceId=key)["UserData"]
    assert base64.b64decode(told) == user_data
    assert scene.instances(Tag=[{"Key": "name", "Value": "größe"}])[0]["InstanceId"] == key
    eip = scene.vpc("AllocateEipAddress", Bandwidth="5")
    scene.vpc("AssociateEipAddress", AllocationId=eip["AllocationId"], InstanceId=key)
    until(lambda: scene.instances()[0]["EipAddress"]["IpAddress"] == eip["EipAddress"])
    disk = scene.ecs("DescribeDisks", InstanceId=key, DiskType="data")["Disks"]["Disk"][0]
    scene.ecs("ResizeDisk", DiskId=disk["DiskId"], NewSize=30, Type="online")
    scene.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging", ForceStop=True)
    until(lambda: scene.state(key) == "Stopped")
    snapshot = scene.ecs("CreateSnapshot", DiskId=disk["DiskId"])["SnapshotId"]
    until(lambda: _snapshot(scene, snapshot)["Status"] == "accomplished")
    image = scene.ecs(
        "CreateImage",
        ImageName="moved",
        Platform="Debian",
        Architecture="x86_64",
        DiskDeviceMapping=[{"SnapshotId": snapshot, "DiskType": "system", "Size": 30}],
    )["ImageId"]
    until(lambda: scene.ecs("DescribeImages", ImageId=image)["TotalCount"])
    copy = scene.ecs("CopyImage", ImageId=image, DestinationRegionId="cn-beijing")["ImageId"]
    there = {"RegionId": "cn-beijing"}
    until(lambda: scene.ecs("DescribeImages", ImageId=copy, **there)["TotalCount"])
    scene.ecs("DeleteImage", ImageId=copy, **there)
    _delete(scene, key, eip["AllocationId"], image, snapshot)
    until(lambda: not scene.paper.cloud.store.shadows.all())
    scene.ecs("DeleteSecurityGroup", SecurityGroupId=group)
    scene.vpc("DeleteVSwitch", VSwitchId=vswitch)
    scene.vpc("DeleteVpc", VpcId=vpc)
    assert scene.vpc("DescribeVpcs")["TotalCount"] == 0


def _snapshot(scene: Scene, key: str) -> dict[str, Any]:
    found = scene.ecs("DescribeSnapshots", SnapshotIds=json.dumps([key]))
    return dict(found["Snapshots"]["Snapshot"][0])


def _delete(scene: Scene, key: str, eip: str, image: str, snapshot: str) -> None:
    scene.vpc("UnassociateEipAddress", AllocationId=eip, InstanceId=key)
    until(
        lambda: (
            scene.vpc("DescribeEipAddresses")["EipAddresses"]["EipAddress"][0]["Status"]
            == "Available"
        )
    )
    scene.vpc("ReleaseEipAddress", AllocationId=eip)
    scene.ecs("DeleteInstance", InstanceId=key)
    until(lambda: not scene.instances())
    assert scene.code("DeleteSnapshot", SnapshotId=snapshot) == "SnapshotCreatedImage"
    scene.ecs("DeleteImage", ImageId=image)
    scene.ecs("DeleteSnapshot", SnapshotId=snapshot)


def test_pages_show_everything_once(scene: Scene) -> None:
    """By number and by token."""
    _, vswitch, group = scene.network()
    scene.run(vswitch, group, Amount=5)
    by_number = [
        i["InstanceId"] for n in (1, 2, 3) for i in scene.instances(PageNumber=n, PageSize=2)
    ]
    token, by_token = "", []
    while True:
        more = {"NextToken": token} if token else {}
        found = scene.ecs("DescribeInstances", MaxResults=2, **more)
        by_token += [i["InstanceId"] for i in found["Instances"]["Instance"]]
        if not (token := found["NextToken"]):
            break
    assert by_number == by_token
    assert len(set(by_number)) == 5


def test_tags_are_set_listed_and_removed(scene: Scene) -> None:
    """On what exists already."""
    _, _, group = scene.network()
    where = {"ResourceType": "securitygroup", "ResourceId": [group]}
    scene.ecs("TagResources", **where, Tag=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    scene.ecs("UntagResources", **where, TagKey=["a"])
    rows = scene.ecs("ListTagResources", **where)["TagResources"]["TagResource"]
    assert [(r["TagKey"], r["TagValue"]) for r in rows] == [("b", "2")]


def test_refusals_arrive_with_their_codes(scene: Scene) -> None:
    """Not found, missing, malformed, over quota, dry run, throttled."""
    assert scene.code("StartInstance", InstanceId="i-x") == "InvalidInstanceId.NotFound"
    assert scene.code("CreateSecurityGroup") == "MissingParameter"
    assert scene.code("DescribeInstances", PageSize=101) == "InvalidParameter"
    assert scene.code("DescribeInstances", DryRun=True) == "DryRunOperation"
    scene.paper.cloud.faults.add([Fault(kind=FaultKind.THROTTLE, action="DescribeDisks")])
    assert scene.code("DescribeDisks").startswith("Throttling")
    assert scene.ecs("DescribeDisks")["TotalCount"] == 0


def test_the_same_token_makes_one_thing(scene: Scene) -> None:
    """Other parameters under it are refused."""
    first = scene.vpc("CreateVpc", ClientToken="t")["VpcId"]
    assert scene.vpc("CreateVpc", ClientToken="t")["VpcId"] == first
    with pytest.raises(Refused, match="IdempotentParameterMismatch"):
        scene.vpc("CreateVpc", ClientToken="t", VpcName="other")


def test_parameters_are_made_flat_as_the_wire_has_them() -> None:
    """What V1 needs; the others do it themselves, or in ``client.mjs`` by the same rule."""
    nested = {"A": 1, "B": [{"C": "x"}, {"C": "y"}], "D": {"E": True}, "F": ["z"]}
    assert flat(nested) == {"A": "1", "B.1.C": "x", "B.2.C": "y", "D.E": "True", "F.1": "z"}
