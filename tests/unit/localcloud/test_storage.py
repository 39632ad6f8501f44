# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from fakes.calls import DEBIAN, ZONE, Calls, Refused
from fakes.papercloud import PaperCloud


def _instance(calls: Calls) -> tuple[str, str, str]:
    """A running instance, its system disk and its data disk."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group, **{"DataDisk.1.Size": 20})
    calls.settle()
    disks = calls.disks(key)
    return key, disks[0]["DiskId"], disks[1]["DiskId"]


def _snapshot(calls: Calls, disk: str, **more: str) -> str:
    key = str(calls.ecs("CreateSnapshot", DiskId=disk, **more)["SnapshotId"])
    calls.settle()
    return key


def test_a_snapshot_is_progressing_before_it_is_accomplished(calls: Calls) -> None:
    """Progress is a percentage in a string; one at a time per disk."""
    _, _, data = _instance(calls)
    key = calls.ecs("CreateSnapshot", DiskId=data)["SnapshotId"]
    assert calls.refusal("CreateSnapshot", DiskId=data) == "IncorrectDiskStatus.CreatingSnapshot"
    seen = [calls.ecs("DescribeSnapshots")["Snapshots"]["Snapshot"][0]]
    calls.settle()
    seen += calls.ecs("DescribeSnapshots", SnapshotIds=json.dumps([key]))["Snapshots"]["Snapshot"]
    assert [(s["Status"], s["Progress"]) for s in seen] == [
        ("progressing", "0%"),
        ("accomplished", "100%"),
    ]


def test_a_disk_nobody_used_has_no_snapshot(calls: Calls) -> None:
    """Never attached; attached, but never started with it."""
    disk = calls.ecs("CreateDisk", ZoneId=ZONE, DiskCategory="cloud_essd", Size=20)["DiskId"]
    calls.settle()
    assert calls.refusal("CreateSnapshot", DiskId=disk) == "IncorrectDiskStatus.NeverAttached"
    key, _, _ = _instance(calls)
    calls.ecs("StopInstance", InstanceId=key)
    calls.settle()
    calls.ecs("AttachDisk", InstanceId=key, DiskId=disk)
    calls.settle()
    assert calls.refusal("CreateSnapshot", DiskId=disk) == "IncorrectDiskStatus.NeverUsed"
    calls.ecs("StartInstance", InstanceId=key)
    calls.settle()
    assert _snapshot(calls, disk)


def test_attach_and_detach_pass_through_their_states(calls: Calls) -> None:
    """AttachDisk's DeleteWithInstance defaults to false, and detaching resets it."""
    key, _, _ = _instance(calls)
    disk = calls.ecs("CreateDisk", ZoneId=ZONE, DiskCategory="cloud_essd", Size=20)["DiskId"]

    def look() -> tuple[str, str, bool]:
        found = calls.ecs("DescribeDisks", DiskIds=json.dumps([disk]))["Disks"]["Disk"][0]
        return found["Status"], found["InstanceId"], found["DeleteWithInstance"]

    assert look()[0] == "Creating"
    calls.settle()
    assert look() == ("Available", "", False)
    calls.ecs("AttachDisk", InstanceId=key, DiskId=disk, DeleteWithInstance="true")
    assert look() == ("Attaching", key, True)
    calls.settle()
    assert look() == ("In_use", key, True)
    assert calls.refusal("DeleteDisk", DiskId=disk) == "IncorrectDiskStatus"
    calls.ecs("DetachDisk", InstanceId=key, DiskId=disk)
    assert look()[0] == "Detaching"
    calls.settle()
    assert look() == ("Available", "", False)
    calls.ecs("DeleteDisk", DiskId=disk)
    calls.ecs("DeleteDisk", DiskId=disk)


def test_a_system_disk_comes_off_a_stopped_instance_and_goes_back_to_no_other(calls: Calls) -> None:
    """Elsewhere it is a data disk; its instance does not start without it."""
    key, system, data = _instance(calls)
    other, _, _ = _instance(calls)
    hang = {"InstanceId": key, "DiskId": system}
    assert calls.refusal("DetachDisk", **hang) == "IncorrectInstanceStatus"
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    calls.settle()
    calls.ecs("DetachDisk", **hang)
    calls.settle()
    assert calls.refusal("StartInstance", InstanceId=key) == "IncorrectInstanceStatus"
    calls.ecs("AttachDisk", InstanceId=other, DiskId=system)
    calls.settle()
    there = calls.ecs("DescribeDisks", DiskIds=json.dumps([system]))["Disks"]["Disk"][0]
    assert (there["InstanceId"], there["Type"]) == (other, "data")
    calls.ecs("DetachDisk", InstanceId=other, DiskId=system)
    calls.ecs("DetachDisk", InstanceId=key, DiskId=data)
    calls.settle()
    odd = {"InstanceId": key, "DiskId": data, "Bootable": "true"}
    assert calls.refusal("AttachDisk", **odd) == "DiskId.ValueNotSupported"
    calls.ecs("AttachDisk", **hang, Bootable="true")
    calls.settle()
    back = calls.ecs("DescribeDisks", DiskIds=json.dumps([system]))["Disks"]["Disk"][0]
    assert (back["Type"], back["Device"]) == ("system", "/dev/xvda")
    calls.ecs("StartInstance", InstanceId=key)
    calls.settle()
    assert calls.instance(key)["Status"] == "Running"


def test_a_data_disk_snapshot_becomes_a_system_disk(calls: Calls) -> None:
    """DiskType=system with Platform and Architecture; the image boots from it."""
    _, _, data = _instance(calls)
    snapshot = _snapshot(calls, data)
    given = {
        "ImageName": "moved",
        "DiskDeviceMapping.1.SnapshotId": snapshot,
        "DiskDeviceMapping.1.DiskType": "system",
    }
    assert calls.refusal("CreateImage", **given) == "MissingParameter"
    given |= {"Platform": "Debian", "Architecture": "x86_64", "BootMode": "UEFI"}
    image = calls.ecs("CreateImage", **given)["ImageId"]
    hidden = calls.ecs("DescribeImages", ImageId=image)
    shown = calls.ecs("DescribeImages", ImageId=image, Status="Creating,Available")
    assert (hidden["TotalCount"], shown["Images"]["Image"][0]["Status"]) == (0, "Creating")
    calls.settle()
    found = calls.ecs("DescribeImages", ImageId=image)["Images"]["Image"][0]
    assert (found["Platform"], found["BootMode"], found["Size"]) == ("Debian", "UEFI", 20)
    assert found["ImageOwnerAlias"] == "self"
    vswitch = calls.vpc("DescribeVSwitches")["VSwitches"]["VSwitch"][0]["VSwitchId"]
    group = calls.ecs("DescribeSecurityGroups")["SecurityGroups"]["SecurityGroup"][0]
    new = calls.run(vswitch, group["SecurityGroupId"], ImageId=image)
    calls.settle()
    assert calls.instance(new)["Status"] == "Running"
    assert calls.paper.compute._machines[new].firmware == "uefi"
    assert calls.paper.cloud.store.disks.get(calls.disks(new)[0]["DiskId"]).source == snapshot


def test_the_instance_goes_before_the_mapping_and_the_mapping_before_the_snapshot(
    calls: Calls,
) -> None:
    """The documented precedence; with InstanceId new snapshots of all disks are made."""
    key, system, data = _instance(calls)
    snapshot = _snapshot(calls, system)
    mapping = {"DiskDeviceMapping.1.SnapshotId": snapshot, "SnapshotId": "s-none"}
    whole = calls.ecs("CreateImage", InstanceId=key, **mapping)["ImageId"]
    one = calls.ecs("CreateImage", **mapping)["ImageId"]
    calls.settle()
    disks = {
        i["ImageId"]: i["DiskDeviceMappings"]["DiskDeviceMapping"]
        for i in calls.ecs("DescribeImages", ImageOwnerAlias="self")["Images"]["Image"]
    }
    assert [d["SnapshotId"] for d in disks[one]] == [snapshot]
    assert [d["Type"] for d in disks[whole]] == ["system", "data"]
    assert snapshot not in {d["SnapshotId"] for d in disks[whole]}
    sources = {s.id: s.disk for s in calls.paper.cloud.store.snapshots.all()}
    assert [sources[d["SnapshotId"]] for d in disks[whole]] == [system, data]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "MissingParameter"),
        ({"SnapshotId": "s-none"}, "InvalidSnapshotId.NotFound"),
        ({"SnapshotId": "DATA"}, "OperationDenied"),
        ({"DiskDeviceMapping.1.SnapshotId": "DATA"}, "OperationDenied"),
        ({"DiskDeviceMapping.1.SnapshotId": "SYSTEM", "DiskDeviceMapping.1.Size": "39"}, "InvalidSize.ValueNotSupported"),
        ({"SnapshotId": "SYSTEM", "ImageName": "1x"}, "InvalidImageName.Malformed"),
        ({"SnapshotId": "SYSTEM", "ImageName": "taken"}, "InvalidImageName.Duplicated"),
        ({"SnapshotId": "SYSTEM", "Platform": "Plan 9"}, "InvalidPlatform.ValueNotSupported"),
        ({"SnapshotId": "SYSTEM", "DryRun": "true"}, "DryRunOperation"),
        ({"InstanceId": "i-none"}, "InvalidInstanceId.NotFound"),
        (
            {"DiskDeviceMapping.1.SnapshotId": "SYSTEM", "DiskDeviceMapping.2.SnapshotId": "SYSTEM"},
            "OperationDenied",
        ),
        (
            {
                "DiskDeviceMapping.1.SnapshotId": "SYSTEM",
                "DiskDeviceMapping.2.Size": "20",
                "DiskDeviceMapping.2.Device": "/dev/xvda",
            },
            "InvalidDevice.Malformed",
        ),
    ],
)  # fmt: skip
def test_create_image_refuses_with_the_documented_code(
    calls: Calls, given: dict[str, str], code: str
) -> None:
    """One wrong thing at a time."""
    _, system, data = _instance(calls)
    names = {"SYSTEM": _snapshot(calls, system), "DATA": _snapshot(calls, data)}
    calls.ecs("CreateImage", SnapshotId=names["SYSTEM"], ImageName="taken")
    count = len(calls.paper.cloud.store.images.all())
    assert calls.refusal("CreateImage", **{k: names.get(v, v) for k, v in given.items()}) == code
    assert len(calls.paper.cloud.store.images.all()) == count


def test_a_snapshot_used_by_an_image_goes_after_the_image(calls: Calls) -> None:
    """And one that is not there is not found."""
    _, system, _ = _instance(calls)
    snapshot = _snapshot(calls, system)
    image = calls.ecs("CreateImage", SnapshotId=snapshot)["ImageId"]
    calls.settle()
    code = calls.refusal("DeleteSnapshot", SnapshotId=snapshot, Force="true")
    assert code == "SnapshotCreatedImage"
    calls.ecs("DeleteImage", ImageId=image)
    calls.ecs("DeleteSnapshot", SnapshotId=snapshot)
    assert calls.refusal("DeleteSnapshot", SnapshotId=snapshot) == "InvalidSnapshotId.NotFound"
    assert calls.refusal("DeleteImage", ImageId=image) == "InvalidImageId.NotFound"


def test_an_image_instances_came_from_is_deleted_by_force_only(calls: Calls) -> None:
    """The public ones never."""
    _, system, _ = _instance(calls)
    image = calls.ecs("CreateImage", SnapshotId=_snapshot(calls, system))["ImageId"]
    calls.settle()
    vswitch = calls.vpc("DescribeVSwitches")["VSwitches"]["VSwitch"][0]["VSwitchId"]
    group = calls.ecs("DescribeSecurityGroups")["SecurityGroups"]["SecurityGroup"][0]
    calls.run(vswitch, group["SecurityGroupId"], ImageId=image)
    assert calls.refusal("DeleteImage", ImageId=image) == "ImageUsingByInstance"
    calls.ecs("DeleteImage", ImageId=image, Force="true")
    assert calls.refusal("DeleteImage", ImageId=DEBIAN, Force="true") == "OperationDenied"


def test_a_disk_from_a_snapshot_is_at_least_as_large(calls: Calls) -> None:
    """Of a data disk only."""
    _, system, data = _instance(calls)
    copied = _snapshot(calls, data)
    small = calls.ecs("CreateDisk", ZoneId=ZONE, SnapshotId=copied, DiskCategory="cloud_essd")
    large = calls.ecs("CreateDisk", ZoneId=ZONE, SnapshotId=copied, Size=50)
    found = {d["DiskId"]: d for d in calls.ecs("DescribeDisks")["Disks"]["Disk"]}
    assert [found[d["DiskId"]]["Size"] for d in (small, large)] == [20, 50]
    assert found[large["DiskId"]]["Category"] == "cloud"
    code = calls.refusal("CreateDisk", ZoneId=ZONE, SnapshotId=_snapshot(calls, system))
    assert code == "InvalidSnapshotId.NotDataDiskSnapshot"


def test_networks_are_deleted_from_the_inside_out(calls: Calls) -> None:
    """Each with its dependency violation before."""
    vpc, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    calls.ecs(
        "AuthorizeSecurityGroup",
        SecurityGroupId=group,
        IpProtocol="icmp",
        PortRange="-1/-1",
        SourceCidrIp="0.0.0.0/0",
    )
    assert calls.refusal("DeleteSecurityGroup", SecurityGroupId=group) == "DependencyViolation"
    with pytest.raises(Refused, match=r"^DependencyViolation: "):
        calls.vpc("DeleteVSwitch", VSwitchId=vswitch)
    with pytest.raises(Refused, match=r"DependencyViolation\.VSwitch"):
        calls.vpc("DeleteVpc", VpcId=vpc)
    calls.ecs("DeleteInstance", InstanceId=key, Force="true")
    calls.settle()
    calls.ecs("DeleteSecurityGroup", SecurityGroupId=group)
    calls.vpc("DeleteVSwitch", VSwitchId=vswitch)
    calls.vpc("DeleteVpc", VpcId=vpc)
    calls.settle()
    assert calls.paper.fabric.vpcs == {}
    with pytest.raises(Refused, match=r"InvalidVpcId\.NotFound"):
        calls.vpc("DescribeVpcAttribute", VpcId=vpc)


@pytest.mark.parametrize(
    "cidr", ["10.0.0.0/15", "10.1.0.0/24", "10.0.0.1/24", "x", "10.0.1.128/25"]
)
def test_a_vswitch_lies_in_its_vpc_and_overlaps_no_other(calls: Calls, cidr: str) -> None:
    """Outside, malformed, overlapping."""
    vpc, _, _ = calls.network()
    with pytest.raises(Refused, match="InvalidCidrBlock"):
        calls.vpc("CreateVSwitch", VpcId=vpc, ZoneId=ZONE, CidrBlock=cidr)


def _loose_disk(calls: Calls) -> str:
    given = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20}
    disk = calls.ecs("CreateDisk", **given)["DiskId"]
    calls.settle()
    return str(disk)


def _status(calls: Calls, disk: str) -> str:
    found = calls.ecs("DescribeDisks", DiskIds=json.dumps([disk]))["Disks"]["Disk"]
    return str(found[0]["Status"])


def test_a_running_instance_sees_a_disk_at_once(paper: PaperCloud, calls: Calls) -> None:
    """Attached to a running one it can be written to, so it can be snapshot; to a stopped one it waits."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    disk = _loose_disk(calls)
    calls.ecs("AttachDisk", InstanceId=key, DiskId=disk)
    calls.settle()
    assert (_status(calls, disk), paper.compute.seen) == ("In_use", [(key, disk)])
    assert calls.ecs("CreateSnapshot", DiskId=disk)["SnapshotId"]
    calls.ecs("StopInstance", InstanceId=key)
    calls.settle()
    late = _loose_disk(calls)
    calls.ecs("AttachDisk", InstanceId=key, DiskId=late)
    calls.settle()
    assert (_status(calls, late), len(paper.compute.seen)) == ("In_use", 1)
    assert calls.refusal("CreateSnapshot", DiskId=late) == "IncorrectDiskStatus.NeverUsed"


def test_a_disk_is_detaching_until_the_guest_lets_go(paper: PaperCloud, calls: Calls) -> None:
    """Or until the instance is stopped: then nobody holds it."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    disk = _loose_disk(calls)
    calls.ecs("AttachDisk", InstanceId=key, DiskId=disk)
    calls.settle()
    paper.compute.clinging = True
    calls.ecs("DetachDisk", InstanceId=key, DiskId=disk)
    calls.settle(60)
    assert _status(calls, disk) == "Detaching"
    paper.compute.clinging = False
    calls.settle()
    assert _status(calls, disk) == "Available"
