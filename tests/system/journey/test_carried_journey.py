# SPDX-License-Identifier: Apache-2.0
"""The longer ways, whole and with a real agent: carried by hand over a VPN, and over a system disk."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.imagediff import differences
from fakes.rehearsal import Rehearsal, rehearsal

from hostlift.clouds.registry import CloudAccess, open_cloud
from hostlift.events import discard
from hostlift.flow.waiting import Waiter
from hostlift.host.clock import SystemClock
from hostlift.localcloud import config, control
from hostlift.localcloud.daemon import info
from hostlift.localcloud.linux import namespaces

pytestmark = [pytest.mark.root, pytest.mark.slow]
ON_PREMISES = "192.168.77.10/24"


@pytest.fixture
def world(tmp_path: Path, partitions: Sequence[tuple[str, str]]) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, partitions) as made:
        yield made


def a_network(world: Rehearsal) -> tuple[str, str]:
    """The user's own VPC and a vSwitch of it."""
    found = info(world.cloud)
    assert found is not None
    cloud = open_cloud("alibaba", CloudAccess("cn-hangzhou", *world.key, endpoint=found.endpoint))
    vpc = cloud.networks.create_vpc(cidr="10.20.0.0/16", tags={}, token="v")
    Waiter(SystemClock(), discard, threading.Event()).until(
        lambda: True if cloud.networks.describe(vpc).ready else None, deadline=60, what="the VPC"
    )
    zone = next(cloud.instances.placements()).zone
    vswitch = cloud.networks.create_vswitch(
        vpc=vpc, zone=zone, cidr="10.20.1.0/24", tags={}, token="s"
    )
    return vpc, vswitch


def carried(world: Rehearsal, to: str, namespace: str) -> Rehearsal:
    """The whole folder, on another machine."""
    new = world.workspace.with_name(to)
    shutil.move(world.workspace, new)
    return replace(world, workspace=new, namespace=namespace)


def test_three_stages_over_a_vpn_move_a_server_that_never_sees_the_api(
    world: Rehearsal, tmp_path: Path
) -> None:
    """Machine A has the API, the source only a way into the private network."""
    vpc, vswitch = a_network(world)
    on_premises = "hl-test-carried"
    control.join_site(world.cloud, vpc, on_premises, ON_PREMISES)
    machine_a = tmp_path / "a"
    (machine_a / "etc").mkdir(parents=True)
    (machine_a / "etc/machine-id").write_text("a\n")
    try:
        world.configure(net_mode=1, vpc_id=vpc, vswitch_id=vswitch)
        first = world.run("migrate", "--yes", "--root", str(machine_a))
        assert first.status == 0, first.err
        assert "Stage 1 Is Done!" in first.out

        there = carried(world, "on-the-source", on_premises)
        there.configure(net_mode=1, vpc_id=vpc, vswitch_id=vswitch, access_id="", secret_key="")
        second = there.migrate()
        assert second.status == 0, second.err
        assert "Stage 2 Is Done!" in second.out

        back = carried(there, "back-on-a", world.namespace)
        back.configure(net_mode=1, vpc_id=vpc, vswitch_id=vswitch)
        third = back.run("migrate", "--yes", "--root", str(machine_a))
        assert third.status == 0, third.err
        assert third.out.rstrip().endswith("Goto Aliyun Finished!")
        assert differences(back, tmp_path) == []
    finally:
        namespaces.remove(on_premises)
    counts = {kind: len(rows) for kind, rows in back.listing().items() if rows}
    assert (counts["images"], counts["snapshots"], counts.get("instances", 0)) == (1, 2, 0)


def test_over_a_system_disk_the_image_holds_what_the_source_held(
    world: Rehearsal, tmp_path: Path
) -> None:
    """An account that may not make a system disk of a data disk's snapshot."""
    account = config.AccountSettings(name="main", system_disk_from_data=False)
    control.change_settings(world.cloud, config.Settings(accounts=(account,)))
    world.configure()
    ended = world.migrate()
    assert ended.status == 0, ended.err
    assert "longer way" in ended.err
    assert differences(world, tmp_path) == []
    counts = {kind: len(rows) for kind, rows in world.listing().items() if rows}
    assert counts == {"images": 1, "snapshots": 2}
