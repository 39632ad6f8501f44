# SPDX-License-Identifier: Apache-2.0
"""Passes, a rehearsal and a cutover of a real Debian tree that changes in between.

The agent runs for real on loop devices: the rehearsal's adaptation is really made and really undone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fakes.imagediff import differences
from fakes.rehearsal import Rehearsal, rehearsal
from fakes.source_disks import attached

from demo.source import disks
from hostlift.host.clock import SystemClock

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Rehearsal]:
    """The source's root and /data, writable."""
    built = disks.build(lambda _line: None)
    with ExitStack() as stack:
        system = stack.enter_context(attached(built.system, tmp_path))
        data = stack.enter_context(attached(built.data, tmp_path))
        partitions = ((f"{system}p1", "/"), (f"{data}p1", "/data"))
        made = stack.enter_context(rehearsal(tmp_path, partitions, writable=True))
        made.configure()
        yield made


def change(world: Rehearsal, word: str) -> None:
    """Something new, something else, something gone; also what an adaptation edits."""
    (world.source / "etc/motd").write_text(f"{word}\n")
    (world.source / f"data/{word}").write_bytes(os.urandom(300_000))
    with (world.source / "etc/fstab").open("a") as fstab:
        fstab.write(f"# {word}\n")
    for old in set((world.source / "data").glob("*ce")) - {world.source / f"data/{word}"}:
        old.unlink()
    (world.source / "etc/timezone").unlink(missing_ok=True)


def told(world: Rehearsal, verb: str, *more: str) -> dict[str, Any]:
    """The JSON that a verb prints."""
    ended = world.run(verb, "--yes", "--json", "--root", str(world.source), *more)
    assert ended.status == 0, ended.err
    return dict(json.loads(ended.out))


def limited_at_first(world: Rehearsal) -> dict[str, Any]:
    """A first sync that would take ten minutes, until its limit is lifted while it runs."""
    line = ("sync", "--yes", "--json", "--root", str(world.source), "--bandwidth-limit", "1000")
    process = world.start(*line)
    clock = SystemClock()
    deadline = clock.monotonic() + 120
    while "files" not in (doing := status(world)["activity"] or {"label": ""})["label"]:
        assert process.poll() is None
        assert clock.monotonic() < deadline
        clock.sleep(0.5)
    assert doing["done"] < doing["total"]
    assert world.run("limit", "0").status == 0
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def status(world: Rehearsal) -> dict[str, Any]:
    """What ``hostlift status`` says; nothing before there is anything to say."""
    ended = world.run("status", "--json")
    return dict(json.loads(ended.out)) if ended.status == 0 else {"activity": None}


def listed(world: Rehearsal) -> dict[str, int]:
    """How many of each kind there are in the cloud."""
    return {kind: len(rows) for kind, rows in world.listing().items() if rows}


def test_sync_rehearsal_and_cutover_end_in_the_source_as_it_is_then(
    world: Rehearsal, tmp_path: Path
) -> None:
    """One full pass, whatever happens; the rehearsal's edits leave no trace in the last image."""
    first = limited_at_first(world)
    full = sum(p["files"] for p in first["passes"])
    assert full > 10_000
    assert listed(world)["instances"] == 1
    assert "images" not in listed(world)

    change(world, "once")
    world.run("sync", "--yes", "--root", str(world.source), kill_after=3)
    again = told(world, "sync")
    assert sum(p["files"] for p in again["passes"]) < 100
    assert again["instance"] == first["instance"]
    assert again["forecast"]["converges"]
    assert status(world)["forecast"]["overhead"] > 0
    assert status(world)["sync"]["lives_until"]

    practice = told(world, "cutover", "--rehearse")
    assert practice["image_name"] == "shop01-migrated-rehearsal-1"
    assert practice["rehearsal"] == 1
    assert len(practice["edits"]) > 3
    assert listed(world)["images"] == 1
    assert listed(world)["instances"] == 1

    change(world, "twice")
    report = told(world, "cutover")
    assert sum(p["files"] for p in report["passes"]) < full + 1000
    assert differences(world, tmp_path) == []
    assert listed(world) == {"images": 1, "snapshots": 2}
    assert report["image_name"] == "shop01-migrated"
