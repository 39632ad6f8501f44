# SPDX-License-Identifier: Apache-2.0
"""What the owner of a cloud asks of it while it runs: through the daemon and the CLI."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.sdk import Sdk, until
from typer.testing import CliRunner, Result

from hostlift.cli.cloud import app
from hostlift.errors import StateError
from hostlift.localcloud import control, daemon
from hostlift.localcloud.faults.kinds import Fault, FaultKind

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of a cloud that is down at the end."""
    place = tmp_path / "cloud"
    yield place
    if place.exists():
        daemon.reset(place)


@pytest.fixture
def run(folder: Path) -> Run:
    """``hostlift cloud`` on it."""

    def run(*words: str, status: int = 0) -> Result:
        done = CliRunner().invoke(app, [*words, "--folder", str(folder)])
        assert done.exit_code == status, done.output
        return done

    return run


def _sdk(info: daemon.CloudInfo, key: str = "", secret: str = "") -> Sdk:
    return Sdk(
        None,
        info.endpoint.removeprefix("http://"),
        access_key_id=key or info.access_key_id,
        access_key_secret=secret or info.access_key_secret,
    )


def test_a_fault_is_armed_struck_counted_and_cleared(folder: Path, run: Run) -> None:
    """From the command line, while the cloud runs."""
    sdk = _sdk(daemon.up(folder, "paper"))
    run("fault", "add", "throttle", "action=CreateVpc", "times=2")
    given = {"RegionId": "cn-hangzhou"}
    assert sdk.refused(sdk.vpc, "CreateVpc", **given) == "Throttling.User"
    assert "struck=1" in run("fault", "ls").stdout
    found = json.loads(run("fault", "ls", "--json").stdout)
    assert found["faults"] == [{"kind": "throttle", "action": "CreateVpc", "times": 2, "struck": 1}]
    run("fault", "clear")
    assert sdk.vpc("CreateVpc", **given)["VpcId"]
    wrong = run("fault", "add", "typhoon", status=2)
    assert "typhoon" in wrong.output
    assert "lost-reply" in CliRunner().invoke(app, ["fault", "kinds"]).stdout


def test_the_bill_grows_with_use(folder: Path, run: Run, tmp_path: Path) -> None:
    """A disk costs money; up and down the bill is told alike."""
    dear = tmp_path / "dear.json"
    dear.write_text(json.dumps({"price_factor": 1e6}))
    run("configure", str(dear))
    sdk = _sdk(daemon.up(folder, "paper"))
    assert json.loads(run("bill", "--json").stdout)[0]["spent"] == 0
    where = {"RegionId": "cn-hangzhou", "ZoneId": "cn-hangzhou-h"}
    sdk.ecs("CreateDisk", **where, DiskCategory="cloud_essd", Size=100)
    until(lambda: json.loads(run("bill", "--json").stdout)[0]["spent"] > 0)
    daemon.down(folder)
    (main,) = json.loads(run("bill", "--json").stdout)
    assert (main["account"], main["an_hour"]) == ("main", 0)
    assert main["balance"] == pytest.approx(10_000 - main["spent"], abs=0.01)
    assert f"spent={main['spent']}" in run("bill").stdout


def test_a_user_is_made_with_a_policy_that_is_enforced(
    folder: Path, run: Run, tmp_path: Path
) -> None:
    """Its key is printed once made, stays the same, and survives a restart of the cloud."""
    info = daemon.up(folder, "paper")
    policy = tmp_path / "policy.json"
    statement = {"Effect": "Allow", "Action": "ecs:Describe*", "Resource": "*"}
    policy.write_text(json.dumps({"Version": "1", "Statement": [statement]}))
    pair = json.loads(run("user", "add", "mover", "--policy", str(policy), "--json").stdout)
    keys = (pair["access_key_id"], pair["access_key_secret"])
    mover = _sdk(info, *keys)
    assert mover.ecs("DescribeInstances", RegionId="cn-hangzhou")["TotalCount"] == 0
    assert mover.refused(mover.vpc, "DescribeVpcs", RegionId="cn-hangzhou") == "Forbidden.RAM"
    again = json.loads(
        run("user", "add", "mover", "--policy", "AliyunVPCFullAccess", "--json").stdout
    )
    assert again == pair
    assert mover.vpc("DescribeVpcs", RegionId="cn-hangzhou")["TotalCount"] == 0
    assert "AliyunVPCFullAccess" in run("user", "ls").stdout
    daemon.down(folder)
    mover = _sdk(daemon.up(folder, "paper"), *keys)
    assert mover.vpc("DescribeVpcs", RegionId="cn-hangzhou")["TotalCount"] == 0
    run("user", "rm", "mover")
    assert mover.refused(mover.vpc, "DescribeVpcs", RegionId="cn-hangzhou").startswith(
        "InvalidAccessKeyId"
    )
    assert "no such system policy" in run("user", "add", "x", "--policy", "Nope", status=2).output


def test_settings_are_changed_at_once_and_for_later(folder: Path, run: Run, tmp_path: Path) -> None:
    """A wrong one changes nothing."""
    sdk = _sdk(daemon.up(folder, "paper"))
    file = tmp_path / "wishes.json"
    file.write_text(json.dumps({"quotas": {"vpcs": 0}}))
    run("configure", str(file))
    assert sdk.refused(sdk.vpc, "CreateVpc", RegionId="cn-hangzhou") == "QuotaExceeded.Vpc"
    file.write_text(json.dumps({"quotas": {"vpc": 5}}))
    assert "vpc" in run("configure", str(file), status=2).output
    daemon.down(folder)
    sdk = _sdk(daemon.up(folder, "paper"))
    assert sdk.refused(sdk.vpc, "CreateVpc", RegionId="cn-hangzhou") == "QuotaExceeded.Vpc"
    assert run("configure", str(tmp_path / "none.json"), status=2)


def test_the_log_tells_who_asked_what_and_how_it_ended(folder: Path, run: Run) -> None:
    """All, those that failed, those of an action."""
    sdk = _sdk(daemon.up(folder, "paper"))
    sdk.vpc("DescribeVpcs", RegionId="cn-hangzhou")
    sdk.refused(sdk.vpc, "DescribeVpcAttribute", RegionId="cn-hangzhou", VpcId="vpc-x")
    lines = run("log").stdout.splitlines()
    assert len(lines) == 2
    assert "main:root  DescribeVpcs  200" in lines[0]
    assert "InvalidVpcId.NotFound" in lines[1]
    assert run("log", "--failed").stdout.splitlines() == lines[1:]
    assert run("log", "--action", "*Vpcs").stdout.splitlines() == lines[:1]
    one = json.loads(run("log", "--failed", "--json").stdout)
    assert {k: one[k] for k in ("account", "caller", "product", "action", "code", "status")} == {
        "account": "main",
        "caller": "root",
        "product": "vpc",
        "action": "DescribeVpcAttribute",
        "code": "InvalidVpcId.NotFound",
        "status": 404,
    }
    assert one["parameters"] == {"RegionId": "cn-hangzhou", "VpcId": "vpc-x"}
    assert one["request_id"]


def test_a_machine_joins_and_leaves_a_private_network(folder: Path, run: Run) -> None:
    """The link is remembered; an address inside the network is refused."""
    sdk = _sdk(daemon.up(folder, "paper"))
    vpc = sdk.vpc("CreateVpc", RegionId="cn-hangzhou", CidrBlock="10.0.0.0/16")["VpcId"]
    link = run("join", vpc, "office", "192.168.77.10/24").stdout.strip()
    assert [(s["id"], s["vpc"]) for s in control.sites(folder)] == [(link, vpc)]
    assert run("join", vpc, "office", "192.168.77.10/24").stdout.strip() == link
    assert "outside" in run("join", vpc, "office", "10.0.3.3/24", status=2).output
    assert (
        "no such private network"
        in run("join", "vpc-x", "office", "192.168.77.10/24", status=2).output
    )
    run("part", link)
    assert control.sites(folder) == []


def test_an_instance_is_struck_without_a_call(folder: Path, run: Run) -> None:
    """By name; nobody of that name is an error."""
    sdk = _sdk(daemon.up(folder, "paper"))
    where = {"RegionId": "cn-hangzhou"}
    vpc = sdk.vpc("CreateVpc", **where, CidrBlock="10.0.0.0/16")["VpcId"]
    until(lambda: sdk.vpc("DescribeVpcs", **where)["Vpcs"]["Vpc"][0]["Status"] == "Available")
    zone = {"ZoneId": "cn-hangzhou-h", "CidrBlock": "10.0.1.0/24"}
    vswitch = sdk.vpc("CreateVSwitch", **where, VpcId=vpc, **zone)["VSwitchId"]
    until(lambda: sdk.vpc("DescribeVSwitchAttributes", VSwitchId=vswitch)["Status"] == "Available")
    group = sdk.ecs("CreateSecurityGroup", **where, VpcId=vpc)["SecurityGroupId"]
    image = "debian_12_0_x64_20G_alibase_20240101.vhd"
    kind = {"InstanceType": "ecs.t6-c1m1.large", "ImageId": image, "InstanceName": "alpha"}
    sdk.ecs("RunInstances", **where, **kind, VSwitchId=vswitch, SecurityGroupId=group)

    def states() -> list[str]:
        return [i["Status"] for i in sdk.ecs("DescribeInstances", **where)["Instances"]["Instance"]]

    until(lambda: states() == ["Running"])
    run("fault", "strike", "instance-killed", "alpha")
    until(lambda: states() == ["Stopped"])
    run("fault", "strike", "instance-deleted", "alpha")
    until(lambda: states() == [])
    assert "no such instance" in run("fault", "strike", "instance-killed", "beta", status=2).output


def test_only_the_owner_is_heard(folder: Path) -> None:
    """Without the token of the running cloud there is nothing at /admin."""
    info = daemon.up(folder, "paper")
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer guess"}):
        request = urllib.request.Request(f"{info.endpoint}/admin/faults", b"{}", headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == 404
        refused.value.close()


def test_a_cloud_that_is_down_is_told(folder: Path) -> None:
    """With the remedy."""
    with pytest.raises(StateError, match="the cloud is down"):
        control.add_fault(folder, Fault(kind=FaultKind.THROTTLE))
