# SPDX-License-Identifier: Apache-2.0
"""What the driver sends, and what it makes of the answers."""

from __future__ import annotations

import base64

import pytest
from fakes.alibaba import ScriptedTransport, a_driver

from hostlift.clouds.alibaba.adopt import TOKEN_TAG
from hostlift.clouds.alibaba.transport import Refused
from hostlift.errors import CloudError, ConfigError, ResourceGone, Retry
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.images import ImageDisk, ImageSpec
from hostlift.ports.instances import InstanceSpec, Placement
from hostlift.ports.networks import Rule

PLACE = Placement(
    zone="cn-hangzhou-h",
    instance_type="ecs.t6-c1m2.large",
    system_disk="cloud_essd",
    data_disk="cloud_efficiency",
    image="debian_12.vhd",
)
RAN = {"InstanceIdSets": {"InstanceIdSet": ["i-1"]}}
TAGS = {"hostlift": "m1"}


def a_spec(**changes: object) -> InstanceSpec:
    fields: dict[str, object] = {
        "name": "INSTANCE_FOR_GO_TOALIYUN",
        "image": "debian_12.vhd",
        "placement": PLACE,
        "vswitch": "vsw-1",
        "security_group": "sg-1",
        "system_gib": 20,
        "data_disks": (40, 100),
        "user_data": b"#!/bin/sh\n",
        "tags": TAGS,
    }
    return InstanceSpec(**{**fields, **changes})  # type: ignore[arg-type]


def an_instance(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {"InstanceId": "i-1", "Status": "Running", **changes}
    return {"Instances": {"Instance": [row]}, "TotalCount": 1}


def test_an_instance_is_ordered_as_the_design_says() -> None:
    """Disks in order and by name, user data encoded, pay by traffic, token and tags."""
    transport = ScriptedTransport({"RunInstances": RAN})
    cloud, clock = a_driver(transport)
    assert cloud.instances.run(a_spec(release_at=clock.time + 7200 + 1), token="t") == "i-1"
    (sent,) = transport.params("RunInstances")
    assert base64.b64decode(sent["UserData"]) == b"#!/bin/sh\n"
    expected = {
        "RegionId": "cn-hangzhou",
        "InstanceName": "INSTANCE_FOR_GO_TOALIYUN",
        "SystemDisk.Category": "cloud_essd",
        "SystemDisk.Size": "20",
        "DataDisk.1.Size": "40",
        "DataDisk.1.DiskName": "hostlift-1",
        "DataDisk.2.Size": "100",
        "DataDisk.2.Category": "cloud_efficiency",
        "DataDisk.2.DeleteWithInstance": "true",
        "DataDisk.2.DiskName": "hostlift-2",
        "InternetMaxBandwidthOut": "100",
        "InternetChargeType": "PayByTraffic",
        "AutoReleaseTime": "2027-01-15T10:01:00Z",
        "Tag.1.Key": "hostlift",
        "Tag.1.Value": "m1",
        "Tag.2.Key": TOKEN_TAG,
    }
    assert {k: sent[k] for k in expected} == expected


def test_an_automatic_release_is_never_sooner_than_the_cloud_allows() -> None:
    """Half an hour at least, by the clock of the moment."""
    transport = ScriptedTransport({})
    cloud, clock = a_driver(transport)
    cloud.instances.renew("i-1", clock.time + 60)
    (sent,) = transport.params("ModifyInstanceAutoReleaseTime")
    assert sent["AutoReleaseTime"] == "2027-01-15T08:31:00Z"


def test_too_much_user_data_is_refused_before_it_is_sent() -> None:
    """16 KiB is the cloud's limit."""
    transport = ScriptedTransport({"RunInstances": RAN})
    cloud, _ = a_driver(transport)
    with pytest.raises(ConfigError):
        cloud.instances.run(a_spec(user_data=b"x" * 16385), token="t")
    assert "RunInstances" not in transport.actions


def test_an_instance_of_the_same_token_is_adopted() -> None:
    """A rerun after the ClientToken has expired creates nothing."""
    transport = ScriptedTransport({"DescribeInstances": an_instance()})
    cloud, _ = a_driver(transport)
    assert cloud.instances.run(a_spec(), token="t") == "i-1"
    assert "RunInstances" not in transport.actions
    assert transport.params("DescribeInstances")[0]["Tag.1.Key"] == TOKEN_TAG


def test_a_rerun_with_another_release_time_finds_the_first_instance() -> None:
    """IdempotentParameterMismatch means that it is there but was not listed yet."""
    nothing = {"Instances": {"Instance": []}, "TotalCount": 0}
    transport = ScriptedTransport(
        {
            "DescribeInstances": [nothing, nothing, an_instance()],
            "RunInstances": Refused("IdempotentParameterMismatch", "differs"),
        }
    )
    cloud, _ = a_driver(transport)
    assert cloud.instances.run(a_spec(), token="t") == "i-1"


def test_the_state_lists_data_disks_in_the_order_of_the_request() -> None:
    """Names decide, not the order of the answer, and hostlift-10 comes after hostlift-2."""
    disks = [
        {"DiskId": "d-c", "DiskName": "hostlift-10", "Type": "data", "SerialNumber": "sc"},
        {"DiskId": "d-s", "DiskName": "", "Type": "system", "SerialNumber": "ss"},
        {"DiskId": "d-b", "DiskName": "hostlift-2", "Type": "data", "SerialNumber": "sb"},
        {"DiskId": "d-a", "DiskName": "hostlift-1", "Type": "data", "SerialNumber": "sa"},
    ]
    running = an_instance(
        PublicIpAddress={"IpAddress": ["203.0.113.9"]},
        VpcAttributes={"PrivateIpAddress": {"IpAddress": ["172.16.0.9"]}},
    )
    transport = ScriptedTransport(
        {"DescribeInstances": running, "DescribeDisks": {"Disks": {"Disk": disks}, "TotalCount": 4}}
    )
    cloud, _ = a_driver(transport)
    state = cloud.state(Resource(ResourceKind.INSTANCE, "i-1"))
    assert state is not None
    assert state.phase is Phase.READY
    assert state.disks == (("d-a", "sa"), ("d-b", "sb"), ("d-c", "sc"))
    assert (state.public_ip, state.private_ip) == ("203.0.113.9", "172.16.0.9")


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("Pending", Phase.PENDING),
        ("Starting", Phase.PENDING),
        ("Running", Phase.READY),
        ("Stopping", Phase.STOPPING),
        ("Stopped", Phase.STOPPED),
    ],
)
def test_every_instance_status_has_a_phase(status: str, phase: Phase) -> None:
    """The five states of the documentation."""
    cloud, _ = a_driver(ScriptedTransport({"DescribeInstances": an_instance(Status=status)}))
    state = cloud.state(Resource(ResourceKind.INSTANCE, "i-1"))
    assert state is not None
    assert state.phase is phase


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_what_does_not_exist_has_no_state(kind: ResourceKind) -> None:
    """Empty answers, for every kind."""
    cloud, _ = a_driver(ScriptedTransport({}))
    assert cloud.state(Resource(kind, "x-1")) is None


def test_an_image_is_polled_in_every_state() -> None:
    """The cloud's default filter would hide it until it is Available."""
    row = {"ImageId": "m-1", "ImageName": "web", "Status": "Creating", "Progress": "32%"}
    transport = ScriptedTransport({"DescribeImages": {"Images": {"Image": [row]}, "TotalCount": 1}})
    cloud, _ = a_driver(transport)
    state = cloud.state(Resource(ResourceKind.IMAGE, "m-1"))
    assert state is not None
    assert (state.phase, state.percent) == (Phase.PENDING, 32)
    assert "CreateFailed" in transport.params("DescribeImages")[0]["Status"]


def test_a_name_is_taken_only_by_an_image_of_exactly_that_name() -> None:
    """A fuzzy answer does not count."""
    row = {"ImageId": "m-1", "ImageName": "web-2", "Status": "Available"}
    cloud, _ = a_driver(
        ScriptedTransport({"DescribeImages": {"Images": {"Image": [row]}, "TotalCount": 1}})
    )
    assert cloud.images.named("web") == ""
    assert cloud.images.named("web-2") == "m-1"


def test_an_image_is_made_from_snapshots_and_never_from_an_instance() -> None:
    """The first disk becomes the system disk; InstanceId would make the cloud ignore the rest."""
    transport = ScriptedTransport({"CreateImage": {"ImageId": "m-1"}})
    cloud, _ = a_driver(transport)
    spec = ImageSpec(
        name="web",
        description="from web1",
        platform="Debian",
        architecture="x86_64",
        firmware="bios",
        disks=(
            ImageDisk(snapshot="s-1", size_gib=40, system=True),
            ImageDisk(snapshot="s-2", size_gib=100, system=False),
        ),
        tags=TAGS,
    )
    assert cloud.images.create(spec, token="t") == "m-1"
    (sent,) = transport.params("CreateImage")
    expected = {
        "Platform": "Debian",
        "Architecture": "x86_64",
        "BootMode": "BIOS",
        "DiskDeviceMapping.1.SnapshotId": "s-1",
        "DiskDeviceMapping.1.DiskType": "system",
        "DiskDeviceMapping.1.Device": "/dev/xvda",
        "DiskDeviceMapping.2.DiskType": "data",
        "DiskDeviceMapping.2.Device": "/dev/xvdb",
        "DiskDeviceMapping.2.Size": "100",
    }
    assert {k: sent[k] for k in expected} == expected
    assert "InstanceId" not in sent


def test_a_group_gets_exactly_the_rules_that_are_wanted() -> None:
    """What is missing is added, what is not wanted goes, what is there stays."""
    permissions = [
        {"IpProtocol": "TCP", "PortRange": "8080/8080", "SourceCidrIp": "198.51.100.7/32",
         "Policy": "Accept", "Direction": "ingress"},
        {"IpProtocol": "TCP", "PortRange": "22/22", "SourceCidrIp": "0.0.0.0/0",
         "Policy": "Accept", "Direction": "ingress"},
    ]  # fmt: skip
    transport = ScriptedTransport(
        {
            "CreateSecurityGroup": {"SecurityGroupId": "sg-1"},
            "DescribeSecurityGroupAttribute": {"Permissions": {"Permission": permissions}},
        }
    )
    cloud, _ = a_driver(transport)
    rules = (Rule(port=8080, source="198.51.100.7/32"), Rule(port=8703, source="198.51.100.7/32"))
    assert (
        cloud.networks.create_security_group(vpc="vpc-1", rules=rules, tags=TAGS, token="t")
        == "sg-1"
    )
    (added,) = transport.params("AuthorizeSecurityGroup")
    assert (added["PortRange"], added["IpProtocol"]) == ("8703/8703", "tcp")
    assert (added["NicType"], added["SourceCidrIp"]) == ("intranet", "198.51.100.7/32")
    (removed,) = transport.params("RevokeSecurityGroup")
    assert removed["PortRange"] == "22/22"


def test_stopping_keeps_disks_and_addresses() -> None:
    """Whatever the account's default is."""
    transport = ScriptedTransport({})
    cloud, _ = a_driver(transport)
    cloud.instances.stop("i-1", force=True)
    (sent,) = transport.params("StopInstance")
    assert sent == {"InstanceId": "i-1", "ForceStop": "true", "StoppedMode": "KeepCharging"}


def test_stopping_a_stopped_instance_is_fine_and_a_busy_one_is_not() -> None:
    """The cloud refuses both with the same code; the status tells them apart."""
    refused = Refused("IncorrectInstanceStatus", "not in this state", status=403)
    stopped = {"StopInstance": refused, "DescribeInstances": an_instance(Status="Stopped")}
    a_driver(ScriptedTransport(stopped))[0].instances.stop("i-1", force=False)
    busy = {"StopInstance": refused, "DescribeInstances": an_instance(Status="Starting")}
    with pytest.raises(CloudError) as caught:
        a_driver(ScriptedTransport(busy))[0].instances.stop("i-1", force=False)
    assert caught.value.retry is Retry.RETRY


@pytest.mark.parametrize(
    ("kind", "action", "code"),
    [
        (ResourceKind.VPC, "DeleteVpc", "InvalidVpcId.NotFound"),
        (ResourceKind.VSWITCH, "DeleteVSwitch", "InvalidVSwitchId.NotFound"),
        (ResourceKind.SECURITY_GROUP, "DeleteSecurityGroup", "InvalidSecurityGroupId.NotFound"),
        (ResourceKind.INSTANCE, "DeleteInstance", "InvalidInstanceId.NotFound"),
        (ResourceKind.SNAPSHOT, "DeleteSnapshot", "InvalidSnapshotId.NotFound"),
        (ResourceKind.IMAGE, "DeleteImage", "InvalidImageId.NotFound"),
    ],
)
def test_deleting_what_is_gone_succeeds(kind: ResourceKind, action: str, code: str) -> None:
    """The port's promise, for every kind."""
    transport = ScriptedTransport({action: Refused(code, "no such thing", status=404)})
    cloud, _ = a_driver(transport)
    cloud.delete(Resource(kind, "x-1"))
    assert action in transport.actions


def test_deleting_what_is_in_use_can_be_tried_again_later() -> None:
    """The caller polls: nothing is repeated inside."""
    transport = ScriptedTransport({"DeleteVpc": Refused("DependencyViolation.VSwitch", "in use")})
    cloud, clock = a_driver(transport)
    with pytest.raises(CloudError) as caught:
        cloud.delete(Resource(ResourceKind.VPC, "vpc-1"))
    assert caught.value.retry is Retry.RETRY
    assert clock.slept == []


def test_a_snapshot_of_an_unused_disk_is_the_caller_s_to_repeat() -> None:
    """It may take an hour: raised at once, as something that passes."""
    refused = Refused("IncorrectDiskStatus.NeverUsed", "never used", status=403)
    cloud, clock = a_driver(ScriptedTransport({"CreateSnapshot": refused}))
    with pytest.raises(CloudError) as caught:
        cloud.images.snapshot("d-1", name="disk0", tags=TAGS, token="t")
    assert caught.value.retry is Retry.RETRY
    assert clock.slept == []


def test_the_console_is_decoded() -> None:
    """Base64, and bytes that are no UTF-8 do no harm."""
    coded = base64.b64encode(b"login: \xff\n").decode()
    cloud, _ = a_driver(ScriptedTransport({"GetInstanceConsoleOutput": {"ConsoleOutput": coded}}))
    assert cloud.instances.console("i-1") == "login: \ufffd\n"


def test_find_asks_for_every_kind_in_order_of_creation() -> None:
    """So that deletion can run backwards."""
    transport = ScriptedTransport(
        {
            "DescribeVpcs": {"Vpcs": {"Vpc": [{"VpcId": "vpc-1"}]}, "TotalCount": 1},
            "DescribeInstances": an_instance(),
        }
    )
    cloud, _ = a_driver(transport)
    assert [r.id for r in cloud.find("hostlift", "m1")] == ["vpc-1", "i-1"]
    assert len(transport.actions) == len(ResourceKind)
    assert all(p["Tag.1.Value"] == "m1" for _, p in transport.asked)


UNKNOWN_GROUP = Refused("InvalidSecurityGroupId.NotFound", "does not exist", status=404)


@pytest.mark.parametrize("action", ["DescribeSecurityGroupAttribute", "AuthorizeSecurityGroup"])
def test_a_group_made_a_moment_ago_that_is_not_found_is_asked_for_again(action: str) -> None:
    """The cloud knows it everywhere only after some seconds."""
    well: dict[str, object] = {"Permissions": {"Permission": []}}
    transport = ScriptedTransport(
        {"CreateSecurityGroup": {"SecurityGroupId": "sg-1"}, action: [UNKNOWN_GROUP] * 2 + [well]}
    )
    cloud, clock = a_driver(transport)
    rules = (Rule(port=8080, source="192.0.2.1/32"),)
    made = cloud.networks.create_security_group(vpc="vpc-1", rules=rules, tags=TAGS, token="t")
    assert made == "sg-1"
    assert len(transport.params(action)) == 3
    assert len(clock.slept) == 2


def test_an_instance_in_a_group_made_a_moment_ago_is_ordered_again() -> None:
    """RunInstances may know even less than the network's own calls."""
    transport = ScriptedTransport(
        {
            "CreateSecurityGroup": {"SecurityGroupId": "sg-1"},
            "RunInstances": [UNKNOWN_GROUP, RAN],
        }
    )
    cloud, _ = a_driver(transport)
    cloud.networks.create_security_group(vpc="vpc-1", rules=(), tags=TAGS, token="t")
    assert cloud.instances.run(a_spec(), token="i") == "i-1"
    first, second = transport.params("RunInstances")
    assert first == second


def test_a_group_that_never_was_is_not_waited_for() -> None:
    """A wrong id in the settings must be told at once; so must one that was old enough."""
    transport = ScriptedTransport(
        {"CreateSecurityGroup": {"SecurityGroupId": "sg-1"}, "RunInstances": UNKNOWN_GROUP}
    )
    cloud, clock = a_driver(transport)
    with pytest.raises(ResourceGone):
        cloud.instances.run(a_spec(), token="i")
    assert clock.slept == []
    cloud.networks.create_security_group(vpc="vpc-1", rules=(), tags=TAGS, token="t")
    clock.time += 61
    with pytest.raises(ResourceGone):
        cloud.instances.run(a_spec(), token="i")
    assert clock.slept == []


def test_what_was_made_a_moment_ago_is_pending_until_it_is_listed() -> None:
    """Not gone: it would be made a second time. What was deleted is gone at once."""
    transport = ScriptedTransport({"CreateVpc": {"VpcId": "vpc-1"}})
    cloud, clock = a_driver(transport)
    cloud.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="t")
    vpc = Resource(ResourceKind.VPC, "vpc-1")
    state = cloud.state(vpc)
    assert state is not None
    assert state.phase is Phase.PENDING
    clock.time += 61
    assert cloud.state(vpc) is None
    cloud.networks.create_vpc(cidr="172.16.0.0/16", tags=TAGS, token="t")
    cloud.delete(vpc)
    assert cloud.state(vpc) is None
