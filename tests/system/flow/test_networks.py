# SPDX-License-Identifier: Apache-2.0
"""Migrations share a VPC: the account's quota is no limit, and the last one out turns off the light."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.paperstories import PaperStage
from fakes.stories import beacon
from fakes.stories import sync as warm
from pydantic import SecretStr

from hostlift.errors import ConfigError
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.results import Results

pytestmark = pytest.mark.root

ONE_VPC = {"quotas": {"vpcs": 1}}


def give_up(ctx: Context) -> Results:
    pipeline.give_up(ctx)
    return pipeline.results_of(ctx.journal)


def two_stages(folder: Path) -> tuple[PaperStage, PaperStage]:
    """Two migrations in one account that may have a single VPC."""
    first = PaperStage(folder / "first", wishes=ONE_VPC)
    second = PaperStage(folder / "second", wishes=ONE_VPC, migration="m-2")
    second.close()
    second.clock, second.paper, second.cloud = first.clock, first.paper, first.cloud
    second.settings = second.settings.model_copy(update={"image_name": "other"})
    return first, second


def vpcs(stage: PaperStage) -> list[str]:
    return [vpc.id for vpc in stage.paper.cloud.store.vpcs.all()]


@pytest.mark.parametrize("first_out", [0, 1])
def test_a_second_migration_moves_in_and_the_last_one_deletes(
    tmp_path: Path, first_out: int
) -> None:
    """Whoever ends first leaves the network to the other."""
    stages = two_stages(tmp_path)
    first, second = stages
    first.run(verb=warm)
    second.run(verb=warm)
    (shared,) = vpcs(first)
    subnets = [s.cidr for s in first.paper.cloud.store.vswitches.all()]
    assert len(set(subnets)) == 2
    stages[first_out].run(verb=give_up)
    assert vpcs(first) == [shared]
    last = stages[1 - first_out]
    first.paper.compute.said = beacon(last.migration).encode()
    last.run()
    assert last.left() == {"images": 1, "snapshots": 1}
    assert any("which a migration made" in note for note in second.notes())
    first.close()


def test_what_a_user_put_into_our_network_keeps_it(tmp_path: Path) -> None:
    """It is not ours to delete; the rest goes."""
    stage = PaperStage(tmp_path)
    stage.run(verb=warm)
    (vpc,) = vpcs(stage)
    stage.cloud.networks.create_security_group(vpc=vpc, rules=(), tags={}, token="theirs")
    stage.run(verb=give_up)
    assert stage.left() == {"vpcs": 1, "groups": 1}
    assert any("not hostlift's" in note for note in stage.notes())
    stage.close()


@pytest.mark.parametrize("key", ["vpc_id", "vswitch_id", "security_group_id"])
def test_a_network_that_is_not_there_is_told_by_its_key(tmp_path: Path, key: str) -> None:
    """Before an instance is made."""
    stage = PaperStage(tmp_path)
    vpc = stage.cloud.networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="theirs")
    stage.clock.sleep(30)
    wrong = {"vpc_id": vpc, key: "x-0000000000000000"}
    stage.settings = stage.settings.model_copy(update=wrong)
    with pytest.raises(ConfigError) as caught:
        stage.run()
    assert caught.value.subject == key
    assert "instances" not in stage.left()
    stage.close()


def test_a_network_of_the_users_is_used_and_kept(tmp_path: Path) -> None:
    """VPC, vSwitch and group are all theirs: nothing is made beside the instance."""
    stage = PaperStage(tmp_path)
    networks = stage.cloud.networks
    vpc = networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="v")
    stage.clock.sleep(30)
    zone = next(stage.cloud.instances.placements()).zone
    vswitch = networks.create_vswitch(vpc=vpc, zone=zone, cidr="10.1.0.0/24", tags={}, token="s")
    group = networks.create_security_group(vpc=vpc, rules=(), tags={}, token="g")
    stage.clock.sleep(30)
    own = {"vpc_id": vpc, "vswitch_id": vswitch, "security_group_id": group}
    stage.settings = stage.settings.model_copy(update=own)
    results = stage.run()
    assert results.provision is not None
    assert (results.provision.vswitch, results.provision.security_group) == (vswitch, group)
    assert stage.left() == {"vpcs": 1, "vswitches": 1, "groups": 1, "images": 1, "snapshots": 1}
    stage.close()


def own_network(stage: PaperStage) -> dict[str, object]:
    """A VPC and a vSwitch as a user with a VPN has them."""
    networks = stage.cloud.networks
    vpc = networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="v")
    stage.clock.sleep(30)
    zone = next(stage.cloud.instances.placements()).zone
    vswitch = networks.create_vswitch(vpc=vpc, zone=zone, cidr="10.1.0.0/24", tags={}, token="s")
    stage.clock.sleep(30)
    return {"vpc_id": vpc, "vswitch_id": vswitch}


def test_over_the_vpc_no_public_address_is_bought(tmp_path: Path) -> None:
    """Mode 2 of the original: the API over the internet, data over VPN or Express Connect."""
    stage = PaperStage(tmp_path)
    wish = {**own_network(stage), "net_mode": 2, "source_cidr": "192.168.7.7/32"}
    stage.settings = stage.settings.model_copy(update=wish)
    stage.run(verb=warm)
    (instance,) = stage.paper.cloud.store.instances.all()
    assert instance.public_ip == ""
    assert instance.private_ip.startswith("10.1.0.")
    stage.run()
    assert stage.left() == {"vpcs": 1, "vswitches": 1, "images": 1, "snapshots": 1}
    stage.close()


def test_an_elastic_address_comes_and_goes(tmp_path: Path) -> None:
    """Tied to the intermediate instance, given back after it; twice asked is once bought."""
    stage = PaperStage(tmp_path)
    stage.settings = stage.settings.model_copy(update={"public_address": "elastic"})
    stage.run(verb=warm)
    (eip,) = stage.paper.cloud.store.eips.all()
    (instance,) = stage.paper.cloud.store.instances.all()
    assert (eip.instance, instance.public_ip) == (instance.id, eip.address)
    stage.run(verb=warm)
    assert [e.id for e in stage.paper.cloud.store.eips.all()] == [eip.id]
    stage.run()
    assert stage.left() == {"images": 1, "snapshots": 1}
    assert stage.paper.cloud.store.eips.all() == []
    stage.close()


def test_giving_up_gives_the_elastic_address_back(tmp_path: Path) -> None:
    """It is billed like everything else."""
    stage = PaperStage(tmp_path)
    stage.settings = stage.settings.model_copy(update={"public_address": "elastic"})
    stage.run(verb=warm)
    stage.run(verb=give_up)
    assert stage.left() == {}
    assert stage.paper.cloud.store.eips.all() == []
    stage.close()


def test_data_through_a_proxy_is_admitted_from_anywhere(tmp_path: Path) -> None:
    """Nobody knows the proxy's address on its far side: the pins keep strangers out."""
    stage = PaperStage(tmp_path)
    wish = {"source_cidr": "", "proxy": SecretStr("proxy.example:3128"), "proxy_data": True}
    stage.settings = stage.settings.model_copy(update=wish)
    stage.run(verb=warm)
    (group,) = stage.paper.cloud.store.groups.all()
    admitted = {(r.port_range, r.cidr) for r in group.rules if r.direction == "ingress"}
    assert admitted == {("8080/8080", "0.0.0.0/0"), ("8703/8703", "0.0.0.0/0")}
    stage.run()
    stage.close()
