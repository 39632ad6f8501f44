# SPDX-License-Identifier: Apache-2.0
"""Source file systems seen from their own roots."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from fakes.replication import Rig
from fakes.trees import look

from hostlift.errors import HostError
from hostlift.host.command import spawn
from hostlift.host.mounts import mount_table, mounted
from hostlift.model.plan import SourceTree, Volume
from hostlift.replicate.reread import reread
from hostlift.replicate.roots import private_roots

pytestmark = pytest.mark.root


def volume(*trees: SourceTree, excludes: tuple[str, ...] = ()) -> Volume:
    return Volume(
        id="v",
        disk=0,
        partition=1,
        mount_point="/",
        file_system="ext4",
        trees=trees,
        excludes=excludes,
    )


def test_files_hidden_under_a_mount_point_are_copied(tmp_path: Path) -> None:
    """The mount on top is not seen; the directory below it and its content are."""
    root = tmp_path / "root"
    (root / "data").mkdir(parents=True)
    (root / "data" / "hidden").write_bytes(b"hidden")
    (tmp_path / "target").mkdir()
    with mounted("none", root / "data", kind="tmpfs"):
        (root / "data" / "on-top").write_bytes(b"t")
        with private_roots([volume(SourceTree(path="/"))], root) as (source,):
            it = Rig(root, tmp_path / "target", tmp_path / "state.db", trees=source.trees)
            it.run()
    assert (tmp_path / "target/data/hidden").read_bytes() == b"hidden"
    assert not (tmp_path / "target/data/on-top").exists()


def test_a_nested_tree_takes_the_place_of_its_mount_point(tmp_path: Path) -> None:
    """Two file systems into one volume: the mounted one's root wins, what it hides is left out."""
    root, target = tmp_path / "root", tmp_path / "target"
    (root / "srv/data").mkdir(parents=True)
    (root / "srv/data/hidden").write_bytes(b"h")
    target.mkdir()
    with mounted("none", root / "srv/data", kind="tmpfs", options=("mode=0750",)):
        (root / "srv/data/file").write_bytes(b"f")
        (root / "srv/data/deep").mkdir()
        (root / "srv/data/deep/er").write_bytes(b"e")
        plan = volume(SourceTree(path="/"), SourceTree(path="/srv/data", prefix="/srv/data"))
        with private_roots([plan], root) as (source,):
            it = Rig(root, target, tmp_path / "state.db", trees=source.trees)
            it.run()
        assert look(root) == look(target)
    with it.opened() as manifest:
        assert list(manifest.entries("v")) == list(reread(target, drop_caches=False))


def test_the_target_is_written_below_its_own_mounts(tmp_path: Path) -> None:
    """Volumes of the target mounted into each other do not get each other's files."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "data").mkdir(parents=True)
    (source / "data" / "mine").write_bytes(b"m")
    (target / "data").mkdir(parents=True)
    it = Rig(source, target, tmp_path / "state.db")
    with mounted("none", target / "data", kind="tmpfs"):
        it.run()
        assert list((target / "data").iterdir()) == []
        assert b"data/mine" in {e.path for e in reread(target, drop_caches=False)}
    assert (target / "data" / "mine").read_bytes() == b"m"


def test_nothing_stays_mounted_even_when_killed(tmp_path: Path) -> None:
    """The mount table never shows it, and the file system is free as soon as the process is gone."""
    (tmp_path / "fs").mkdir()
    with mounted("none", tmp_path / "fs", kind="tmpfs"):
        before = len(mount_table())
        code = (
            "import sys, time; from pathlib import Path\n"
            "from hostlift.model.plan import SourceTree, Volume\n"
            "from hostlift.replicate.roots import private_roots\n"
            "v = Volume(id='v', disk=0, partition=1, mount_point='/', file_system='x',"
            " trees=(SourceTree(path='/fs'),))\n"
            "with private_roots([v], Path(sys.argv[1])):\n"
            "    Path(sys.argv[1], 'sign').touch(); time.sleep(60)\n"
        )
        process = spawn(
            [sys.executable, "-c", code, str(tmp_path)],
            env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        while not (tmp_path / "sign").exists():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        assert len(mount_table()) == before
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_a_tree_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A plan for another machine."""
    with (
        pytest.raises(HostError, match="nowhere"),
        private_roots([volume(SourceTree(path="/nowhere"))], tmp_path),
    ):
        pytest.fail("must not get here")
