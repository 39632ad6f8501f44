# SPDX-License-Identifier: Apache-2.0
"""What each kind of fault does to a call and to what it began."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from fakes.calls import Calls, Lost, Refused
from fakes.papercloud import PaperCloud, cloud

from hostlift.localcloud.faults.kinds import Fault, FaultKind
from hostlift.localcloud.wire.message import Product

Make = Callable[..., Calls]


@pytest.fixture
def struck() -> Iterator[Make]:
    """Calls into a cloud with these faults."""
    made: list[PaperCloud] = []

    def make(*faults: Fault) -> Calls:
        made.append(cloud(faults=faults))
        return Calls(made[-1])

    yield make
    for paper in made:
        paper.close()


def _ready(calls: Calls, *, disk: bool = False) -> str:
    """A running instance."""
    _, vswitch, group = calls.network()
    more = {"DataDisk.1.Size": 20} if disk else {}
    key = calls.run(vswitch, group, **more)
    calls.settle()
    return key


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault(kind=FaultKind.THROTTLE), "Throttling.User", 400),
        (Fault(kind=FaultKind.UNAVAILABLE), "ServiceUnavailable", 503),
        (Fault(kind=FaultKind.INTERNAL), "InternalError", 500),
        (Fault(kind=FaultKind.NO_STOCK, action="RunInstances"), "OperationDenied.NoStock", 403),
        (Fault(code="Forbidden.RiskControl", status=403), "Forbidden.RiskControl", 403),
        (Fault(kind=FaultKind.THROTTLE, code="Throttling.Api"), "Throttling.Api", 400),
    ],
)
def test_a_refusal_strikes_before_anything_is_done(
    struck: Make, fault: Fault, code: str, status: int
) -> None:
    """Its code and status; the next call is answered."""
    calls = struck(fault)
    action = "RunInstances" if fault.kind is FaultKind.NO_STOCK else "CreateVpc"
    product = Product.ECS if action == "RunInstances" else Product.VPC
    refused = calls.refused(product, action)
    assert (refused.code, refused.status) == (code, status)
    assert calls.paper.cloud.store.vpcs.all() == []
    assert calls.vpc("CreateVpc")["VpcId"]


def test_a_throttled_caller_is_told_when_to_come_back(struck: Make) -> None:
    """In milliseconds, in a header."""
    calls = struck(Fault(kind=FaultKind.THROTTLE, seconds=1.5))
    seen = []
    handle = calls.paper.service.handle
    calls.paper.service.handle = lambda request: seen.append(handle(request)) or seen[-1]
    calls.refused(Product.VPC, "CreateVpc")
    assert seen[0].headers == {"x-acs-retry-after": "1500"}


def test_without_an_answer_nothing_is_done(struck: Make) -> None:
    """The caller may ask again."""
    calls = struck(Fault(kind=FaultKind.NO_ANSWER, action="CreateVpc"))
    with pytest.raises(Lost):
        calls.vpc("CreateVpc", ClientToken="t")
    assert calls.paper.cloud.store.vpcs.all() == []
    calls.vpc("CreateVpc", ClientToken="t")
    assert len(calls.paper.cloud.store.vpcs.all()) == 1


def test_a_lost_reply_was_done_and_the_same_token_finds_it(struck: Make) -> None:
    """Without the token it is made twice: the reason for tokens."""
    calls = struck(Fault(kind=FaultKind.LOST_REPLY, action="CreateVpc", times=2))
    with pytest.raises(Lost):
        calls.vpc("CreateVpc", ClientToken="t")
    made = calls.paper.cloud.store.vpcs.all()[0].id
    with pytest.raises(Lost):
        calls.vpc("CreateVpc", ClientToken="t")
    assert calls.vpc("CreateVpc", ClientToken="t")["VpcId"] == made
    assert calls.vpc("CreateVpc")["VpcId"] != made


def test_a_call_whose_reply_was_lost_may_still_be_under_way(struck: Make) -> None:
    """IdempotentProcessing for so long, then the answer."""
    calls = struck(Fault(kind=FaultKind.LOST_REPLY, action="CreateVpc", seconds=10))
    with pytest.raises(Lost):
        calls.vpc("CreateVpc", ClientToken="t")
    refused = calls.refused(Product.VPC, "CreateVpc", ClientToken="t")
    assert refused.code == "IdempotentProcessing"
    calls.settle(11)
    assert calls.vpc("CreateVpc", ClientToken="t")["VpcId"]
    assert len(calls.paper.cloud.store.vpcs.all()) == 1


def test_a_stale_answer_shows_the_past(struck: Make) -> None:
    """Creations, states and deletions come later; by id and in lists; then they are there."""
    calls = struck(Fault(kind=FaultKind.STALE, seconds=5, times=0))
    vpc = calls.vpc("CreateVpc")["VpcId"]
    seen: list[list[str]] = []
    for _ in range(12):
        found = calls.vpc("DescribeVpcs", VpcId=vpc)["Vpcs"]["Vpc"]
        seen.append([v["Status"] for v in found])
        calls.settle(0.5)
    assert list(dict.fromkeys(tuple(s) for s in seen)) == [(), ("Pending",), ("Available",)]
    assert calls.refused(Product.VPC, "DescribeVpcAttribute", VpcId="vpc-x").status == 404
    calls.vpc("DeleteVpc", VpcId=vpc)
    assert calls.vpc("DescribeVpcAttribute", VpcId=vpc)["Status"] == "Available"
    calls.settle(6)
    assert calls.vpc("DescribeVpcs")["TotalCount"] == 0


def test_writing_calls_are_never_stale(struck: Make) -> None:
    """What was made can be used at once."""
    calls = struck(Fault(kind=FaultKind.STALE, seconds=60, times=0))
    vpc = calls.vpc("CreateVpc")["VpcId"]
    calls.settle()
    assert calls.vpc("CreateVSwitch", VpcId=vpc, ZoneId="cn-hangzhou-h", CidrBlock="172.16.0.0/24")


@pytest.mark.parametrize(
    "action", ["RunInstances", "StopInstance", "CreateSnapshot", "CreateImage"]
)
def test_a_slow_state_lasts_so_much_longer(struck: Make, action: str) -> None:
    """Pending, Stopping, progressing, Creating; and it ends."""
    calls = struck(Fault(kind=FaultKind.SLOW, action=action, seconds=100))
    key = _ready(calls, disk=True)
    if action == "RunInstances":
        assert calls.instance(key)["Status"] == "Pending"
        calls.settle(100)
        assert calls.instance(key)["Status"] == "Running"
        return
    given = {"InstanceId": key}
    if action == "CreateSnapshot":
        given = {"DiskId": calls.disks(key)[1]["DiskId"]}
    calls.ecs(action, **given)
    calls.settle(90)
    assert _passing(calls) == [action]
    calls.settle(20)
    assert _passing(calls) == []


def _passing(calls: Calls) -> list[str]:
    """Whose effects are still under way."""
    states = {
        "StopInstance": [i["Status"] == "Stopping" for i in calls.ecs("DescribeInstances")["Instances"]["Instance"]],
        "CreateSnapshot": [s["Status"] == "progressing" for s in calls.ecs("DescribeSnapshots")["Snapshots"]["Snapshot"]],
        "CreateImage": [i["Status"] == "Creating" for i in calls.ecs("DescribeImages", Status="Creating")["Images"]["Image"]],
    }  # fmt: skip
    if any(states["CreateImage"]):  # its snapshots pass by themselves
        return ["CreateImage"]
    return [action for action, passing in states.items() if any(passing)]


def test_what_a_call_began_may_fail(struck: Make) -> None:
    """A snapshot is failed, an image CreateFailed, an instance Stopped; the next ones are well."""
    calls = struck(
        Fault(kind=FaultKind.FAILS, action="RunInstances", nth=2),
        Fault(kind=FaultKind.FAILS, action="CreateSnapshot", message="disk broken"),
        Fault(kind=FaultKind.FAILS, action="CreateImage"),
    )
    key = _ready(calls, disk=True)
    broken = _ready(calls)
    assert calls.instance(broken)["Status"] == "Stopped"
    disk = calls.disks(key)[0]["DiskId"]
    failed = calls.ecs("CreateSnapshot", DiskId=disk)["SnapshotId"]
    calls.settle()
    good = calls.ecs("CreateSnapshot", DiskId=disk)["SnapshotId"]
    calls.settle()
    found = {
        s["SnapshotId"]: s["Status"]
        for s in calls.ecs("DescribeSnapshots")["Snapshots"]["Snapshot"]
    }
    assert found == {failed: "failed", good: "accomplished"}
    assert calls.paper.cloud.store.snapshots.get(failed).trouble == "disk broken"
    images = [calls.ecs("CreateImage", SnapshotId=good)["ImageId"] for _ in range(2)]
    calls.settle()
    shown = calls.ecs("DescribeImages", ImageOwnerAlias="self", Status="CreateFailed,Available")
    assert {i["ImageId"]: i["Status"] for i in shown["Images"]["Image"]} == {
        images[0]: "CreateFailed",
        images[1]: "Available",
    }
    calls.ecs("StartInstance", InstanceId=broken)
    calls.settle()
    assert calls.instance(broken)["Status"] == "Running"


def test_an_instance_loses_its_power(struck: Make) -> None:
    """The newest, as soon as it runs; later the one that the call is about."""
    calls = struck(
        Fault(kind=FaultKind.INSTANCE_KILLED, action="RunInstances"),
        Fault(kind=FaultKind.INSTANCE_KILLED, action="GetInstanceConsoleOutput", seconds=2),
    )
    first = _ready(calls)
    assert calls.instance(first)["Status"] == "Stopped"
    second = _ready(calls)
    calls.ecs("StartInstance", InstanceId=first)
    calls.settle()
    calls.ecs("GetInstanceConsoleOutput", InstanceId=first)
    calls.settle(1)
    assert calls.instance(first)["Status"] == "Running"
    calls.settle(3)
    states = [calls.instance(k)["Status"] for k in (first, second)]
    assert states == ["Stopped", "Running"]


def test_somebody_releases_an_instance(struck: Make) -> None:
    """By name; protected or not."""
    calls = struck(Fault(kind=FaultKind.INSTANCE_DELETED, action="DescribeVpcs", instance="alpha"))
    _, vswitch, group = calls.network()
    calls.run(vswitch, group, InstanceName="alpha", DeletionProtection="true")
    kept = calls.run(vswitch, group, InstanceName="beta")
    calls.settle()
    calls.vpc("DescribeVpcs")
    calls.settle()
    assert [i.id for i in calls.paper.cloud.store.instances.all()] == [kept]


def test_a_bad_gateway_is_no_json(struck: Make) -> None:
    """Whatever stands between client and API."""
    calls = struck(Fault(kind=FaultKind.BAD_GATEWAY, action="CreateVpc"))
    with pytest.raises(json.JSONDecodeError):
        calls.vpc("CreateVpc")
    assert calls.paper.cloud.store.vpcs.all() == []


def test_faults_come_and_go_while_the_cloud_runs(struck: Make) -> None:
    """Added, counted, cleared."""
    calls = struck()
    faults = calls.paper.cloud.faults
    assert calls.vpc("CreateVpc")
    faults.add([Fault(kind=FaultKind.THROTTLE, action="CreateVpc", times=0)])
    assert calls.refused(Product.VPC, "CreateVpc").code == "Throttling.User"
    assert [a.struck for a in faults.armed()] == [1]
    faults.clear()
    assert calls.vpc("CreateVpc")


def test_a_fault_is_seen_in_the_request_log(struck: Make) -> None:
    """With the kinds that struck, and that no answer went back."""
    calls = struck(Fault(kind=FaultKind.LOST_REPLY, action="CreateVpc"))
    with pytest.raises(Lost):
        calls.vpc("CreateVpc")
    line = json.loads(calls.paper.log._file.getvalue().splitlines()[-1])
    assert (line["faults"], line["lost"], line["action"]) == (["lost-reply"], True, "CreateVpc")


def test_each_call_of_a_run_can_be_struck_in_turn(struck: Make) -> None:
    """The shape of a chaos test: count the calls of one run, then break each of them."""

    def run(calls: Calls) -> None:
        calls.vpc("DescribeVpcs")
        vpc = calls.vpc("CreateVpc")["VpcId"]
        calls.settle()
        calls.vpc("DeleteVpc", VpcId=vpc)

    whole = struck()
    run(whole)
    made = whole.paper.cloud.faults.made
    assert [m.action for m in made] == ["DescribeVpcs", "CreateVpc", "DeleteVpc"]
    for number in range(1, len(made) + 1):
        with pytest.raises(Refused, match="ServiceUnavailable"):
            run(struck(Fault(kind=FaultKind.UNAVAILABLE, call=number)))
