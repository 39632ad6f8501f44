# SPDX-License-Identifier: Apache-2.0
"""The unmodified official SDKs against a real socket. `Sdk` sends every request through the official
request model, and fails when the official response model loses a field of the answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from alibabacloud_vpc20160428 import models as vpc
from darabonba.runtime import RuntimeOptions
from fakes.sdk import DEBIAN, ZONE, Sdk, until

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
REGION = "cn-hangzhou"


def _network(sdk: Sdk) -> tuple[str, str, str]:
    vpc = sdk.vpc("CreateVpc", RegionId=REGION, CidrBlock="10.0.0.0/16", VpcName="net")["VpcId"]
    until(lambda: _vpc(sdk, vpc)["Status"] == "Available")
    vswitch = sdk.vpc(
        "CreateVSwitch", RegionId=REGION, VpcId=vpc, ZoneId=ZONE, CidrBlock="10.0.1.0/24"
    )["VSwitchId"]
    until(lambda: sdk.vpc("DescribeVSwitchAttributes", VSwitchId=vswitch)["Status"] == "Available")
    group = sdk.ecs("CreateSecurityGroup", RegionId=REGION, VpcId=vpc)["SecurityGroupId"]
    return vpc, vswitch, group


def _vpc(sdk: Sdk, key: str) -> Any:
    return sdk.vpc("DescribeVpcs", RegionId=REGION, VpcId=key)["Vpcs"]["Vpc"][0]


def _run(sdk: Sdk, vswitch: str, group: str, **more: Any) -> str:
    done = sdk.ecs(
        "RunInstances",
        RegionId=REGION,
        ImageId=DEBIAN,
        InstanceType="ecs.t6-c1m1.large",
        VSwitchId=vswitch,
        SecurityGroupId=group,
        **more,
    )
    return str(done["InstanceIdSets"]["InstanceIdSet"][0])


def _instances(sdk: Sdk, **filters: Any) -> list[Any]:
    return list(sdk.ecs("DescribeInstances", RegionId=REGION, **filters)["Instances"]["Instance"])


def _status(sdk: Sdk, key: str, status: str) -> bool:
    return bool(_instances(sdk, InstanceIds=json.dumps([key]))[0]["Status"] == status)


def test_the_whole_life_cycle(sdk: Sdk) -> None:
    """Network, instance, disks, snapshot, image, instance from the image, and all deleted again."""
    vpc, vswitch, group = _network(sdk)
    sdk.ecs(
        "AuthorizeSecurityGroup",
        RegionId=REGION,
        SecurityGroupId=group,
        Permissions=[
            {"IpProtocol": "tcp", "PortRange": "8080/8080", "SourceCidrIp": "198.51.100.9/32"},
            {"IpProtocol": "tcp", "PortRange": "8703/8703", "SourceCidrIp": "198.51.100.9/32"},
        ],
    )
    key = _run(
        sdk,
        vswitch,
        group,
        InstanceName="INSTANCE_FOR_GO_TOALIYUN",
        SystemDisk={"Category": "cloud_essd", "Size": "40"},
        DataDisk=[{"Category": "cloud_essd", "Size": 20, "DeleteWithInstance": True}],
        InternetMaxBandwidthOut=100,
        UserData=base64.b64encode(b"#!/bin/sh\n").decode(),
        Tag=[{"Key": "hostlift", "Value": "m-1"}],
        ClientToken="run-1",
    )
    until(lambda: _status(sdk, key, "Running"))
    instance = _instances(sdk, InstanceIds=json.dumps([key]))[0]
    assert instance["PublicIpAddress"]["IpAddress"] == ["203.0.113.10"]
    disks = sdk.ecs("DescribeDisks", RegionId=REGION, InstanceId=key)["Disks"]["Disk"]
    assert [d["Type"] for d in disks] == ["system", "data"]
    console = sdk.ecs("GetInstanceConsoleOutput", RegionId=REGION, InstanceId=key)["ConsoleOutput"]
    assert base64.b64decode(console).endswith(b"login: ")
    sdk.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    until(lambda: _status(sdk, key, "Stopped"))
    snapshot = sdk.ecs("CreateSnapshot", DiskId=disks[1]["DiskId"], SnapshotName="system")
    ids = json.dumps([snapshot["SnapshotId"]])

    def accomplished() -> bool:
        found = sdk.ecs("DescribeSnapshots", RegionId=REGION, SnapshotIds=ids)
        return bool(found["Snapshots"]["Snapshot"][0]["Status"] == "accomplished")

    until(accomplished)
    image = sdk.ecs(
        "CreateImage",
        RegionId=REGION,
        ImageName="moved-1",
        Platform="Debian",
        Architecture="x86_64",
        BootMode="BIOS",
        DiskDeviceMapping=[
            {"SnapshotId": snapshot["SnapshotId"], "DiskType": "system", "Device": "/dev/xvda"}
        ],
        ClientToken="image-1",
    )["ImageId"]
    until(lambda: sdk.ecs("DescribeImages", RegionId=REGION, ImageId=image)["TotalCount"])
    sdk.ecs("DeleteInstance", InstanceId=key)
    until(lambda: not _instances(sdk))
    trial = _run(sdk, vswitch, group, InstanceName="trial")
    until(lambda: _status(sdk, trial, "Running"))
    sdk.ecs("DeleteInstance", InstanceId=trial, Force=True)
    until(lambda: not _instances(sdk))
    sdk.ecs("DeleteImage", RegionId=REGION, ImageId=image)
    sdk.ecs("DeleteSnapshot", SnapshotId=snapshot["SnapshotId"])
    sdk.ecs("DeleteSecurityGroup", RegionId=REGION, SecurityGroupId=group)
    sdk.vpc("DeleteVSwitch", VSwitchId=vswitch)
    sdk.vpc("DeleteVpc", VpcId=vpc)
    until(lambda: not sdk.paper.cloud.store.tombstones.all())
    assert sdk.paper.troubles == []


@pytest.mark.parametrize(
    ("service", "action", "fields"),
    [
        ("sts", "GetCallerIdentity", {}),
        ("ecs", "DescribeRegions", {}),
        ("ecs", "DescribeZones", {"RegionId": REGION}),
        ("ecs", "DescribeZones", {"RegionId": REGION, "Verbose": False}),
        ("ecs", "DescribeInstanceTypes", {}),
        ("ecs", "DescribeInstanceTypes", {"InstanceTypes": ["ecs.g6.large"], "MaxResults": 1}),
        ("ecs", "DescribeInstanceTypeFamilies", {"RegionId": REGION}),
        ("ecs", "DescribeAccountAttributes", {"RegionId": REGION}),
        ("ecs", "DescribeImages", {"RegionId": REGION, "ImageOwnerAlias": "system"}),
        ("vpc", "DescribeRegions", {}),
        ("vpc", "DescribeZones", {"RegionId": REGION}),
        *(
            ("ecs", "DescribeAvailableResource", {"RegionId": REGION, "DestinationResource": d, **more})
            for d, more in (
                ("Zone", {}),
                ("IoOptimized", {}),
                ("Network", {}),
                ("InstanceType", {"Cores": 2, "Memory": 8.0}),
                ("SystemDisk", {"InstanceType": "ecs.g6.large", "ZoneId": ZONE}),
                ("DataDisk", {"InstanceType": "ecs.g6.large"}),
            )
        ),
    ],
)  # fmt: skip
def test_what_the_cloud_offers_survives_the_official_models(
    sdk: Sdk, service: str, action: str, fields: dict[str, Any]
) -> None:
    """Every field of the answer is one the SDK knows."""
    assert getattr(sdk, service)(action, **fields)["RequestId"]


def test_every_describing_call_survives_the_official_models(sdk: Sdk) -> None:
    """With one of each resource, tagged."""
    vpc, vswitch, group = _network(sdk)
    key = _run(sdk, vswitch, group, Tag=[{"Key": "k", "Value": "v"}])
    until(lambda: _status(sdk, key, "Running"))
    disk = sdk.ecs("DescribeDisks", RegionId=REGION)["Disks"]["Disk"][0]
    sdk.ecs("CreateSnapshot", DiskId=disk["DiskId"], Tag=[{"Key": "k", "Value": "v"}])
    until(lambda: sdk.paper.cloud.store.snapshots.all()[0].status == "accomplished")
    snapshot = sdk.paper.cloud.store.snapshots.all()[0].id
    sdk.ecs("CreateImage", RegionId=REGION, SnapshotId=snapshot, ImageName="whole")
    sdk.ecs(
        "AuthorizeSecurityGroupEgress",
        RegionId=REGION,
        SecurityGroupId=group,
        IpProtocol="all",
        PortRange="-1/-1",
        DestCidrIp="0.0.0.0/0",
    )
    region = {"RegionId": REGION}
    for action, fields in (
        ("DescribeInstances", region),
        ("DescribeInstanceStatus", region),
        ("DescribeInstanceAttribute", {"InstanceId": key}),
        ("DescribeUserData", {**region, "InstanceId": key}),
        ("DescribeDisks", region),
        ("DescribeSnapshots", region),
        ("DescribeImages", {**region, "Status": "Creating,Available"}),
        ("DescribeSecurityGroups", region),
        ("DescribeSecurityGroupAttribute", {**region, "SecurityGroupId": group}),
        ("DescribeTags", region),
        ("ListTagResources", {**region, "ResourceType": "instance", "ResourceId": [key]}),
    ):
        assert sdk.ecs(action, **fields)["RequestId"]
    for action, fields in (
        ("DescribeVpcs", region),
        ("DescribeVpcAttribute", {**region, "VpcId": vpc}),
        ("DescribeVSwitches", region),
        ("DescribeVSwitchAttributes", {"VSwitchId": vswitch}),
        ("ListTagResources", {**region, "ResourceType": "VPC", "ResourceId": [vpc]}),
    ):
        assert sdk.vpc(action, **fields)["RequestId"]


def test_filters_narrow(sdk: Sdk) -> None:
    """Each finds the one instance, and not with another value."""
    vpc, vswitch, group = _network(sdk)
    key = _run(
        sdk,
        vswitch,
        group,
        InstanceName="alpha-1",
        InternetMaxBandwidthOut=1,
        Tag=[{"Key": "k", "Value": "v"}],
    )
    until(lambda: _status(sdk, key, "Running"))
    matching: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"InstanceIds": json.dumps([key])}, {"InstanceIds": '["i-x"]'}),
        ({"Status": "Running"}, {"Status": "Stopped"}),
        ({"InstanceName": "alpha*"}, {"InstanceName": "beta*"}),
        ({"VpcId": vpc}, {"VpcId": "vpc-x"}),
        ({"VSwitchId": vswitch}, {"VSwitchId": "vsw-x"}),
        ({"ZoneId": ZONE}, {"ZoneId": "cn-hangzhou-i"}),
        ({"SecurityGroupId": group}, {"SecurityGroupId": "sg-x"}),
        ({"ImageId": DEBIAN}, {"ImageId": "m-x"}),
        ({"PrivateIpAddresses": '["10.0.1.1"]'}, {"PrivateIpAddresses": '["10.0.1.9"]'}),
        ({"PublicIpAddresses": '["203.0.113.10"]'}, {"PublicIpAddresses": '["203.0.113.11"]'}),
        ({"InstanceTypeFamily": "ecs.t6"}, {"InstanceTypeFamily": "ecs.g6"}),
        ({"Tag": [{"Key": "k"}]}, {"Tag": [{"Key": "k", "Value": "w"}]}),
        (
            {"Filter": [{"Key": "CreationStartTime", "Value": "2020-01-01T00:00Z"}]},
            {"Filter": [{"Key": "CreationEndTime", "Value": "2020-01-01T00:00Z"}]},
        ),
    ]
    for right, wrong in matching:
        assert [i["InstanceId"] for i in _instances(sdk, **right)] == [key], right
        assert _instances(sdk, **wrong) == [], wrong


def test_pages_by_number_and_by_token_show_everything_once(sdk: Sdk) -> None:
    """Both ways the API has."""
    _, vswitch, group = _network(sdk)
    _run(sdk, vswitch, group, Amount=5)
    by_number = [
        i["InstanceId"] for n in (1, 2, 3) for i in _instances(sdk, PageNumber=n, PageSize=2)
    ]
    token, by_token = "", []
    while True:
        more = {"NextToken": token} if token else {}
        found = sdk.ecs("DescribeInstances", RegionId=REGION, MaxResults=2, **more)
        by_token += [i["InstanceId"] for i in found["Instances"]["Instance"]]
        if not (token := found["NextToken"]):
            break
    assert len(set(by_number)) == 5
    assert by_number == by_token
    assert sdk.refused(sdk.ecs, "DescribeInstances", RegionId=REGION, PageSize=101)


def test_tags_are_set_listed_and_removed(sdk: Sdk) -> None:
    """On ECS and on VPC resources."""
    vpc, _, group = _network(sdk)
    where = {"RegionId": REGION, "ResourceType": "securitygroup", "ResourceId": [group]}
    sdk.ecs("TagResources", **where, Tag=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sdk.ecs("UntagResources", **where, TagKey=["a"])
    rows = sdk.ecs("ListTagResources", **where)["TagResources"]["TagResource"]
    assert [(r["TagKey"], r["TagValue"], r["ResourceId"]) for r in rows] == [("b", "2", group)]
    sdk.ecs("UntagResources", **where, All=True)
    assert sdk.ecs("ListTagResources", **where)["TagResources"]["TagResource"] == []
    where = {"RegionId": REGION, "ResourceType": "VPC", "ResourceId": [vpc]}
    sdk.vpc("TagResources", **where, Tag=[{"Key": "a", "Value": "1"}])
    assert _vpc(sdk, vpc)["Tags"]["Tag"] == [{"Key": "a", "Value": "1"}]
    sdk.vpc("UnTagResources", **where, TagKey=["a"])
    assert _vpc(sdk, vpc)["Tags"]["Tag"] == []


def test_refusals_reach_the_sdk_with_their_codes(sdk: Sdk) -> None:
    """Code, RequestId, HostId, Message, Recommend; `refused` checks the form."""
    gone = {"RegionId": REGION, "SecurityGroupId": "sg-x"}
    assert sdk.refused(sdk.ecs, "StartInstance", InstanceId="i-x") == "InvalidInstanceId.NotFound"
    assert sdk.refused(sdk.ecs, "DeleteSecurityGroup", **gone) == "InvalidSecurityGroupId.NotFound"
    assert sdk.refused(sdk.ecs, "DescribeInstances", RegionId="x") == "InvalidRegionId.NotFound"
    assert sdk.refused(sdk.ecs, "DescribeInstances") == "MissingParameter"
    dry = {"RegionId": REGION, "DryRun": True}
    assert sdk.refused(sdk.ecs, "DescribeInstances", **dry) == "DryRunOperation"

    def raw(action: str, **query: Any) -> Any:
        return sdk.raw("2014-05-26", action, query)

    assert sdk.refused(raw, "ReplaceTheWorld") == "InvalidAction.NotFound"
    assert sdk.refused(raw, "DescribeRegions", Colour="blue") == "UnsupportedParameter"


def test_wrong_keys_are_told_apart(sdk: Sdk) -> None:
    """Unknown key, wrong secret."""
    unknown = Sdk(sdk.paper, sdk.address, access_key_id="LTAInobody")
    wrong = Sdk(sdk.paper, sdk.address, access_key_secret="wrong")
    assert unknown.refused(unknown.ecs, "DescribeRegions") == "InvalidAccessKeyId.NotFound"
    assert wrong.refused(wrong.ecs, "DescribeRegions") == "SignatureDoesNotMatch"


def test_the_v2_core_signs_the_older_way_too(sdk: Sdk) -> None:
    """signature_algorithm='v2' sends a V1-style query."""
    older = Sdk(sdk.paper, sdk.address, signature_algorithm="v2")
    assert older.ecs("DescribeRegions")["RequestId"]


def test_temporary_keys_of_an_assumed_role_work(sdk: Sdk) -> None:
    """AssumeRole, then a call with its token; without the token it is refused."""
    arn = "acs:ram::1234567890123456:role/mover"
    assumed = sdk.of("main/mover").sts("AssumeRole", RoleArn=arn, RoleSessionName="s1")
    keys = assumed["Credentials"]
    given = {"access_key_id": keys["AccessKeyId"], "access_key_secret": keys["AccessKeySecret"]}
    role = Sdk(sdk.paper, sdk.address, security_token=keys["SecurityToken"], type="sts", **given)
    assert role.sts("GetCallerIdentity")["Arn"].endswith(":assumed-role/mover/s1")
    bare = Sdk(sdk.paper, sdk.address, **given)
    assert bare.refused(bare.sts, "GetCallerIdentity").startswith("InvalidSecurityToken")


def test_a_form_body_counts_like_a_query(sdk: Sdk) -> None:
    """OpenApiRequest(body=…) is sent as a signed form."""
    params = Params(
        action="DescribeZones",
        version="2014-05-26",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = OpenApiRequest(body={"RegionId": REGION, "Verbose": False})
    done = Client(sdk._settings()).call_api(params, request, RuntimeOptions())
    assert len(done["body"]["Zones"]["Zone"]) == 4


def test_the_generated_clients_work_unchanged(sdk: Sdk) -> None:
    """One call with each, as a user writes it."""
    regions = sdk.client("alibabacloud_ecs20140526").describe_regions(ecs.DescribeRegionsRequest())
    assert regions.body.regions.region[0].region_id == REGION
    made = sdk.client("alibabacloud_vpc20160428").create_vpc(vpc.CreateVpcRequest(region_id=REGION))
    assert made.body.vpc_id.startswith("vpc-")
    who = sdk.client("alibabacloud_sts20150401").get_caller_identity()
    assert who.body.account_id == "1234567890123456"
