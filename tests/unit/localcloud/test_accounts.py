# SPDX-License-Identifier: Apache-2.0
"""Several accounts and regions in one cloud; what one shares with another."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fakes.calls import Calls, Refused
from fakes.papercloud import cloud

from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.times import read_time


@pytest.fixture
def calls() -> Iterator[Calls]:
    """The main account's, in a cloud with another."""
    paper = cloud(
        accounts=[
            {"name": "main", "roles": [{"name": "Guest", "policies": ["AliyunECSReadOnlyAccess"]}]},
            {"name": "partner"},
        ]
    )
    yield Calls(paper)
    paper.close()


def _image(calls: Calls) -> tuple[str, str]:
    """An image of a running instance's system disk, and its snapshot."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    disk = calls.disks(key)[0]["DiskId"]
    snapshot = calls.ecs("CreateSnapshot", DiskId=disk)["SnapshotId"]
    calls.settle()
    image = calls.ecs("CreateImage", SnapshotId=snapshot, ImageName="ours")["ImageId"]
    calls.settle()
    return image, snapshot


def test_what_belongs_to_another_account_does_not_exist(calls: Calls) -> None:
    """Neither listed nor found nor deleted; numbers tell whose call it is."""
    vpc, vswitch, group = calls.network()
    key = calls.run(vswitch, group, ClientToken="t")
    calls.settle()
    partner = calls.of("partner")
    assert (
        partner.sts("GetCallerIdentity")["AccountId"] != calls.sts("GetCallerIdentity")["AccountId"]
    )
    for listing in ("DescribeInstances", "DescribeDisks", "DescribeSecurityGroups"):
        assert partner.ecs(listing)["TotalCount"] == 0
    assert partner.vpc("DescribeVpcs")["TotalCount"] == 0
    assert partner.refusal("StartInstance", InstanceId=key) == "InvalidInstanceId.NotFound"
    gone = partner.refused(Product.VPC, "DeleteVpc", VpcId=vpc)
    assert gone.code == "InvalidVpcId.NotFound"
    with pytest.raises(Refused, match=r"InvalidVSwitchId\.NotFound"):
        partner.run(vswitch, partner.network()[2], ClientToken="t")
    assert calls.vpc("DescribeVpcs")["Vpcs"]["Vpc"][0]["VpcId"] == vpc


def test_public_addresses_are_shared_out_among_all(calls: Calls) -> None:
    """No address twice."""
    for who in (calls, calls.of("partner")):
        _, vswitch, group = who.network()
        who.run(vswitch, group, InternetMaxBandwidthOut=1)
        who.vpc("AllocateEipAddress")
    store = calls.paper.cloud.store
    addresses = [i.public_ip for i in store.instances.all()] + [e.address for e in store.eips.all()]
    assert len(set(addresses)) == 4


def test_a_resource_is_found_in_its_own_region_only(calls: Calls) -> None:
    """Whatever names it."""
    vpc, _, group = calls.network()
    there = calls.of("main", "cn-beijing")
    assert there.vpc("DescribeVpcs")["TotalCount"] == 0
    assert there.refused(Product.VPC, "DeleteVpc", VpcId=vpc).code == "InvalidVpcId.NotFound"
    given = {"SecurityGroupId": group}
    assert there.refusal("DeleteSecurityGroup", **given) == "InvalidSecurityGroupId.NotFound"
    assert there.vpc("CreateVpc")["VpcId"]
    assert calls.vpc("DescribeVpcs")["TotalCount"] == 1


def test_a_shared_image_can_be_used_and_not_changed(calls: Calls) -> None:
    """Shown as others', without its snapshots; gone when it is no longer shared."""
    image, _ = _image(calls)
    partner = calls.of("partner")
    number = partner.sts("GetCallerIdentity")["AccountId"]
    assert partner.ecs("DescribeImages", ImageId=image)["TotalCount"] == 0
    calls.ecs("ModifyImageSharePermission", ImageId=image, **{"AddAccount.1": number})
    told = calls.ecs("DescribeImageSharePermission", ImageId=image)
    assert told["Accounts"]["Account"] == [{"AliyunId": number}]
    shown = partner.ecs("DescribeImages", ImageId=image)["Images"]["Image"][0]
    assert shown["ImageOwnerAlias"] == "others"
    assert str(shown["ImageOwnerId"]) == calls.sts("GetCallerIdentity")["AccountId"]
    assert shown["DiskDeviceMappings"]["DiskDeviceMapping"] == []
    assert partner.ecs("DescribeImages", ImageOwnerAlias="self")["TotalCount"] == 0
    _, vswitch, group = partner.network()
    key = partner.run(vswitch, group, ImageId=image)
    partner.settle()
    assert partner.instance(key)["Status"] == "Running"
    assert partner.refusal("DeleteImage", ImageId=image, Force="true") == "OperationDenied"
    calls.ecs("ModifyImageSharePermission", ImageId=image, **{"RemoveAccount.1": number})
    with pytest.raises(Refused, match=r"InvalidImageId\.NotFound"):
        partner.run(vswitch, group, ImageId=image)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "MissingParameter"),
        ({"AddAccount.1": "999"}, "InvalidAccount.NotFound"),
        ({"AddAccount.1": "1234567890123456"}, "InvalidAccount.Forbidden"),
        ({"IsPublic": "true", "AddAccount.1": "1"}, "OperationDenied"),
    ],
)
def test_sharing_refuses_what_makes_no_sense(
    calls: Calls, given: dict[str, str], code: str
) -> None:
    """One wrong thing at a time."""
    image, _ = _image(calls)
    assert calls.refusal("ModifyImageSharePermission", ImageId=image, **given) == code


def test_an_image_is_copied_to_another_region_with_its_snapshots(calls: Calls) -> None:
    """Creating, then Available, with bytes of its own: the source may go."""
    image, snapshot = _image(calls)
    copied: list[tuple[str, str]] = []
    calls.paper.compute.copy_snapshot = lambda source, new: copied.append((source, new))
    there = calls.of("main", "cn-beijing")
    given = {"ImageId": image, "DestinationRegionId": "cn-beijing", "ClientToken": "t"}
    copy = calls.ecs("CopyImage", **given, DestinationImageName="theirs")["ImageId"]
    states = [there.ecs("DescribeImages", ImageId=copy, Status="Creating")["TotalCount"]]
    there.settle()
    states.append(there.ecs("DescribeImages", ImageId=copy, Status="Creating")["TotalCount"])
    assert states == [1, 0]
    shown = there.ecs("DescribeImages", ImageId=copy)["Images"]["Image"][0]
    disks = shown["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert (shown["IsCopied"], shown["ImageName"]) == (True, "theirs")
    assert [(snapshot, d["SnapshotId"]) for d in disks] == copied
    assert calls.ecs("DescribeImages", ImageId=copy)["TotalCount"] == 0
    calls.ecs("DeleteImage", ImageId=image, Force="true")
    calls.ecs("DeleteSnapshot", SnapshotId=snapshot)
    vpc = there.vpc("CreateVpc", CidrBlock="10.0.0.0/16")["VpcId"]
    there.settle()
    zone = "cn-beijing-g"
    vswitch = there.vpc("CreateVSwitch", VpcId=vpc, ZoneId=zone, CidrBlock="10.0.1.0/24")
    there.settle()
    group = there.ecs("CreateSecurityGroup", VpcId=vpc)["SecurityGroupId"]
    key = there.run(vswitch["VSwitchId"], group, ImageId=copy)
    there.settle()
    assert there.instance(key)["Status"] == "Running"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DestinationRegionId": "cn-hangzhou"}, "InvalidRegionId.Duplicated"),
        ({"DestinationRegionId": "mars-1"}, "InvalidRegionId.NotFound"),
        ({"ImageId": "m-none"}, "InvalidImageId.NotFound"),
        ({"DestinationImageName": "1"}, "InvalidImageName.Malformed"),
        ({"Encrypted": "true"}, "InvalidParameter.EncryptedNotSupported"),
        ({"ImageId": "debian_12_0_x64_20G_alibase_20240101.vhd"}, "OperationDenied"),
        ({"DryRun": "true"}, "DryRunOperation"),
    ],
)
def test_copying_refuses_with_a_code(calls: Calls, change: dict[str, str], code: str) -> None:
    """One wrong thing at a time; nothing is made there."""
    image, _ = _image(calls)
    given = {"ImageId": image, "DestinationRegionId": "cn-beijing", **change}
    assert calls.refusal("CopyImage", **given) == code
    assert calls.of("main", "cn-beijing").ecs("DescribeSnapshots")["TotalCount"] == 0


def test_an_instance_role_gives_its_guest_keys(calls: Calls) -> None:
    """By the metadata service; renewed before they expire, and they work."""
    vpc, vswitch, group = calls.network()
    calls.run(vswitch, group, RamRoleName="Guest")
    calls.settle()
    look = calls.paper.fabric.metadata
    assert look is not None

    def keys() -> dict[str, str]:
        told = look(vpc, "10.0.1.1")
        assert told is not None
        return dict(json.loads(told.items["ram/security-credentials/Guest"]))

    first = keys()
    assert first == keys()
    lasts = read_time(first["Expiration"]) - calls.paper.cloud.clock.now()
    guest = Calls(calls.paper, temporary=first)
    assert guest.ecs("DescribeInstances")["TotalCount"] == 1
    assert guest.refusal("StopInstance", InstanceId="i-x") == "Forbidden.RAM"
    calls.paper.cloud.clock.sleep(lasts - 1799)
    assert keys()["AccessKeyId"] != first["AccessKeyId"]


def test_a_role_that_does_not_exist_is_not_passed(calls: Calls) -> None:
    """InvalidRamRole.NotFound."""
    _, vswitch, group = calls.network()
    with pytest.raises(Refused, match=r"InvalidRamRole\.NotFound"):
        calls.run(vswitch, group, RamRoleName="nobody")


def test_a_user_passes_a_role_only_with_permission() -> None:
    """ram:PassRole, with the service it is passed to."""
    own = {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "ram:PassRole",
                "Resource": "acs:ram::*:role/guest",
                "Condition": {"StringEquals": {"acs:Service": "ecs.aliyuncs.com"}},
            }
        ],
    }
    full = ["AliyunECSFullAccess", "AliyunVPCFullAccess"]
    users = [{"name": "with", "policies": [*full, own]}, {"name": "without", "policies": full}]
    roles = [{"name": "guest"}]
    paper = cloud(accounts=[{"name": "main", "users": users, "roles": roles}])
    may, may_not = Calls(paper, "main/with"), Calls(paper, "main/without")
    _, vswitch, group = may.network()
    assert may.run(vswitch, group, RamRoleName="guest")
    with pytest.raises(Refused, match=r"InvalidUser\.PassRoleForbidden"):
        may_not.run(vswitch, group, RamRoleName="guest")
    paper.close()
