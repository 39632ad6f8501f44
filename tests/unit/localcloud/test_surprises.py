# SPDX-License-Identifier: Apache-2.0
"""What the API reference documents and nobody expects: each surprise of it, in its order.

Those about disks, snapshots and images that other tests show are not repeated (`test_storage`,
`test_instances`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.calls import SMALL, ZONE, Calls, Refused
from fakes.papercloud import PaperCloud, cloud

from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.times import to_second


@pytest.fixture
def paper() -> Iterator[PaperCloud]:
    """In memory."""
    found = cloud(accounts=[{"name": "main", "stop_charging": True}])
    yield found
    found.close()


@pytest.fixture
def calls(paper: PaperCloud) -> Calls:
    """Of an account whose instances stop without being charged."""
    return Calls(paper)


def _running(calls: Calls, **more: Any) -> str:
    if not calls.paper.cloud.store.vswitches.all():
        calls.network()
    store = calls.paper.cloud.store
    key = calls.run(store.vswitches.all()[0].id, store.groups.all()[0].id, **more)
    calls.settle()
    return key


def _image(calls: Calls) -> str:
    key = _running(calls)
    disk = calls.disks(key)[0]["DiskId"]
    snapshot = calls.ecs("CreateSnapshot", DiskId=disk)["SnapshotId"]
    calls.settle()
    return str(calls.ecs("CreateImage", SnapshotId=snapshot, ClientToken="i")["ImageId"])


# RunInstances


def test_a_public_address_comes_with_outbound_bandwidth_only(calls: Calls) -> None:
    """None by default; inbound is ten unless outbound is more."""
    none = calls.instance(_running(calls))
    some = calls.instance(_running(calls, InternetMaxBandwidthOut=5))
    much = calls.instance(_running(calls, InternetMaxBandwidthOut=80))
    shown = [
        (
            len(i["PublicIpAddress"]["IpAddress"]),
            i["InternetMaxBandwidthIn"],
            i["InternetChargeType"],
        )
        for i in (none, some, much)
    ]
    assert shown == [(0, 10, "PayByTraffic"), (1, 10, "PayByTraffic"), (1, 80, "PayByTraffic")]


def test_the_system_disk_is_forty_gib_unless_the_image_is_larger(calls: Calls) -> None:
    """And cloud_efficiency."""
    disk = calls.disks(_running(calls))[0]
    assert (disk["Size"], disk["Category"], disk["DeleteWithInstance"]) == (
        40,
        "cloud_efficiency",
        True,
    )


def test_a_data_disk_goes_with_its_instance_and_device_names_are_ignored(calls: Calls) -> None:
    """DeleteWithInstance defaults to true here, and to false at AttachDisk."""
    key = _running(calls, **{"DataDisk.1.Size": 20, "DataDisk.1.Device": "/dev/xvdz"})
    data = calls.disks(key)[1]
    assert (data["Device"], data["DeleteWithInstance"]) == ("/dev/xvdb", True)
    loose = calls.ecs("CreateDisk", ZoneId=ZONE, DiskCategory="cloud_essd", Size=20)["DiskId"]
    calls.settle()
    calls.ecs("AttachDisk", InstanceId=key, DiskId=loose)
    calls.settle()
    assert calls.disks(key)[2]["DeleteWithInstance"] is False


@pytest.mark.parametrize(("size", "passes"), [(16 * 1024, True), (16 * 1024 + 1, False)])
def test_user_data_is_sixteen_kib_before_base64(calls: Calls, size: int, passes: bool) -> None:
    """The limit counts raw bytes."""
    data = base64.b64encode(b"x" * size).decode()
    if passes:
        assert _running(calls, UserData=data)
        return
    with pytest.raises(Refused, match=r"InvalidUserData\.SizeExceeded"):
        _running(calls, UserData=data)


@pytest.mark.parametrize(
    ("ahead", "passes"), [(1790, False), (1800, True), (3 * 366 * 86400 + 60, False)]
)
def test_an_automatic_release_is_half_an_hour_to_three_years_ahead(
    calls: Calls, ahead: int, passes: bool
) -> None:
    """Seconds are rounded down."""
    calls.network()
    at = calls.paper.cloud.clock.now() + ahead
    if passes:
        shown = calls.instance(_running(calls, AutoReleaseTime=to_second(at)))
        assert shown["AutoReleaseTime"] == to_second(at)[:-4] + "Z"
        return
    with pytest.raises(Refused, match=r"InvalidAutoReleaseTime\.Malformed"):
        _running(calls, AutoReleaseTime=to_second(at))


def test_tags_cover_the_disks_too(calls: Calls) -> None:
    """And the interface; at most twenty, no reserved words."""
    key = _running(calls, **{"Tag.1.Key": "hostlift", "Tag.1.Value": "m-1"})
    tagged = {"Tag.1.Key": "hostlift", "Tag.1.Value": "m-1"}
    assert calls.ecs("DescribeDisks", **tagged)["TotalCount"] == 1
    assert calls.ecs("DescribeNetworkInterfaces", **tagged)["TotalCount"] == 1
    assert calls.instance(key)["Tags"]["Tag"] == [{"TagKey": "hostlift", "TagValue": "m-1"}]
    many = {f"Tag.{n}.Key": f"k{n}" for n in range(1, 22)}
    with pytest.raises(Refused, match="InvalidTagCount"):
        _running(calls, **many)


# Stop, start, delete


def test_an_account_may_stop_its_instances_without_being_charged_by_default(calls: Calls) -> None:
    """The public address is lost; the next start has another, if the type is in stock."""
    key = _running(calls, InternetMaxBandwidthOut=1)
    first = calls.instance(key)["PublicIpAddress"]["IpAddress"]
    calls.ecs("StopInstance", InstanceId=key)
    calls.settle()
    stopped = calls.instance(key)
    assert (stopped["StoppedMode"], stopped["PublicIpAddress"]["IpAddress"]) == ("StopCharging", [])
    _running(calls, InternetMaxBandwidthOut=1)  # takes the address that was given up
    calls.ecs("StartInstance", InstanceId=key)
    calls.settle()
    now = calls.instance(key)
    assert (now["Status"], now["StoppedMode"]) == ("Running", "Not-applicable")
    assert now["PublicIpAddress"]["IpAddress"] not in ([], first)
    assert calls.paper.fabric.plugged[key].public_ip == now["PublicIpAddress"]["IpAddress"][0]


def test_keep_charging_keeps_the_address(calls: Calls) -> None:
    """When it is said."""
    key = _running(calls, InternetMaxBandwidthOut=1)
    first = calls.instance(key)["PublicIpAddress"]
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    calls.settle()
    shown = calls.instance(key)
    assert (shown["StoppedMode"], shown["PublicIpAddress"]) == ("KeepCharging", first)


def test_an_instance_that_was_not_charged_may_find_its_type_sold_out() -> None:
    """At StartInstance."""
    paper = cloud()
    calls = Calls(paper)
    key = _running(calls)
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="StopCharging")
    calls.settle()
    short = cloud(stock=[{"instance_type": SMALL}]).cloud.settings
    paper.cloud.change_settings(short, paper.keyring)
    assert calls.refusal("StartInstance", InstanceId=key) == "OperationDenied.NoStock"
    paper.close()


def test_what_an_instance_used_is_free_only_a_while_after_it(calls: Calls) -> None:
    """DependencyViolation, although the instance is not shown any more."""
    vpc, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    calls.ecs("DeleteInstance", InstanceId=key, Force="true")
    clock, jobs = calls.paper.clock, calls.paper.cloud.jobs
    for _ in range(40):
        clock.sleep(0.05)
        if not calls.ecs("DescribeInstances")["TotalCount"]:
            break
    jobs.run_due()
    assert calls.refusal("DeleteSecurityGroup", SecurityGroupId=group) == "DependencyViolation"
    refused = calls.refused(Product.VPC, "DeleteVSwitch", VSwitchId=vswitch)
    assert refused.code == "DependencyViolation"
    calls.settle(1)
    calls.ecs("DeleteSecurityGroup", SecurityGroupId=group)
    calls.vpc("DeleteVSwitch", VSwitchId=vswitch)
    calls.vpc("DeleteVpc", VpcId=vpc)


# Disks


def test_another_system_disk_has_another_id_and_the_same_category(calls: Calls) -> None:
    """Stopped and charged; the old one goes, the image of the instance changes."""
    image = _image(calls)
    calls.settle()
    key = _running(calls, **{"SystemDisk.Category": "cloud_essd"})
    old = calls.disks(key)[0]
    given = {"InstanceId": key, "ImageId": image, "ClientToken": "t"}
    assert calls.refusal("ReplaceSystemDisk", **given) == "IncorrectInstanceStatus"
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="StopCharging")
    calls.settle()
    assert calls.refusal("ReplaceSystemDisk", **given) == "OperationDenied"
    calls.ecs("StartInstance", InstanceId=key)
    calls.settle()
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    calls.settle()
    small = {**given, "ClientToken": "u", "SystemDisk.Size": 39}
    assert calls.refusal("ReplaceSystemDisk", **small) == "InvalidSystemDiskSize.LessThanImageSize"
    new = calls.ecs("ReplaceSystemDisk", **given, **{"SystemDisk.Size": 60})["DiskId"]
    calls.settle()
    disk = calls.disks(key)[0]
    assert (disk["DiskId"], disk["Size"], disk["Category"]) == (new, 60, "cloud_essd")
    assert new != old["DiskId"]
    assert calls.instance(key)["ImageId"] == image
    assert calls.ecs("DescribeDisks", DiskIds=json.dumps([old["DiskId"]]))["TotalCount"] == 0
    calls.ecs("StartInstance", InstanceId=key)
    calls.settle()
    machine = calls.paper.compute._machines[key]
    assert (machine.disks[0].id, machine.disks[0].size_gib) == (new, 60)


def test_a_disk_grows_and_never_shrinks(calls: Calls) -> None:
    """Nor beyond its category, nor while a snapshot is made of it."""
    key = _running(calls, **{"DataDisk.1.Size": 20})
    system, data = (d["DiskId"] for d in calls.disks(key))
    calls.ecs("ResizeDisk", DiskId=data, NewSize=50, Type="online")
    assert calls.disks(key)[1]["Size"] == 50
    for disk, size, code in (
        (data, 49, "InvalidDiskSize.TooSmall"),
        (data, 32769, "InvalidDiskSize.TooLarge"),
        (system, 2049, "InvalidDiskSize.TooLarge"),
        ("d-none", 50, "InvalidDiskId.NotFound"),
    ):
        assert calls.refusal("ResizeDisk", DiskId=disk, NewSize=size) == code
    calls.ecs("CreateSnapshot", DiskId=data)
    code = calls.refusal("ResizeDisk", DiskId=data, NewSize=60)
    assert code == "IncorrectDiskStatus.CreatingSnapshot"


def test_a_snapshot_must_not_be_named_auto(calls: Calls) -> None:
    """The word is the service's own."""
    disk = calls.disks(_running(calls))[0]["DiskId"]
    code = calls.refusal("CreateSnapshot", DiskId=disk, SnapshotName="automatic")
    assert code == "InvalidSnapshotName.Malformed"


# Images and stock


def test_an_image_being_made_is_not_shown_unless_asked_for(calls: Calls) -> None:
    """Status defaults to Available; its progress is a text."""
    image = _image(calls)
    assert calls.ecs("DescribeImages", ImageId=image)["TotalCount"] == 0
    asked = calls.ecs(
        "DescribeImages",
        ImageId=image,
        Status="Creating,Waiting,Available,UnAvailable,CreateFailed",
    )
    assert [(i["Status"], i["Progress"]) for i in asked["Images"]["Image"]] == [("Creating", "0%")]


def test_stock_of_disks_needs_a_type_and_a_type_excludes_cores(calls: Calls) -> None:
    """The two rules of DescribeAvailableResource."""
    disks = {"DestinationResource": "SystemDisk"}
    assert calls.refusal("DescribeAvailableResource", **disks) == "MissingParameter"
    both = {"DestinationResource": "InstanceType", "InstanceType": SMALL, "Cores": 2}
    code = calls.refusal("DescribeAvailableResource", **both)
    assert code == "InvalidParam.TypeAndCpuMem.Conflict"


# Networks


def test_a_vpc_works_on_one_vswitch_at_a_time(calls: Calls) -> None:
    """Pending first; meanwhile another is neither made nor deleted, and nothing runs in it."""
    vpc = calls.vpc("CreateVpc", CidrBlock="10.0.0.0/16")["VpcId"]
    early = calls.refused(Product.VPC, "CreateVSwitch", VpcId=vpc, ZoneId=ZONE, CidrMask=24)
    assert early.code == "IncorrectVpcStatus"
    calls.settle()
    given = {"VpcId": vpc, "ZoneId": ZONE, "CidrMask": 24}
    first = calls.vpc("CreateVSwitch", **given)["VSwitchId"]
    calls.settle()
    second = calls.vpc("CreateVSwitch", **given)["VSwitchId"]
    assert calls.vpc("DescribeVSwitchAttributes", VSwitchId=second)["Status"] == "Pending"
    assert calls.refused(Product.VPC, "CreateVSwitch", **given).code == "TaskConflict"
    assert calls.refused(Product.VPC, "DeleteVSwitch", VSwitchId=first).code == "TaskConflict"
    group = calls.ecs("CreateSecurityGroup", VpcId=vpc)["SecurityGroupId"]
    with pytest.raises(Refused, match="IncorrectVSwitchStatus"):
        calls.run(second, group)
    calls.settle()
    assert calls.vpc("DescribeVSwitchAttributes", VSwitchId=second)["Status"] == "Available"


def test_the_first_and_the_last_three_addresses_are_reserved(calls: Calls) -> None:
    """And every instance has one of the others."""
    _, vswitch, group = calls.network()
    attributes = calls.vpc("DescribeVSwitchAttributes", VSwitchId=vswitch)
    assert attributes["AvailableIpAddressCount"] == 252
    for address in ("10.0.1.0", "10.0.1.253", "10.0.1.254", "10.0.1.255"):
        with pytest.raises(Refused, match="InvalidPrivateIpAddress"):
            calls.run(vswitch, group, PrivateIpAddress=address)
    assert calls.run(vswitch, group, PrivateIpAddress="10.0.1.252")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"NicType": "internet"}, "InvalidParameter"),
        ({"PortRange": "8080"}, "InvalidPortRange.Malformed"),
        ({"Priority": 101}, "InvalidPriority.ValueNotSupported"),
        ({"SourceCidrIp": "10.0.0.300"}, "InvalidSourceCidrIp.Malformed"),
        ({}, ""),
    ],
)
def test_rules_of_a_group_have_their_form_and_twice_is_once(
    calls: Calls, change: dict[str, Any], code: str
) -> None:
    """Intranet, from/to ports, priority to 100; a duplicate succeeds and adds nothing."""
    _, _, group = calls.network()
    rule = {"SecurityGroupId": group, "IpProtocol": "tcp", "PortRange": "8080/8080", "SourceCidrIp": "198.51.100.9/32", **change}  # fmt: skip
    if code:
        assert calls.refusal("AuthorizeSecurityGroup", **rule) == code
        return
    for _ in range(2):
        calls.ecs("AuthorizeSecurityGroup", **rule)
    shown = calls.ecs("DescribeSecurityGroupAttribute", SecurityGroupId=group)
    assert len(shown["Permissions"]["Permission"]) == 1


def test_a_group_without_a_vpc_is_refused(calls: Calls) -> None:
    """There is no classic network any more."""
    assert calls.refusal("CreateSecurityGroup") == "MissingParameter"


# Addresses


def test_an_elastic_address_passes_through_its_states(calls: Calls) -> None:
    """To an instance without one, and back; it outlives the instance."""
    key = _running(calls)
    eip = calls.vpc("AllocateEipAddress", Bandwidth=7)
    given = {"AllocationId": eip["AllocationId"], "InstanceId": key}

    def look() -> tuple[str, str]:
        found = calls.vpc("DescribeEipAddresses", AllocationId=eip["AllocationId"])
        one = found["EipAddresses"]["EipAddress"][0]
        return one["Status"], one["InstanceId"]

    assert look() == ("Available", "")
    calls.vpc("AssociateEipAddress", **given)
    assert look() == ("Associating", key)
    calls.settle()
    assert look() == ("InUse", key)
    shown = calls.instance(key)
    assert shown["EipAddress"]["IpAddress"] == eip["EipAddress"]
    assert shown["PublicIpAddress"]["IpAddress"] == []
    assert calls.paper.fabric.plugged[key].public_ip == eip["EipAddress"]
    found = calls.ecs("DescribeInstances", EipAddresses=json.dumps([eip["EipAddress"]]))
    assert found["TotalCount"] == 1
    released = {"AllocationId": eip["AllocationId"]}
    assert calls.refused(Product.VPC, "ReleaseEipAddress", **released).code == "IncorrectEipStatus"
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="StopCharging")
    calls.settle()
    assert look() == ("InUse", key)
    calls.vpc("UnassociateEipAddress", **given)
    assert look()[0] == "Unassociating"
    calls.settle()
    assert (look(), calls.paper.fabric.plugged[key].public_ip) == (("Available", ""), "")
    calls.vpc("AssociateEipAddress", **given)
    calls.settle()
    calls.ecs("DeleteInstance", InstanceId=key)
    calls.settle()
    assert look() == ("Available", "")
    calls.vpc("ReleaseEipAddress", **released)
    gone = calls.refused(Product.VPC, "ReleaseEipAddress", **released)
    assert gone.code == "InvalidAllocationId.NotFound"


def test_an_instance_has_one_public_address(calls: Calls) -> None:
    """Its own or an elastic one."""
    key = _running(calls, InternetMaxBandwidthOut=1)
    eip = calls.vpc("AllocateEipAddress")["AllocationId"]
    refused = calls.refused(Product.VPC, "AssociateEipAddress", AllocationId=eip, InstanceId=key)
    assert refused.code == "InvalidInstance.AlreadyHasIp"


# Idempotency and pages


def test_a_token_with_other_parameters_is_refused_in_the_actions_own_words(calls: Calls) -> None:
    """CreateImage has an older word for it than the others; a retry differs in nothing but nonces."""
    _image(calls)
    calls.settle()
    snapshot = calls.paper.cloud.store.snapshots.all()[0].id
    image = {"SnapshotId": snapshot, "ImageName": "other", "ClientToken": "i"}
    assert calls.refusal("CreateImage", **image) == "IdempotenceParamNotMatch"
    calls.vpc("CreateVpc", ClientToken="v")
    refused = calls.refused(Product.VPC, "CreateVpc", ClientToken="v", VpcName="other")
    assert refused.code == "IdempotentParameterMismatch"
    assert calls.refusal("CreateImage", **{**image, "ClientToken": "x" * 65}).startswith(
        "InvalidClientToken"
    )


@pytest.mark.parametrize("action", ["StopInstance", "DeleteInstance", "AttachDisk"])
def test_calls_without_tokens_are_not_idempotent(calls: Calls, action: str) -> None:
    """A token given to them is refused, rather than ignored in silence."""
    given = {
        "InstanceId": "i-x",
        "ClientToken": "t",
        **({"DiskId": "d"} if action == "AttachDisk" else {}),
    }
    assert calls.refusal(action, **given) == "UnsupportedParameter"


@pytest.mark.parametrize(
    ("product", "action", "most"),
    [
        (Product.ECS, "DescribeInstances", 100),
        (Product.ECS, "DescribeInstanceStatus", 50),
        (Product.ECS, "DescribeDisks", 100),
        (Product.ECS, "DescribeSnapshots", 100),
        (Product.ECS, "DescribeImages", 100),
        (Product.VPC, "DescribeVpcs", 50),
        (Product.VPC, "DescribeVSwitches", 50),
        (Product.VPC, "DescribeEipAddresses", 100),
    ],
)
def test_a_page_has_its_limit_and_ten_items_unless_asked(
    calls: Calls, product: Product, action: str, most: int
) -> None:
    """One more is refused, none is refused, pages beyond the end are empty."""
    call = calls.ecs if product is Product.ECS else calls.vpc
    assert call(action)["PageSize"] == 10
    assert call(action, PageSize=most)["PageSize"] == most
    assert calls.refused(product, action, PageSize=most + 1).code == "InvalidParameter"
    assert calls.refused(product, action, PageSize=0).code == "InvalidParameter"
    assert call(action, PageNumber=9)["PageNumber"] == 9


def test_ids_come_as_a_json_list_of_at_most_a_hundred(calls: Calls) -> None:
    """In a string."""
    assert calls.ecs("DescribeInstances", InstanceIds="[]")["TotalCount"] == 0
    assert calls.refusal("DescribeInstances", InstanceIds="i-1") == "InvalidParameter"
    many = json.dumps([f"i-{n}" for n in range(101)])
    for action in ("DescribeInstances", "DescribeDisks", "DescribeSnapshots"):
        name = {"DescribeInstances": "InstanceIds", "DescribeDisks": "DiskIds"}.get(
            action, "SnapshotIds"
        )
        assert calls.refusal(action, **{name: many}) == "InvalidParameter"
