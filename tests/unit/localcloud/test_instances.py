# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from fakes.calls import Calls, Refused
from fakes.papercloud import paper_cloud

from hostlift.errors import HostError
from hostlift.localcloud.config import Fault, Quotas, Settings
from hostlift.localcloud.wire.times import to_second


def test_an_instance_goes_from_pending_to_running_and_to_stopped(calls: Calls) -> None:
    """Each state is seen; the clock decides."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    jobs, clock = calls.paper.cloud.jobs, calls.paper.cloud.clock
    seen = [calls.instance(key)["Status"]]
    for _ in range(8):
        clock.sleep(0.1)
        jobs.run_due()
        seen.append(calls.instance(key)["Status"])
    calls.ecs("StopInstance", InstanceId=key)
    seen.append(calls.instance(key)["Status"])
    calls.settle()
    seen.append(calls.instance(key)["Status"])
    assert list(dict.fromkeys(seen)) == ["Pending", "Starting", "Running", "Stopping", "Stopped"]


def test_a_guest_that_switches_itself_off_is_stopped(calls: Calls) -> None:
    """States are driven by compute."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    calls.paper.compute.stop(key, force=False)
    calls.settle()
    assert calls.instance(key)["Status"] == "Stopped"


def test_a_start_that_fails_leaves_it_stopped_with_the_reason_kept(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing hangs in Starting."""

    def refuse(machine: object) -> None:
        raise HostError("no memory", subject="qemu")

    monkeypatch.setattr(calls.paper.compute, "start", refuse)
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    assert calls.instance(key)["Status"] == "Stopped"
    assert calls.paper.troubles == [(f"instance {key}", "qemu: no memory")]


def test_the_machine_gets_disks_addresses_and_user_data(calls: Calls) -> None:
    """What compute is told; the system disk first, serials the ids without d-."""
    _, vswitch, group = calls.network()
    data = base64.b64encode(b"#!/bin/sh\n").decode()
    key = calls.run(
        vswitch,
        group,
        UserData=data,
        InternetMaxBandwidthOut=5,
        HostName="web01",
        **{"DataDisk.1.Size": 30, "DataDisk.2.Size": 20},
    )
    calls.settle()
    machine = calls.paper.compute._machines[key]
    assert (machine.cpus, machine.memory_mib, machine.firmware) == (2, 2048, "bios")
    assert [d.size_gib for d in machine.disks] == [40, 30, 20]
    assert all(d.serial == d.id.removeprefix("d-") and len(d.serial) == 20 for d in machine.disks)
    assert machine.user_data == b"#!/bin/sh\n"
    assert machine.hostname == "web01"
    nic = machine.nic
    assert (nic.private_ip, nic.prefix, nic.gateway) == ("10.0.1.1", 24, "10.0.1.253")
    assert nic.public_ip == "203.0.113.10"
    assert nic.mac.startswith("00:16:3e:")


def test_the_metadata_service_knows_its_instances_only(calls: Calls) -> None:
    """By VPC and private address."""
    vpc, vswitch, group = calls.network()
    key = calls.run(vswitch, group, UserData=base64.b64encode(b"x").decode())
    look = calls.paper.fabric.metadata
    assert look is not None
    found = look(vpc, "10.0.1.1")
    assert found is not None
    assert found.user_data == b"x"
    assert found.items["instance-id"] == key
    assert found.items["vswitch-id"] == vswitch
    assert "eipv4" not in found.items
    assert look(vpc, "10.0.1.2") is None
    assert look("vpc-other", "10.0.1.1") is None


def test_the_automatic_release_happens_when_it_is_due(calls: Calls) -> None:
    """The instance and its disks are gone, the seconds rounded down."""
    _, vswitch, group = calls.network()
    now = calls.paper.cloud.clock.now()
    key = calls.run(vswitch, group, AutoReleaseTime=to_second(now + 1859))
    calls.settle()
    assert calls.instance(key)["Status"] == "Running"
    calls.paper.cloud.clock.sleep(1860)
    calls.settle()
    assert calls.paper.cloud.store.instances.all() == []
    assert calls.paper.cloud.store.disks.all() == []
    assert calls.paper.cloud.store.tombstones.all() == []


def test_a_moved_release_time_counts_and_an_empty_one_cancels(calls: Calls) -> None:
    """ModifyInstanceAutoReleaseTime."""
    _, vswitch, group = calls.network()
    now = calls.paper.cloud.clock.now()
    key = calls.run(vswitch, group, AutoReleaseTime=to_second(now + 1860))
    calls.settle()
    calls.ecs("ModifyInstanceAutoReleaseTime", InstanceId=key, AutoReleaseTime="")
    calls.paper.cloud.clock.sleep(4000)
    calls.settle()
    assert calls.instance(key)["AutoReleaseTime"] == ""
    soon = to_second(calls.paper.cloud.clock.now() + 1700)
    code = calls.refusal("ModifyInstanceAutoReleaseTime", InstanceId=key, AutoReleaseTime=soon)
    assert code == "InvalidAutoReleaseTime.Malformed"


def test_deleting_needs_a_stopped_instance_or_force(calls: Calls) -> None:
    """And a protected one is not deleted at all."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group, DeletionProtection="true")
    assert calls.refusal("DeleteInstance", InstanceId=key, Force="true") == (
        "InvalidOperation.DeletionProtection"
    )
    calls.ecs("ModifyInstanceAttribute", InstanceId=key, DeletionProtection="false")
    assert calls.refusal("DeleteInstance", InstanceId=key, Force="true") == (
        "IncorrectInstanceStatus.Initializing"
    )
    calls.settle()
    assert calls.refusal("DeleteInstance", InstanceId=key) == "IncorrectInstanceStatus"
    calls.ecs("DeleteInstance", InstanceId=key, Force="true")
    calls.settle()
    assert calls.refusal("StartInstance", InstanceId=key) == "InvalidInstanceId.NotFound"


def test_a_disk_that_is_not_deleted_with_its_instance_survives(calls: Calls) -> None:
    """DeleteWithInstance=false."""
    _, vswitch, group = calls.network()
    key = calls.run(
        vswitch,
        group,
        **{
            "DataDisk.1.Size": 20,
            "DataDisk.1.DeleteWithInstance": "false",
            "DataDisk.2.Size": 20,
        },
    )
    calls.settle()
    kept = next(d["DiskId"] for d in calls.disks(key) if not d["DeleteWithInstance"])
    calls.ecs("DeleteInstance", InstanceId=key, Force="True")
    calls.settle()
    found = calls.ecs("DescribeDisks")["Disks"]["Disk"]
    assert [(d["DiskId"], d["Status"], d["InstanceId"]) for d in found] == [(kept, "Available", "")]


def test_the_same_client_token_gives_the_same_instances(calls: Calls) -> None:
    """Other parameters under the same token are refused; the signature's own may differ."""
    _, vswitch, group = calls.network()
    first = calls.run(vswitch, group, ClientToken="t")
    assert calls.run(vswitch, group, ClientToken="t") == first
    assert len(calls.paper.cloud.store.instances.all()) == 1
    with pytest.raises(Refused) as refused:
        calls.run(vswitch, group, ClientToken="t", Amount=2)
    assert (refused.value.code, refused.value.status) == ("IdempotentParameterMismatch", 403)


def test_a_dry_run_checks_everything_and_makes_nothing(calls: Calls) -> None:
    """DryRunOperation when it would pass, the real error otherwise."""
    _, vswitch, group = calls.network()
    with pytest.raises(Refused) as refused:
        calls.run(vswitch, group, DryRun="True", ClientToken="t")
    assert refused.value.code == "DryRunOperation"
    assert calls.paper.cloud.store.instances.all() == []
    assert calls.paper.cloud.store.remembered.all() == []
    with pytest.raises(Refused, match="InvalidVSwitchId"):
        calls.run("vsw-none", group, DryRun="true")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageId": "m-none"}, "InvalidImageId.NotFound"),
        ({"InstanceType": "ecs.none"}, "InvalidInstanceType.ValueNotSupported"),
        ({"SecurityGroupId": "sg-none"}, "InvalidSecurityGroupId.NotFound"),
        ({"VSwitchId": "vsw-none"}, "InvalidVSwitchId.NotFound"),
        ({"ZoneId": "cn-hangzhou-i"}, "InvalidParameter.Mismatch"),
        ({"RegionId": "mars-1"}, "InvalidRegionId.NotFound"),
        ({"Amount": "101"}, "InvalidParameter"),
        ({"SystemDisk.Size": "10"}, "InvalidSystemDiskSize.LessThanImageSize"),
        ({"SystemDisk.Size": "9000"}, "InvalidSystemDiskSize.ValueNotSupported"),
        ({"SystemDisk.Category": "paper"}, "InvalidSystemDiskCategory.ValueNotSupported"),
        ({"DataDisk.1.Size": "19"}, "InvalidDataDiskSize.ValueNotSupported"),
        ({"DataDisk.1.Size": "32769"}, "InvalidDataDiskSize.ValueNotSupported"),
        (
            {"DataDisk.1.Category": "x", "DataDisk.1.Size": "20"},
            "InvalidDataDiskCategory.ValueNotSupported",
        ),
        ({"DataDisk.1.DiskName": "d0"}, "MissingParameter"),
        ({"DataDisk.1.SnapshotId": "s-none"}, "InvalidDataDiskSnapshotId.NotFound"),
        ({"PrivateIpAddress": "10.0.1.254"}, "InvalidPrivateIpAddress"),
        ({"PrivateIpAddress": "ten"}, "InvalidPrivateIpAddress.Malformed"),
        ({"InternetMaxBandwidthOut": "101"}, "InvalidInternetMaxBandwidthOut.Malformed"),
        ({"UserData": "***"}, "InvalidUserData.Base64FormatInvalid"),
        ({"UserData": base64.b64encode(b"x" * 16385).decode()}, "InvalidUserData.SizeExceeded"),
        ({"AutoReleaseTime": "2020-01-01T00:00:00Z"}, "InvalidAutoReleaseTime.Malformed"),
        ({"AutoReleaseTime": "tomorrow"}, "InvalidAutoReleaseTime.Malformed"),
        ({"InstanceName": "1"}, "InvalidInstanceName.Malformed"),
        ({"Password": "short"}, "InvalidPassword.Malformed"),
        ({"InstanceChargeType": "PrePaid"}, "InvalidPayMethod"),
        ({"Tag.1.Key": "acs:x"}, "InvalidTagKey.Malformed"),
        ({"Tag.1.Key": "a", "Tag.2.Key": "a"}, "Duplicate.TagKey"),
        ({"LaunchTemplateId": "lt-1"}, "UnsupportedParameter"),
    ],
)
def test_run_instances_refuses_with_the_documented_code(
    calls: Calls, change: dict[str, str], code: str
) -> None:
    """One wrong thing at a time; nothing is made."""
    _, vswitch, group = calls.network()
    with pytest.raises(Refused) as refused:
        calls.run(vswitch=vswitch, group=group, **change)
    assert refused.value.code == code
    assert calls.paper.cloud.store.instances.all() == []


def test_quotas_hold(tmp_path: Path) -> None:
    """As set."""
    paper = paper_cloud(tmp_path, settings=Settings(quotas=Quotas(instances=1)))
    calls = Calls(paper)
    _, vswitch, group = calls.network()
    calls.run(vswitch, group)
    with pytest.raises(Refused, match="QuotaExceed"):
        calls.run(vswitch, group)
    paper.close()


def test_an_injected_fault_answers_as_often_as_it_says(tmp_path: Path) -> None:
    """For rehearsing what cannot be provoked."""
    fault = Fault(action="DescribeRegions", code="Throttling", status=400, times=2)
    paper = paper_cloud(tmp_path, settings=Settings(faults=(fault,)))
    calls = Calls(paper)
    assert [calls.refusal("DescribeRegions") for _ in range(2)] == ["Throttling", "Throttling"]
    assert calls.ecs("DescribeRegions")["Regions"]
    paper.close()


def test_the_account_survives_down_and_up_and_running_instances_start_again(tmp_path: Path) -> None:
    """Stopped ones stay stopped, public addresses stay the same."""
    paper = paper_cloud(tmp_path)
    calls = Calls(paper)
    vpc, vswitch, group = calls.network()
    running = calls.run(vswitch, group, InternetMaxBandwidthOut=1)
    stopped = calls.run(vswitch, group)
    calls.settle()
    calls.ecs("StopInstance", InstanceId=stopped)
    calls.settle()
    before = calls.instance(running)
    paper.close()
    again = paper_cloud(tmp_path)
    calls = Calls(again)
    assert calls.instance(running)["Status"] == "Starting"
    calls.settle()
    after = calls.instance(running)
    assert {**after, "StartTime": ""} == {**before, "StartTime": ""}
    assert calls.instance(stopped)["Status"] == "Stopped"
    assert again.fabric.vpcs == {vpc: "10.0.0.0/16"}
    assert list(again.compute._machines) == [running]
    again.close()


def test_what_a_crash_interrupted_is_taken_up_again(tmp_path: Path) -> None:
    """Pending instances start, passing networks arrive, tombstones are buried."""
    paper = paper_cloud(tmp_path)
    calls = Calls(paper)
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.vpc("CreateVpc", CidrBlock="192.168.0.0/16")
    paper.close()
    again = paper_cloud(tmp_path)
    calls = Calls(again)
    calls.settle()
    assert calls.instance(key)["Status"] == "Running"
    assert {v["Status"] for v in calls.vpc("DescribeVpcs")["Vpcs"]["Vpc"]} == {"Available"}
    again.close()


def test_rules_reach_the_fabric_at_each_change(calls: Calls) -> None:
    """Authorise, revoke, a new member, a member that leaves."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    mac = calls.paper.cloud.store.instances.all()[0].mac
    rule = {"SecurityGroupId": group, "IpProtocol": "tcp", "PortRange": "22/22"}
    calls.ecs("AuthorizeSecurityGroup", **rule, SourceCidrIp="198.51.100.7")
    calls.settle()
    ports = [(a.low, a.source) for a in calls.paper.fabric.admitted[mac]]
    assert (22, "198.51.100.7/32") in ports
    other = calls.run(vswitch, group)
    calls.settle()
    assert "10.0.1.2/32" in {a.source for a in calls.paper.fabric.admitted[mac]}
    calls.ecs("RevokeSecurityGroup", **rule, SourceCidrIp="198.51.100.7")
    calls.ecs("DeleteInstance", InstanceId=other, Force="true")
    calls.settle()
    assert {a.source for a in calls.paper.fabric.admitted[mac]} == {"10.0.1.1/32"}
    assert calls.instance(key)["Status"] == "Running"


def test_the_request_log_has_no_secret(calls: Calls, tmp_path: Path) -> None:
    """Signature, user data and passwords are not in it; what was asked is."""
    _, vswitch, group = calls.network()
    calls.run(vswitch, group, Password="Secret-123!", UserData="c2VjcmV0")
    text = (tmp_path / "cloud" / "requests.jsonl").read_text()
    last = json.loads(text.splitlines()[-1])
    assert (last["action"], last["status"], last["code"]) == ("RunInstances", 200, "")
    assert last["parameters"]["VSwitchId"] == vswitch
    assert "Secret-123!" not in text
    assert "c2VjcmV0" not in text
    assert "Signature" not in text
