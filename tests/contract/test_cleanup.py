# SPDX-License-Identifier: Apache-2.0
"""Leftovers of migrations whose state is lost, on the embedded cloud: found by tag, told, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.embedded import BRISK, embedded_cloud
from typer.testing import CliRunner

from hostlift.cli.main import app
from hostlift.clouds import registry
from hostlift.clouds.access import CloudAccess
from hostlift.flow.ledger import TAG
from hostlift.host.clock import SystemClock
from hostlift.ports.cloud import Cloud, Phase, Resource, ResourceKind
from hostlift.ports.images import ImageDisk, ImageSpec
from hostlift.ports.instances import InstanceSpec
from hostlift.ports.networks import Rule

HOUR = 3600.0
DAY_AGO = 24 * HOUR


class Account:
    """An account with migrations in it, and a folder that knows of none."""

    def __init__(self, folder: Path, access: CloudAccess, clock: SystemClock) -> None:
        self.folder, self.access = folder, access
        self.cloud: Cloud = registry.open_cloud("alibaba", access)
        self.clock = clock
        folder.mkdir()
        wishes = {
            "access_id": access.access_id,
            "secret_key": access.secret_key,
            "region_id": access.region,
            "endpoint": access.endpoint,
        }
        (folder / "user_config.json").write_text(json.dumps(wishes))
        (folder / "user_config.json").chmod(0o600)

    def until(self, resource: Resource, phase: Phase = Phase.READY) -> str:
        while (state := self.cloud.state(resource)) is None or state.phase is not phase:
            self.clock.sleep(0.02)
        return resource.id

    def migration(self, name: str, *, image: str = "", release_in: float = 0.0) -> None:
        """What a migration has in the middle; with ``image``, what it has right before its end."""
        tags, cloud = {TAG: name}, self.cloud
        place = next(cloud.instances.placements())
        vpc = cloud.networks.create_vpc(cidr="172.31.0.0/16", tags=tags, token=f"{name}v")
        self.until(Resource(ResourceKind.VPC, vpc))
        subnet = cloud.networks.create_vswitch(
            vpc=vpc, zone=place.zone, cidr="172.31.86.0/24", tags=tags, token=f"{name}s"
        )
        self.until(Resource(ResourceKind.VSWITCH, subnet))
        rules = (Rule(port=8080, source="192.0.2.1/32"),)
        group = cloud.networks.create_security_group(
            vpc=vpc, rules=rules, tags=tags, token=f"{name}g"
        )
        release_at = self.clock.now() + release_in if release_in else 0.0
        spec = InstanceSpec(
            name="INSTANCE_FOR_GO_TOALIYUN", image=place.image, placement=place, vswitch=subnet,
            security_group=group, system_gib=20, data_disks=(40,), user_data=b"#!/bin/sh",
            release_at=release_at, tags=tags,
        )  # fmt: skip
        instance = Resource(ResourceKind.INSTANCE, cloud.instances.run(spec, token=f"{name}i"))
        self.until(instance)
        if image:
            self._image(name, image, instance)

    def _image(self, name: str, image: str, instance: Resource) -> None:
        tags = {TAG: name}
        self.cloud.instances.stop(instance.id, force=True)
        self.until(instance, Phase.STOPPED)
        state = self.cloud.state(instance)
        assert state is not None
        ((disk, _),) = state.disks
        snapshot = self.cloud.images.snapshot(disk, name="disk0", tags=tags, token=f"{name}n")
        self.until(Resource(ResourceKind.SNAPSHOT, snapshot))
        spec = ImageSpec(
            name=image, description="", platform="Debian", architecture="x86_64",
            firmware="bios", disks=(ImageDisk(snapshot=snapshot, size_gib=40, system=True),),
            tags=tags,
        )  # fmt: skip
        self.until(Resource(ResourceKind.IMAGE, self.cloud.images.create(spec, token=f"{name}m")))

    def kinds(self, name: str) -> list[str]:
        """What is left of a migration."""
        return [r.kind.value for r in self.cloud.find(TAG, name)]

    def cleanup(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """``hostlift cleanup --json``: status, answer, messages."""
        line = ["cleanup", "--folder", str(self.folder), "--json", *arguments]
        ended = CliRunner().invoke(app, line)
        return ended.exit_code, json.loads(ended.stdout or "{}"), ended.stderr


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    (tmp_path / "cloud").mkdir()
    with embedded_cloud(tmp_path / "cloud", BRISK) as access:
        yield Account(tmp_path / "folder", access, SystemClock())


def test_a_migration_whose_state_is_lost_is_found_by_its_tag_and_released(account: Account) -> None:
    """Every kind of it, and nothing of another; what is young is not taken for dead."""
    account.migration("m-dead")
    account.migration("m-other")
    assert account.kinds("m-dead") == [
        "vpc", "vswitch", "security-group", "instance",
    ]  # fmt: skip
    status, _, said = account.cleanup("--migration", "m-dead", "--yes")
    assert status == 2
    assert "may be alive: something of it was made 0 minutes ago" in said
    status, done, said = account.cleanup("--migration", "m-dead", "--yes", "--force")
    assert (status, done["kept"]) == (0, [])
    assert [name.partition(" ")[0] for name in done["released"]] == [
        "instance", "security-group", "vswitch", "vpc",
    ]  # fmt: skip
    assert account.kinds("m-dead") == []
    assert len(account.kinds("m-other")) == 4


def test_an_instance_that_its_client_still_renews_is_left_alone(account: Account) -> None:
    account.migration("m-alive", release_in=2 * HOUR)
    status, done, said = account.cleanup("--all-orphans", "--yes")
    assert (status, done["released"]) == (0, [])
    assert "migration m-alive is left alone: its instance i-" in said
    assert "more minutes unless its client renews" in said
    assert len(account.kinds("m-alive")) == 4


def test_a_finished_image_stays_until_it_is_asked_for(account: Account) -> None:
    """With its snapshots, whose monthly cost is told before and after."""
    account.migration("m-1", image="web-1")
    status, done, said = account.cleanup("--migration", "m-1", "--yes", "--force")
    assert status == 0
    assert [name.partition(" ")[0] for name in done["kept"]] == ["snapshot", "image"]
    assert account.kinds("m-1") == ["snapshot", "image"]
    assert "its snapshots of 40 GiB cost at most 4.80 CNY a month (estimate, hostlift's own" in said
    assert (round(done["monthly"], 2), done["currency"]) == (4.8, "CNY")
    status, done, said = account.cleanup("--migration", "m-1", "--yes", "--delete-image")
    assert (status, done["kept"]) == (0, [])
    assert [name.partition(" ")[0] for name in done["released"]] == ["image", "snapshot"]
    assert account.kinds("m-1") == []


def test_nothing_is_deleted_without_a_yes(account: Account) -> None:
    """What would go is listed all the same."""
    account.migration("m-1")
    status, done, said = account.cleanup("--migration", "m-1", "--force")
    assert (status, done) == (4, {})
    assert said.count("  delete ") == 4
    assert "nothing was deleted" in said
    assert len(account.kinds("m-1")) == 4


def test_what_to_clean_up_must_be_said(account: Account) -> None:
    for wrong in ((), ("--migration", "m-1", "--all-orphans")):
        status, _, said = account.cleanup(*wrong)
        assert status == 2
        assert "give one of the two" in said


def test_a_region_without_leftovers_needs_no_answer(account: Account) -> None:
    status, done, _ = account.cleanup("--all-orphans")
    assert (status, done["released"]) == (0, [])
