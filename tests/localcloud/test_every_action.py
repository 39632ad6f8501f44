# SPDX-License-Identifier: Apache-2.0
"""Every action once through the official V2 models: a parameter or field of ours that they do not know
fails. `Sdk` does the comparing; the end of the test counts."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.sdk import DEBIAN, MODELS, ZONE, Sdk, until

from hostlift.localcloud.actions.registry import ACTIONS

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
REGION = "cn-hangzhou"
WHERE = {"RegionId": REGION}
TAG = {"Tag": [{"Key": "k", "Value": "v"}]}


class Tour:
    """One of each resource, and every action on it."""

    def __init__(self, sdk: Sdk) -> None:
        self.sdk = sdk
        self.seen: set[tuple[str, str]] = set()

    def ecs(self, action: str, **fields: Any) -> dict[str, Any]:
        return self._call("2014-05-26", "ecs", action, fields)

    def vpc(self, action: str, **fields: Any) -> dict[str, Any]:
        return self._call("2016-04-28", "vpc", action, fields)

    def other(self, product: str, action: str, **fields: Any) -> dict[str, Any]:
        version = dict(zip(("ecs", "vpc", "sts", "bss", "quotas"), MODELS, strict=True))[product]
        return self._call(version, product, action, fields)

    def state(self, table: str, key: str, status: str) -> None:
        until(lambda: getattr(self.sdk.paper.cloud.store, table).get(key).status.value == status)

    def _call(
        self, version: str, product: str, action: str, fields: dict[str, Any]
    ) -> dict[str, Any]:
        self.seen.add((product.upper(), action))
        known = self.sdk.parameters(version, action)
        own = {**(WHERE if "RegionId" in known else {}), **fields}
        return dict(getattr(self.sdk, product)(action, **own))


def test_every_action_survives_the_official_models(sdk: Sdk) -> None:
    """With something in every answer."""
    tour = Tour(sdk)
    _account(tour)
    vpc, vswitch, group = _network(tour)
    instance = _instance(tour, vswitch, group)
    image = _storage(tour, instance)
    _tags(tour, group, vpc)
    _addresses(tour, instance)
    _end(tour, vpc, vswitch, group, instance, image)
    assert {(p.name, a) for p, a in ACTIONS} - tour.seen == set()


def _account(tour: Tour) -> None:
    for product, action, fields in (
        ("sts", "GetCallerIdentity", {}),
        ("bss", "QueryAccountBalance", {}),
        ("quotas", "ListProductQuotas", {"ProductCode": "vpc"}),
        ("quotas", "GetProductQuota", {"ProductCode": "vpc", "QuotaActionCode": "vpc_quota_vswitches_num"}),
    ):  # fmt: skip
        assert tour.other(product, action, **fields)["RequestId"]
    arn = "acs:ram::1234567890123456:role/mover"
    mover = Tour(tour.sdk.of("main/mover"))
    assert mover.other("sts", "AssumeRole", RoleArn=arn, RoleSessionName="s1")["Credentials"]
    tour.seen |= mover.seen
    disk = {"Size": 20, "Category": "cloud_essd"}
    assert tour.ecs("DescribePrice", InstanceType="ecs.g6.large", DataDisk=[disk])["PriceInfo"]
    assert tour.ecs("DescribeAvailableResource", DestinationResource="InstanceType")[
        "AvailableZones"
    ]
    for action in (
        "DescribeRegions", "DescribeZones", "DescribeAccountAttributes", "DescribeInstanceTypes",
        "DescribeInstanceTypeFamilies",
    ):  # fmt: skip
        assert tour.ecs(action)["RequestId"]
    assert tour.vpc("DescribeRegions")["Regions"]
    assert tour.vpc("DescribeZones")["Zones"]


def _network(tour: Tour) -> tuple[str, str, str]:
    vpc = tour.vpc("CreateVpc", CidrBlock="10.0.0.0/16", **TAG)["VpcId"]
    tour.state("vpcs", vpc, "Available")
    vswitch = tour.vpc("CreateVSwitch", VpcId=vpc, ZoneId=ZONE, CidrBlock="10.0.1.0/24", **TAG)
    key = vswitch["VSwitchId"]
    tour.state("vswitches", key, "Available")
    group = tour.ecs("CreateSecurityGroup", VpcId=vpc, **TAG)["SecurityGroupId"]
    tour.vpc("ModifyVpcAttribute", VpcId=vpc, VpcName="net")
    tour.vpc("ModifyVSwitchAttribute", VSwitchId=key, VSwitchName="subnet")
    tour.ecs("ModifySecurityGroupAttribute", SecurityGroupId=group, SecurityGroupName="group")
    tour.ecs("ModifySecurityGroupPolicy", SecurityGroupId=group, InnerAccessPolicy="Drop")
    rule = {"SecurityGroupId": group, "IpProtocol": "tcp", "PortRange": "22/22"}
    tour.ecs("AuthorizeSecurityGroup", **rule, SourceCidrIp="10.0.0.0/8")
    tour.ecs("AuthorizeSecurityGroupEgress", **rule, DestCidrIp="10.0.0.0/8")
    assert tour.ecs("DescribeSecurityGroupAttribute", SecurityGroupId=group)["Permissions"]
    tour.ecs("RevokeSecurityGroup", **rule, SourceCidrIp="10.0.0.0/8")
    tour.ecs("RevokeSecurityGroupEgress", **rule, DestCidrIp="10.0.0.0/8")
    assert tour.vpc("DescribeVpcs")["TotalCount"] == 1
    assert tour.vpc("DescribeVpcAttribute", VpcId=vpc)["Status"] == "Available"
    assert tour.vpc("DescribeVSwitches")["TotalCount"] == 1
    assert tour.vpc("DescribeVSwitchAttributes", VSwitchId=key)["Status"] == "Available"
    assert tour.ecs("DescribeSecurityGroups")["TotalCount"] == 1
    return str(vpc), str(key), str(group)


def _instance(tour: Tour, vswitch: str, group: str) -> str:
    done = tour.ecs(
        "RunInstances",
        ImageId=DEBIAN,
        InstanceType="ecs.t6-c1m1.large",
        VSwitchId=vswitch,
        SecurityGroupId=group,
        DataDisk=[{"Size": 20}],
        **TAG,
    )
    key = str(done["InstanceIdSets"]["InstanceIdSet"][0])
    tour.state("instances", key, "Running")
    tour.ecs("RebootInstance", InstanceId=key)
    tour.state("instances", key, "Running")
    tour.ecs("ModifyInstanceAttribute", InstanceId=key, InstanceName="one")
    tour.ecs("ModifyInstanceAutoReleaseTime", InstanceId=key, AutoReleaseTime="")
    tour.ecs(
        "ModifyInstanceMetadataOptions",
        InstanceId=key,
        HttpTokens="required",
        HttpEndpoint="enabled",
    )
    other = tour.sdk.paper.cloud.store.instances.get(key)
    assert (other.http_tokens, other.hop_limit) == ("required", 1)
    assert tour.ecs("DescribeInstances")["TotalCount"] == 1
    assert tour.ecs("DescribeInstanceStatus")["TotalCount"] == 1
    assert tour.ecs("DescribeInstanceAttribute", InstanceId=key)["InstanceId"] == key
    assert tour.ecs("DescribeUserData", InstanceId=key)["InstanceId"] == key
    assert tour.ecs("GetInstanceConsoleOutput", InstanceId=key)["ConsoleOutput"]
    assert tour.ecs("DescribeNetworkInterfaces")["TotalCount"] == 1
    second = tour.ecs("CreateSecurityGroup", VpcId=other.vpc)["SecurityGroupId"]
    tour.ecs("JoinSecurityGroup", SecurityGroupId=second, InstanceId=key)
    tour.ecs("LeaveSecurityGroup", SecurityGroupId=second, InstanceId=key)
    tour.ecs("DeleteSecurityGroup", SecurityGroupId=second)
    return key


def _storage(tour: Tour, instance: str) -> str:
    loose = tour.ecs("CreateDisk", ZoneId=ZONE, Size=20, DiskCategory="cloud_essd")["DiskId"]
    tour.state("disks", loose, "Available")
    tour.ecs("AttachDisk", InstanceId=instance, DiskId=loose)
    tour.state("disks", loose, "In_use")
    tour.ecs("ModifyDiskAttribute", DiskId=loose, DiskName="loose")
    tour.ecs("ResizeDisk", DiskId=loose, NewSize=30)
    tour.ecs("DetachDisk", InstanceId=instance, DiskId=loose)
    tour.state("disks", loose, "Available")
    tour.ecs("DeleteDisk", DiskId=loose)
    disks = tour.ecs("DescribeDisks", InstanceId=instance)["Disks"]["Disk"]
    snapshot = tour.ecs("CreateSnapshot", DiskId=disks[0]["DiskId"], **TAG)["SnapshotId"]
    tour.state("snapshots", snapshot, "accomplished")
    assert tour.ecs("DescribeSnapshots")["TotalCount"] == 1
    image = str(tour.ecs("CreateImage", SnapshotId=snapshot, ImageName="one", **TAG)["ImageId"])
    tour.state("images", image, "Available")
    tour.ecs("ModifyImageAttribute", ImageId=image, Description="ours")
    partner = tour.sdk.paper.key("partner").id
    tour.ecs("ModifyImageSharePermission", ImageId=image, AddAccount=[partner])
    assert tour.ecs("DescribeImageSharePermission", ImageId=image)["Accounts"]["Account"]
    shared = Tour(tour.sdk.of("partner")).ecs("DescribeImages", ImageOwnerAlias="others")
    assert shared["Images"]["Image"][0]["ImageId"] == image
    copy = tour.ecs("CopyImage", ImageId=image, DestinationRegionId="cn-beijing")["ImageId"]
    tour.state("images", copy, "Available")
    second = tour.ecs("CopyImage", ImageId=image, DestinationRegionId="cn-shanghai")["ImageId"]
    tour.ecs("CancelCopyImage", ImageId=second, RegionId="cn-shanghai")
    assert tour.ecs("DescribeImages")["TotalCount"] == 3
    return image


def _tags(tour: Tour, group: str, vpc: str) -> None:
    one = {"ResourceType": "securitygroup", "ResourceId": [group]}
    tour.ecs("TagResources", **one, Tag=[{"Key": "b", "Value": "2"}])
    assert tour.ecs("ListTagResources", **one)["TagResources"]["TagResource"]
    assert tour.ecs("DescribeTags")["TotalCount"] == 2
    tour.ecs("UntagResources", **one, TagKey=["b"])
    one = {"ResourceType": "VPC", "ResourceId": [vpc]}
    tour.vpc("TagResources", **one, Tag=[{"Key": "b", "Value": "2"}])
    assert tour.vpc("ListTagResources", **one)["TagResources"]["TagResource"]
    tour.vpc("UnTagResources", **one, TagKey=["b"])


def _addresses(tour: Tour, instance: str) -> None:
    key = tour.vpc("AllocateEipAddress", **TAG)["AllocationId"]
    tour.vpc("AssociateEipAddress", AllocationId=key, InstanceId=instance)
    tour.state("eips", key, "InUse")
    tour.vpc("ModifyEipAddressAttribute", AllocationId=key, Bandwidth="9")
    assert tour.vpc("DescribeEipAddresses")["TotalCount"] == 1
    assert (
        tour.ecs("DescribeInstances")["Instances"]["Instance"][0]["EipAddress"]["AllocationId"]
        == key
    )
    tour.vpc("UnassociateEipAddress", AllocationId=key, InstanceId=instance)
    tour.state("eips", key, "Available")
    tour.vpc("ReleaseEipAddress", AllocationId=key)


def _end(tour: Tour, vpc: str, vswitch: str, group: str, instance: str, image: str) -> None:
    tour.ecs("StopInstance", InstanceId=instance, StoppedMode="KeepCharging")
    tour.state("instances", instance, "Stopped")
    assert tour.ecs("ReplaceSystemDisk", InstanceId=instance, ImageId=image)["DiskId"]
    tour.ecs("StartInstance", InstanceId=instance)
    tour.state("instances", instance, "Running")
    store = tour.sdk.paper.cloud.store
    tour.ecs("DeleteInstance", InstanceId=instance, Force=True)
    until(lambda: not store.instances.all() and not store.shadows.all())
    snapshots = [s for s in store.snapshots.all() if s.region == REGION]
    tour.ecs("DeleteImage", ImageId=image)
    tour.ecs("DeleteSnapshot", SnapshotId=snapshots[0].id)
    tour.ecs("DeleteSecurityGroup", SecurityGroupId=group)
    tour.vpc("DeleteVSwitch", VSwitchId=vswitch)
    tour.vpc("DeleteVpc", VpcId=vpc)
    assert store.vpcs.all() == []
