# SPDX-License-Identifier: Apache-2.0
"""The balance moves with use, and an account in arrears makes nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.calls import SMALL, ZONE, Calls
from fakes.papercloud import DrivenClock, PaperCloud, cloud, paper_cloud

from hostlift.localcloud.config import AccountSettings, Settings

HOUR = 3600.0


@pytest.fixture
def paper() -> Iterator[PaperCloud]:
    made = cloud(accounts=[{"name": "main", "balance": 1000.0}, {"name": "partner"}])
    yield made
    made.close()


@pytest.fixture
def calls(paper: PaperCloud) -> Calls:
    return Calls(paper)


def _spent(paper: PaperCloud, account: str = "main") -> float:
    return paper.cloud.meter.spent(paper.key(account).id)


def _in(paper: PaperCloud, hours: float) -> float:
    """What the main account spends in the next hours."""
    before = _spent(paper)
    paper.clock.sleep(hours * HOUR)
    return _spent(paper) - before


def _server(calls: Calls, **more: Any) -> str:
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group, **more)
    calls.settle()
    return key


def test_an_hour_costs_what_was_quoted(paper: PaperCloud, calls: Calls) -> None:
    """DescribePrice and the balance agree, data disks and bandwidth included."""
    wishes: dict[str, Any] = {
        "SystemDisk.Category": "cloud_essd",
        "SystemDisk.Size": 40,
        "DataDisk.1.Category": "cloud_ssd",
        "DataDisk.1.Size": 100,
        "InternetChargeType": "PayByBandwidth",
        "InternetMaxBandwidthOut": 5,
    }
    price = calls.ecs("DescribePrice", InstanceType=SMALL, **wishes)["PriceInfo"]["Price"]
    _server(calls, **wishes)
    assert _in(paper, 10) == pytest.approx(10 * price["TradePrice"], abs=1e-4)
    left = calls.bss("QueryAccountBalance")["Data"]["AvailableAmount"]
    assert left == f"{1000 - _spent(paper):.2f}"
    assert _spent(paper, "partner") == 0


def test_a_stopped_instance_costs_its_disks_only_in_economical_mode(
    paper: PaperCloud, calls: Calls
) -> None:
    """KeepCharging goes on; what is released costs nothing any more."""
    key = _server(calls)
    running = _in(paper, 1)
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    calls.settle()
    assert _in(paper, 1) == pytest.approx(running)
    calls.ecs("StartInstance", InstanceId=key)
    calls.settle()
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="StopCharging")
    calls.settle()
    assert 0 < _in(paper, 1) < running
    calls.ecs("DeleteInstance", InstanceId=key)
    calls.settle()
    assert _in(paper, 24) == 0


def test_disks_and_snapshots_cost_by_size(paper: PaperCloud, calls: Calls) -> None:
    """Loose disks too; a disk that grows costs more from then on."""
    disk = calls.ecs("CreateDisk", ZoneId=ZONE, DiskCategory="cloud_essd", Size=100)["DiskId"]
    calls.settle()
    small = _in(paper, 1)
    calls.ecs("ResizeDisk", DiskId=disk, NewSize=200)
    assert _in(paper, 1) == pytest.approx(2 * small)
    key = _server(calls)
    before = _in(paper, 1)
    calls.ecs("CreateSnapshot", DiskId=calls.disks(key)[0]["DiskId"])
    calls.settle()
    assert _in(paper, 1) > before


def test_a_refused_call_is_not_on_the_bill(paper: PaperCloud, calls: Calls) -> None:
    """Nothing was made, nothing is spent."""
    _, vswitch, group = calls.network()
    refused = calls.refusal("RunInstances", ImageId="m-none", InstanceType=SMALL)
    assert refused
    with pytest.raises(Exception, match="DryRunOperation"):
        calls.run(vswitch, group, DryRun=True)
    assert _in(paper, 10) == 0


def test_arrears_stop_creation_until_money_comes(tmp_path: Path) -> None:
    """Below the least balance no orders; in debt no snapshot either; looking and deleting go on."""
    poor = AccountSettings(name="main", balance=101.0)
    paper = paper_cloud(tmp_path, DrivenClock(), Settings(accounts=(poor,), price_factor=100.0))
    calls = Calls(paper)
    key = _server(calls)
    disk = calls.disks(key)[0]["DiskId"]
    order = {"ZoneId": ZONE, "DiskCategory": "cloud_essd", "Size": 20}
    paper.clock.sleep(HOUR / 4)
    assert calls.refusal("CreateDisk", **order) == "InvalidAccountStatus.NotEnoughBalance"
    calls.ecs("CreateSnapshot", DiskId=disk)
    paper.clock.sleep(24 * HOUR)
    assert calls.refusal("CreateDisk", **order) == "Account.Arrearage"
    assert calls.refusal("CreateSnapshot", DiskId=disk) == "Account.Arrearage"
    assert calls.instance(key)["Status"] == "Running"
    rich = AccountSettings(name="main", balance=100_000.0)
    paper.cloud.change_settings(Settings(accounts=(rich,)), paper.keyring)
    assert calls.ecs("CreateDisk", **order)["DiskId"]
    calls.ecs("DeleteInstance", InstanceId=key, Force=True)
    paper.close()


def test_a_cloud_that_is_down_bills_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    """The account goes on where it stood."""
    clock = DrivenClock()
    paper = paper_cloud(tmp_path, clock)
    _server(Calls(paper))
    hour = _in(paper, 1)
    spent = _spent(paper)
    paper.close()
    clock.cloud = None
    clock.sleep(1000 * HOUR)
    again = paper_cloud(tmp_path, clock)
    assert _spent(again) == pytest.approx(spent)
    assert _in(again, 1) == pytest.approx(hour, rel=0.01)
    again.close()
