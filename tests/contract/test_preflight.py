# SPDX-License-Identifier: Apache-2.0
"""What is asked of the embedded cloud before anything is created, by whoever the key belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes.embedded import driven
from fakes.papercloud import PaperCloud, cloud

from hostlift.clouds.access import CloudAccess
from hostlift.clouds.alibaba.account.probes import PROBES
from hostlift.clouds.alibaba.actions import Action, Service, needed, policy
from hostlift.clouds.alibaba.transport import SdkTransport
from hostlift.flow.before.needs import features
from hostlift.flow.before.preflight import Preflight
from hostlift.localcloud.faults.kinds import Fault, FaultKind
from hostlift.model.finding import Finding, Severity
from hostlift.ports.cloud import Cloud
from hostlift.ports.market import Feature
from hostlift.settings.user_config import Settings

WISHES = Settings(region_id="cn-hangzhou", image_name="web-1")
DENIABLE = sorted(
    (a for a in needed(features(WISHES)) if a.feature is not Feature.FORESIGHT),
    key=lambda a: a.api_name,
)


@pytest.fixture
def made() -> Iterator[list[PaperCloud]]:
    """Clouds to take down at the end."""
    found: list[PaperCloud] = []
    yield found
    for paper in found:
        paper.close()


def _asked(
    made: list[PaperCloud], owner: str = "main", wishes: Settings = WISHES, **account: Any
) -> dict[str, list[Finding]]:
    """Findings by check; nothing was created for them."""
    made.append(paper := cloud(accounts=[{"name": "main", **account}]))
    found: dict[str, list[Finding]] = {}
    for finding in Preflight(driven(paper, owner), wishes).findings():
        found.setdefault(finding.check, []).append(finding)
    store = paper.cloud.store
    assert store.vpcs.all() + store.groups.all() + store.instances.all() == []
    assert store.images.all() + store.snapshots.all() + store.disks.all() == []
    return found


def _user(*actions: str) -> dict[str, Any]:
    document = {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
    }
    return {"users": [{"name": "mover", "policies": [document]}]}


def _granted(wanted: frozenset[Feature]) -> list[str]:
    statements = policy(wanted)["Statement"]
    assert isinstance(statements, list)
    return [action for s in statements for action in s["Action"]]


def test_an_account_in_order_passes_every_item(made: list[PaperCloud]) -> None:
    found = _asked(made)
    assert all(f.severity in {Severity.OK, Severity.NOTE} for fs in found.values() for f in fs)
    assert {f"cloud.{n}" for n in ("Permissions", "Balance", "Quotas", "Stock")} <= set(found)
    assert [f.title for f in found["cloud.Quotas"]] == [
        f"Quota of {n}"
        for n in ("vCPUs", "disk GiB", "security groups", "images", "VPCs", "vSwitches in a VPC")
    ]
    assert "cn-hangzhou" in found["cloud.Stock"][0].evidence
    assert found["cloud.Snapshots"][0].severity is Severity.OK


def test_every_action_has_a_probe() -> None:
    """All that can be refused; who we are needs no permission."""
    wanted = {a for a in Action if a.service is not Service.STS}
    assert {probe.action for probe in PROBES} == wanted


def test_the_policy_for_the_wishes_is_enough(made: list[PaperCloud]) -> None:
    user = _user(*_granted(features(WISHES)))
    (found,) = _asked(made, "main/mover", **user)["cloud.Permissions"]
    assert found.severity is Severity.OK


@pytest.mark.parametrize("missing", DENIABLE, ids=lambda a: a.api_name)
def test_each_missing_permission_is_named_before_anything_is_made(
    made: list[PaperCloud], missing: Action
) -> None:
    allowed = [a for a in _granted(features(WISHES)) if a != missing.permission]
    found = _asked(made, "main/mover", **_user(*allowed))["cloud.Permissions"]
    blocked = [f for f in found if f.severity is Severity.BLOCKER]
    assert [f.evidence for f in blocked] == [f"missing: {missing.permission}"]
    assert "hostlift policy" in blocked[0].remedy


def test_what_is_only_good_to_know_may_be_denied(made: list[PaperCloud]) -> None:
    user = _user(*_granted(features(WISHES) - {Feature.FORESIGHT}))
    found = _asked(made, "main/mover", **user)
    assert not [f for fs in found.values() for f in fs if f.severity is Severity.BLOCKER]
    assert found["cloud.Balance"][0].severity is Severity.NOTE
    assert found["cloud.Quotas"][0].evidence == "they may not be asked for"


@pytest.mark.parametrize(
    ("account", "check", "severity", "words"),
    [
        ({"balance": 0.0}, "cloud.Balance", Severity.BLOCKER, "0.00 CNY"),
        ({"balance": 50.0}, "cloud.Balance", Severity.WARNING, "less than"),
        (
            {"quotas": {"cn-hangzhou": {"vpcs": 0}}},
            "cloud.Quotas",
            Severity.BLOCKER,
            "0 of 0 used, 1 needed",
        ),
        (
            {"quotas": {"cn-hangzhou": {"vcpus": 3}}},
            "cloud.Quotas",
            Severity.BLOCKER,
            "0 of 3 used, 4 needed",
        ),
        ({"snapshot_service": False}, "cloud.Snapshots", Severity.BLOCKER, "not activated"),
    ],
)
def test_what_would_be_refused_later_is_told_now(
    made: list[PaperCloud], account: dict[str, Any], check: str, severity: Severity, words: str
) -> None:
    found = [f for f in _asked(made, **account)[check] if f.severity is severity]
    assert words in found[0].evidence
    assert found[0].remedy


def test_a_region_that_nobody_knows_is_told_with_what_was_meant(made: list[PaperCloud]) -> None:
    """A copy's too; a new region is tried all the same, so it is a warning."""
    wishes = WISHES.model_copy(update={"copy_to": ("eu-centrall-1", "somewhere-else")})
    told = [f for f in _asked(made, wishes=wishes)["cloud.Region"] if f.severity is not Severity.OK]
    assert [f.severity for f in told] == [Severity.WARNING] * 2
    assert "eu-centrall-1 is no region that hostlift knows; did you mean eu-central-1?" in (
        told[0].evidence
    )
    assert told[1].evidence.endswith("knows")


def test_a_subnet_without_room_is_told(made: list[PaperCloud]) -> None:
    """A VPC with as many vSwitches as it may have, and a vSwitch that is full."""
    quotas = {"cn-hangzhou": {"vswitches_per_vpc": 1}}
    made.append(paper := cloud(accounts=[{"name": "main", "quotas": quotas}]))
    driver = driven(paper)
    vpc = driver.networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="v")
    wishes = WISHES.model_copy(update={"vpc_id": vpc})
    assert _of(driver, wishes, "cloud.Quotas", "vSwitches")[0].severity is Severity.OK
    zone = next(driver.instances.placements()).zone
    vswitch = driver.networks.create_vswitch(
        vpc=vpc, zone=zone, cidr="10.0.0.0/29", tags={}, token="s"
    )
    full = _of(driver, wishes, "cloud.Quotas", "vSwitches")[0]
    assert (full.severity, "1 of 1 used" in full.evidence) == (Severity.BLOCKER, True)
    named = wishes.model_copy(update={"vswitch_id": vswitch})
    (found,) = [f for f in _of(driver, named, "cloud.Network") if vswitch in f.evidence]
    assert (found.severity, "has 4 free" in found.evidence) == (Severity.OK, True)


def _of(driver: Cloud, wishes: Settings, check: str, word: str = "") -> list[Finding]:
    found = Preflight(driver, wishes).findings()
    return [f for f in found if f.check == check and word in f.title]


def test_a_network_that_is_not_there_is_told(made: list[PaperCloud]) -> None:
    wishes = WISHES.model_copy(update={"vpc_id": "vpc-nowhere"})
    (found,) = _asked(made, wishes=wishes)["cloud.Network"]
    assert found.severity is Severity.BLOCKER
    assert "vpc-nowhere" in found.evidence


def test_a_proxy_is_told_and_its_login_is_not(
    made: list[PaperCloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment or the settings; what does not go through it is said."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@192.0.2.9:3128")
    transport = SdkTransport(CloudAccess("cn-hangzhou"))
    assert transport.proxy() == "192.0.2.9:3128"
    assert SdkTransport(CloudAccess("cn-hangzhou", proxy="p.example:80")).proxy() == "p.example:80"
    made.append(paper := cloud())
    driver = driven(paper)
    driver.market = replace(driver.market, through=lambda: "127.0.0.1:9")
    found = {f.check: f for f in Preflight(driver, WISHES).findings(identified=False)}
    assert "through 127.0.0.1:9" in found["cloud.Proxy"].evidence
    assert "8080 and 8703" in found["cloud.Proxy"].evidence
    wishes = WISHES.model_copy(update={"proxy_data": True})
    found = {f.check: f for f in Preflight(driver, wishes).findings(identified=False)}
    assert "8080 and 8703 to the intermediate instance, go through" in found["cloud.Proxy"].evidence
    assert "CONNECT" in found["cloud.Proxy"].evidence


def test_without_a_valid_key_what_needs_none_is_told_all_the_same(made: list[PaperCloud]) -> None:
    made.append(paper := cloud())
    checks = {f.check for f in Preflight(driven(paper), WISHES).findings(identified=False)}
    assert checks == {"cloud.Region", "cloud.Proxy", "cloud.Endpoints"}


def test_an_item_that_cannot_be_asked_hides_no_other(made: list[PaperCloud]) -> None:
    """The balance's service is down for good; the rest is told."""
    down = Fault(kind=FaultKind.ERROR, action="DescribeAvailableResource", code="Odd", times=99)
    made.append(paper := cloud(faults=(down,)))
    found = list(Preflight(driven(paper), WISHES).findings())
    assert [f.severity for f in found if f.check == "cloud.Stock"] == [Severity.WARNING]
    assert any(f.check == "cloud.Snapshots" and f.severity is Severity.OK for f in found)
