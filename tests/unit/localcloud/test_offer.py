# SPDX-License-Identifier: Apache-2.0
"""Balances, quotas, stock and prices, as they are set and as the API tells and enforces them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.calls import SMALL, ZONE, Calls, Refused
from fakes.papercloud import PaperCloud, cloud

from hostlift.errors import ConfigError
from hostlift.localcloud import config
from hostlift.localcloud.wire.message import Product

Make = Callable[..., Calls]


@pytest.fixture
def make() -> Iterator[Make]:
    """Calls into a cloud that is set so."""
    made: list[PaperCloud] = []

    def one(**wishes: Any) -> Calls:
        account = {k: wishes.pop(k) for k in list(wishes) if k != "stock"}
        made.append(cloud(accounts=[{"name": "main", **account}], **wishes))
        return Calls(made[-1])

    yield one
    for paper in made:
        paper.close()


def _orders(calls: Calls) -> str:
    """The code with which RunInstances is refused."""
    _, vswitch, group = calls.network()
    with pytest.raises(Refused) as refused:
        calls.run(vswitch, group)
    assert calls.paper.cloud.store.instances.all() == []
    return refused.value.code


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"balance": 99.99}, "InvalidAccountStatus.NotEnoughBalance"),
        ({"in_debt": True}, "Account.Arrearage"),
        ({"real_name": False}, "RealNameAuthenticationError"),
        ({"risk_control": True}, "Forbidden.RiskControl"),
    ],
)
def test_an_account_that_may_not_order_is_told_why(
    make: Make, account: dict[str, Any], code: str
) -> None:
    """At RunInstances; what costs nothing goes on."""
    assert _orders(make(**account)) == code


def test_the_balance_is_told_in_the_accounts_currency(make: Make) -> None:
    """Texts with two decimals."""
    told = make(balance=12.5, currency="USD").bss("QueryAccountBalance")
    assert (told["Code"], told["Success"]) == ("200", True)
    assert told["Data"]["AvailableAmount"] == "12.50"
    assert told["Data"]["Currency"] == "USD"


def test_without_the_snapshot_service_there_is_no_snapshot(make: Make) -> None:
    """Neither by itself nor under an image of an instance."""
    calls = make(snapshot_service=False)
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group)
    calls.settle()
    disk = calls.disks(key)[0]["DiskId"]
    code = "InvalidAccountStatus.SnapshotServiceUnavailable"
    assert calls.refusal("CreateSnapshot", DiskId=disk) == code
    assert calls.refusal("CreateImage", InstanceId=key) == code


def test_an_account_outside_the_white_list_makes_no_system_disk_from_a_data_disk(
    make: Make,
) -> None:
    """UserNotInTheWhiteList; the usual ways stay open."""
    calls = make(system_disk_from_data=False)
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group, **{"DataDisk.1.Size": 20})
    calls.settle()
    copies = []
    for disk in calls.disks(key):
        copies.append(calls.ecs("CreateSnapshot", DiskId=disk["DiskId"])["SnapshotId"])
        calls.settle()
    given = {"Platform": "Debian", "Architecture": "x86_64"}
    mapping = {
        "DiskDeviceMapping.1.SnapshotId": copies[1],
        "DiskDeviceMapping.1.DiskType": "system",
    }
    assert calls.refusal("CreateImage", **given, **mapping) == "UserNotInTheWhiteList"
    assert calls.ecs("CreateImage", SnapshotId=copies[0])["ImageId"]


def _make_disk(calls: Calls, **more: Any) -> None:
    calls.ecs("CreateDisk", ZoneId=ZONE, DiskCategory="cloud_essd", **{"Size": 20, **more})


def _a_vpc(calls: Calls) -> str:
    known = calls.paper.cloud.store.vpcs.all()
    if known:
        return known[0].id
    vpc = str(calls.vpc("CreateVpc", CidrBlock="10.0.0.0/16")["VpcId"])
    calls.settle()
    return vpc


def _net(calls: Calls) -> tuple[str, str]:
    if not calls.paper.cloud.store.vswitches.all():
        calls.network()
    store = calls.paper.cloud.store
    return store.vswitches.all()[0].id, store.groups.all()[0].id


def _subnet(calls: Calls) -> None:
    calls.vpc("CreateVSwitch", VpcId=_a_vpc(calls), ZoneId=ZONE, CidrMask=24)
    calls.settle()


def _disk(calls: Calls) -> str:
    if not calls.paper.cloud.store.instances.all():
        calls.run(*_net(calls))
        calls.settle()
    return calls.paper.cloud.store.disks.all()[0].id


def _snapshot(calls: Calls) -> str:
    key = str(calls.ecs("CreateSnapshot", DiskId=_disk(calls))["SnapshotId"])
    calls.settle()
    return key


def _image(calls: Calls) -> None:
    known = calls.paper.cloud.store.snapshots.all()
    calls.ecs("CreateImage", SnapshotId=known[0].id if known else _snapshot(calls))


def _rule(calls: Calls) -> None:
    _, group = _net(calls)
    count = len(calls.paper.cloud.store.groups.all()[0].rules)
    calls.ecs(
        "AuthorizeSecurityGroup",
        SecurityGroupId=group,
        IpProtocol="tcp",
        PortRange=f"{count + 1}/{count + 1}",
        SourceCidrIp="0.0.0.0/0",
    )


@pytest.mark.parametrize(
    ("quota", "use", "code"),
    [
        ("vpcs", lambda c: c.vpc("CreateVpc"), "QuotaExceeded.Vpc"),
        ("security_groups", lambda c: c.ecs("CreateSecurityGroup", VpcId=_a_vpc(c)), "QuotaExceed.SecurityGroup"),
        ("vswitches_per_vpc", _subnet, "QuotaExceeded.VSwitch"),
        ("instances", lambda c: c.run(*_net(c)), "QuotaExceed.AfterpayInstance"),
        ("vcpus", lambda c: c.run(*_net(c)), "QuotaExceed.ElasticQuota"),
        ("disks", _make_disk, "QuotaExceed.PostPaidDisk"),
        ("disk_gib", _make_disk, "QuotaExceed.PostPaidDisk"),
        ("snapshots", _snapshot, "QuotaExceed.Snapshot"),
        ("snapshots_per_disk", _snapshot, "QuotaExceed.Snapshot"),
        ("images", _image, "QuotaExceed.Image"),
        ("eips", lambda c: c.vpc("AllocateEipAddress"), "QuotaExceeded.Eip"),
        ("rules_per_group", _rule, "QuotaExceed.AuthorizationLimitExceed"),
    ],
)  # fmt: skip
def test_a_quota_holds_in_its_region_and_account(
    make: Make, quota: str, use: Callable[[Calls], Any], code: str
) -> None:
    """Two uses pass, the third is refused with the documented code."""
    each = {"vcpus": 2, "disk_gib": 20}.get(quota, 1)
    calls = make(quotas={"cn-hangzhou": {quota: 2 * each}})
    use(calls)
    use(calls)
    with pytest.raises(Refused) as refused:
        use(calls)
    assert refused.value.code == code


def test_a_quota_of_one_region_is_none_of_another(make: Make) -> None:
    """Nor of another account."""
    calls = make(quotas={"cn-hangzhou": {"vpcs": 0}, "*": {"vpcs": 1}})
    assert calls.refused(Product.VPC, "CreateVpc").code == "QuotaExceeded.Vpc"
    there = calls.of("main", "cn-beijing")
    assert there.vpc("CreateVpc")["VpcId"]
    assert there.refused(Product.VPC, "CreateVpc").code == "QuotaExceeded.Vpc"


def test_quotas_and_their_use_can_be_read(make: Make) -> None:
    """The ECS ones as account attributes, that of VPCs at Quota Center only."""
    calls = make(quotas={"*": {"vpcs": 3, "vcpus": 8, "images": 7}})
    calls.run(*_net(calls))
    items = calls.ecs("DescribeAccountAttributes")["AccountAttributeItems"]["AccountAttributeItem"]
    told = {i["AttributeName"]: i["AttributeValues"]["ValueItem"][0]["Value"] for i in items}
    assert (told["max-postpaid-instance-vcpu-count"], told["max-images"]) == ("8", "7")
    assert told["used-postpaid-instance-vcpu-count"] == "2"
    here = {"Dimensions.1.Key": "regionId", "Dimensions.1.Value": "cn-hangzhou"}
    name = "vpc_quota_instances_num_cn-hangzhou"
    one = calls.quotas("GetProductQuota", ProductCode="vpc", QuotaActionCode=name, **here)["Quota"]
    assert (one["TotalQuota"], one["TotalUsage"]) == (3.0, 1.0)
    listed = calls.quotas("ListProductQuotas", ProductCode="vpc", **here)
    assert (listed["TotalCount"], listed["Quotas"][0]) == (2, one)
    assert calls.refused(Product.QUOTAS, "ListProductQuotas", ProductCode="x").status == 404


def test_what_is_sold_out_is_shown_and_refused(make: Make) -> None:
    """Per zone and type; a wildcard means all."""
    calls = make(stock=[{"zone": ZONE, "instance_type": "ecs.t6-*"}])
    found = calls.ecs(
        "DescribeAvailableResource", DestinationResource="InstanceType", InstanceType=SMALL
    )
    zones = {z["ZoneId"]: z for z in found["AvailableZones"]["AvailableZone"]}
    short = zones.pop(ZONE)
    assert (short["Status"], short["StatusCategory"]) == ("SoldOut", "WithoutStock")
    inner = short["AvailableResources"]["AvailableResource"][0]["SupportedResources"]
    assert inner["SupportedResource"] == [
        {"Value": SMALL, "Status": "SoldOut", "StatusCategory": "WithoutStock"}
    ]
    assert {z["Status"] for z in zones.values()} == {"Available"}
    assert _orders(calls) == "OperationDenied.NoStock"
    assert calls.run(*_net(calls), InstanceType="ecs.g6.large")


@pytest.mark.parametrize(
    ("shortage", "more", "code"),
    [
        ({"instance_type": "*", "zone": ZONE}, {}, "Zone.NotOnSale"),
        ({"disk": "cloud_efficiency"}, {}, "OperationDenied.ZoneSystemCategoryNotMatch"),
        ({"disk": "cloud_essd"}, {"DataDisk.1.Category": "cloud_essd", "DataDisk.1.Size": 20}, "InvalidDataDiskCategory.NotSupported"),
        ({"instance_type": SMALL, "stock": "ClosedWithoutStock"}, {}, "OperationDenied.NoStock"),
    ],
)  # fmt: skip
def test_each_shortage_has_its_code(
    make: Make, shortage: dict[str, str], more: dict[str, Any], code: str
) -> None:
    """Of a zone, of a disk category, of a type."""
    calls = make(stock=[shortage])
    with pytest.raises(Refused) as refused:
        calls.run(*_net(calls), **more)
    assert refused.value.code == code


def test_what_is_running_out_can_still_be_had(make: Make) -> None:
    """ClosedWithStock: available, about to close."""
    calls = make(stock=[{"instance_type": SMALL, "stock": "ClosedWithStock"}])
    assert calls.run(*_net(calls))


def test_disk_categories_are_listed_with_their_stock(make: Make) -> None:
    """And a loose disk of one that is sold out is refused."""
    calls = make(stock=[{"disk": "cloud_essd", "zone": ZONE}])
    given = {"DestinationResource": "SystemDisk", "InstanceType": SMALL, "ZoneId": ZONE}
    zone = calls.ecs("DescribeAvailableResource", **given)["AvailableZones"]["AvailableZone"][0]
    inner = zone["AvailableResources"]["AvailableResource"][0]["SupportedResources"]
    states = {r["Value"]: r["Status"] for r in inner["SupportedResource"]}
    assert (states["cloud_essd"], states["cloud_efficiency"]) == ("SoldOut", "Available")
    assert zone["Status"] == "Available"
    with pytest.raises(Refused, match=r"InvalidDiskCategory\.NotSupported"):
        _make_disk(calls)


def test_a_price_is_the_sum_of_its_parts(make: Make) -> None:
    """Twice as long costs twice as much; a disk alone has a price too."""
    calls = make(currency="USD")

    def price(**more: Any) -> dict[str, Any]:
        told = calls.ecs("DescribePrice", **{"InstanceType": "ecs.g6.large", **more})
        return dict(told["PriceInfo"]["Price"])

    hour = price(**{"DataDisk.1.Size": 100, "DataDisk.1.Category": "cloud_essd"})
    assert hour["Currency"] == "USD"
    parts = {d["Resource"]: d["TradePrice"] for d in hour["DetailInfos"]["DetailInfo"]}
    assert hour["TradePrice"] == pytest.approx(sum(parts.values()))
    assert all(parts[p] > 0 for p in ("instanceType", "systemDisk", "dataDisk"))
    assert price(PriceUnit="Day")["TradePrice"] == pytest.approx(24 * price()["TradePrice"])
    assert price(Amount=3)["TradePrice"] == pytest.approx(3 * price()["TradePrice"])
    given = {"ResourceType": "disk", "DataDisk.1.Size": 100, "DataDisk.1.Category": "cloud_essd"}
    assert price(**given)["TradePrice"] == pytest.approx(parts["dataDisk"])


def test_settings_survive_writing_and_reading(tmp_path: Path) -> None:
    """What is not set is not written; a wrong word is named."""
    wishes = {
        "quotas": {"vpcs": 1},
        "stock": [{"zone": ZONE, "instance_type": "*"}],
        "accounts": [{"name": "main", "balance": 3, "users": [{"name": "u", "policies": ["AdministratorAccess"]}]}],
        "faults": [{"kind": "throttle", "action": "Run*"}],
    }  # fmt: skip
    settings = config.read(json.dumps(wishes), "x")
    config.save(tmp_path, settings)
    assert config.load(tmp_path) == settings
    assert set(json.loads((tmp_path / config.FILE).read_text())) == set(wishes)


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        ({"quotas": {"vpc": 1}}, "vpc"),
        ({"accounts": [{"name": "main", "quotas": {"*": {"vpc": 1}}}]}, "no such quota: vpc"),
        ({"accounts": [{"name": "main"}, {"name": "main"}]}, "named twice: main"),
        ({"accounts": [{"name": "main", "users": [{"name": "u", "policies": ["Nope"]}]}]}, "no such system policy"),
        ({"stock": [{"zone": "x"}]}, "names an instance_type or a disk"),
        ({"faults": [{"kind": "typhoon"}]}, "kind"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named(wishes: dict[str, Any], word: str) -> None:
    """With what it should be."""
    with pytest.raises(ConfigError, match=word):
        config.read(json.dumps(wishes), "settings.json")
