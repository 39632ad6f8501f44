# SPDX-License-Identifier: Apache-2.0
"""Whole migrations of a real Debian tree through the embedded cloud, disturbed and undisturbed.

Instances are the ``process`` kind: the agent runs for real on loop devices, nothing boots.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fakes.imagediff import differences, finished
from fakes.rehearsal import Rehearsal, rehearsal

from hostlift.clouds.registry import CloudAccess, open_cloud
from hostlift.localcloud import daemon
from hostlift.ports.cloud import Resource, ResourceKind

pytestmark = [pytest.mark.root, pytest.mark.slow]
KILLS = 6
CHANCE = random.Random(20261122)


@pytest.fixture
def world(tmp_path: Path, partitions: Sequence[tuple[str, str]]) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, partitions) as made:
        made.configure()
        yield made


def kill_agents() -> int:
    """kill -9 every agent in this rehearsal's instances."""
    killed = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"hostlift.agent" in line:
            os.kill(int(entry.name), signal.SIGKILL)
            killed += 1
    return killed


def test_the_image_holds_what_the_source_held(world: Rehearsal, tmp_path: Path) -> None:
    """An independent tool finds no difference, and the account holds the image only."""
    ended = world.migrate()
    assert ended.status == 0, ended.err
    assert ended.out.rstrip().endswith("Goto Aliyun Finished!")
    assert differences(world, tmp_path) == []
    counts = {kind: len(rows) for kind, rows in world.listing().items() if rows}
    assert counts == {"images": 1, "snapshots": 2}


def test_kill_9_at_random_moments_ends_in_the_same_image(world: Rehearsal, tmp_path: Path) -> None:
    """Client and agent die again and again; the rerun continues and nothing is left over."""
    for number in range(KILLS):
        if world.migrate(kill_after=CHANCE.uniform(1.5, 14)).status == 0:
            break
        if number % 2:
            kill_agents()
    assert world.migrate().status == 0
    assert differences(world, tmp_path) == []
    counts = {kind: len(rows) for kind, rows in world.listing().items() if rows}
    assert counts == {"images": 1, "snapshots": 2}


def test_a_deleted_intermediate_instance_is_made_again(world: Rehearsal) -> None:
    """FAQ 14: the client notices by itself. Before that, Ctrl-C pauses and says how to go on."""
    line = ("migrate", "--yes", "--root", str(world.source))
    paused = world.pause(*line, at="files: ")
    assert paused.status == 130, paused.err
    assert "Run the same command again to continue" in paused.err
    data = json.loads((world.workspace / "client_data").read_text())
    first = data["transition"]["instance"]["instance_id"]
    info = daemon.info(world.cloud)
    assert info is not None
    access = CloudAccess("cn-hangzhou", *world.key, endpoint=info.endpoint)
    open_cloud("alibaba", access).delete(Resource(ResourceKind.INSTANCE, first))
    ended = world.migrate()
    assert ended.status == 0, ended.err
    assert first not in str(finished(world)["transition"])


def test_data_clear_releases_everything_of_an_unfinished_migration(world: Rehearsal) -> None:
    """Nothing stays billed, and the next migration starts afresh."""
    world.migrate(kill_after=10)
    assert world.listing()["instances"]
    assert world.run("data", "clear", "--yes").status == 0
    assert not any(world.listing().values())
    assert json.loads((world.workspace / "client_data").read_text())["status"] == ""
