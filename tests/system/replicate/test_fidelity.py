# SPDX-License-Identifier: Apache-2.0
"""Whole copies on real file systems, judged by independent tools."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.replication import Rig
from fakes.trees import allocated, clear_flags, look, nasty_tree, set_flags

from hostlift.errors import ReplicationError
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted
from hostlift.replicate.reread import reread

pytestmark = pytest.mark.root

GIB = 1 << 30
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
COMMANDS = SystemCommands()


@contextlib.contextmanager
def file_system(folder: Path, name: str, kind: str) -> Iterator[Path]:
    """A mounted file system on a sparse file."""
    image, where = folder / f"{name}.img", folder / name
    with image.open("wb") as file:
        file.truncate(2 * GIB)
    COMMANDS.run([*MAKE[kind], str(image)], timeout=60)
    where.mkdir()
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        with mounted(device, where, kind=kind):
            yield where
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)
        image.unlink()


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Rig, str]]:
    """Source and target file systems of the kinds asked for."""
    kinds: tuple[str, str] = request.param
    with (
        file_system(tmp_path, "source", kinds[0]) as source,
        file_system(tmp_path, "target", kinds[1]) as target,
    ):
        yield Rig(source, target, tmp_path / "state.db"), kinds[0]
        clear_flags(source)
        clear_flags(target)


def assert_equal(it: Rig) -> None:
    """By our own eyes, by rsync's, and by the receipt's."""
    assert look(it.source) == look(it.target)
    lines = COMMANDS.run(
        [
            "rsync", "-aHAXSnic", "--numeric-ids", "--delete",
            # rsync cannot reach paths beyond PATH_MAX, and reads the terabyte of holes
            "--exclude=/nnn*", "--exclude=/sparse", "--exclude=/lost+found",
            f"{it.source}/", f"{it.target}/",
        ],
        timeout=120,
    ).text  # fmt: skip
    assert lines == ""
    with it.opened() as manifest:
        known = {e.path: e for e in manifest.entries("v")}
    read = {e.path: e for e in reread(it.target, drop_caches=False)}
    assert {p for p in known if known[p] != read.get(p)} == set()
    assert set(known) == set(read)


SAME = [("ext4", "ext4"), ("xfs", "xfs"), ("btrfs", "btrfs")]


@pytest.mark.parametrize("pair", SAME, indirect=True, ids=lambda kinds: kinds[0])
def test_nothing_of_a_nasty_tree_is_lost(pair: tuple[Rig, str]) -> None:
    """Every item of the fidelity list, then again after changes, then nothing more to do."""
    it, kind = pair
    shutil.rmtree(
        it.source / "lost+found", ignore_errors=True
    )  # its whole-second ctime is "recent"
    nasty_tree(it.source, kind=kind)
    time.sleep(0.05)
    report = it.run()
    assert [(f.path, f.reason) for f in report.findings] == []
    assert_equal(it)
    assert allocated(it.target / "sparse") <= 1 << 20
    assert allocated(it.target / "sparse-small") <= allocated(it.source / "sparse-small") + 65536
    assert allocated(it.target / "reserved") >= 2 << 20
    _change(it.source)
    time.sleep(0.05)
    assert it.run().findings == ()
    assert_equal(it)
    again = it.run()
    assert again.files == 1  # the root directory, always
    assert again.bytes_read == 0
    assert again.unsettled == 0


def _change(root: Path) -> None:
    """Things that go wrong in later passes."""
    clear_flags(root)
    (root / "flag-fixed").write_bytes(b"changed")
    set_flags(root / "flag-fixed", 0x10)
    (root / "fixed-dir" / "new").write_bytes(b"new")
    set_flags(root / "fixed-dir", 0x10)
    (root / "with-default-acl" / "later").write_bytes(b"later")
    os.removexattr(root / "with-default-acl" / "later", "system.posix_acl_access")
    os.removexattr(root / "attributes", "user.empty")
    (root / "links" / "a").unlink()
    (root / "dir1" / "inside").unlink()
    (root / "dir1" / "inside").mkdir()
    shutil.rmtree(root / "old-dir")
    (root / "old-dir").write_bytes(b"was a directory")
    with (root / "sparse").open("r+b") as file:
        file.seek(7 << 30)
        file.write(b"more")
    with (root / "big").open("r+b") as file:
        file.seek(5 << 20)
        file.write(b"patched in place")
    (root / "plain").rename(root / "dir3" / "moved")


@pytest.mark.parametrize("pair", [("ext4", "xfs")], indirect=True, ids=["to-xfs"])
def test_what_the_target_cannot_hold_is_said(pair: tuple[Rig, str]) -> None:
    """XFS has no device numbers beyond its own width: one finding, all else arrives."""
    it, _ = pair
    os.mknod(it.source / "wide", 0o020600, os.makedev(600, 1))
    (it.source / "file").write_bytes(b"f")
    shutil.rmtree(it.source / "lost+found")
    report = it.run()
    assert [f.path for f in report.findings] == [b"wide"]
    assert (it.target / "file").read_bytes() == b"f"
    assert report.unsettled == 1


@pytest.mark.parametrize("pair", [("ext4", "ext4")], indirect=True, ids=["ext4"])
def test_a_full_target_is_one_clear_error(pair: tuple[Rig, str]) -> None:
    """No space: the pass ends with the volume's name; after making room the next one completes."""
    it, _ = pair
    ballast = it.target / "ballast"
    free = os.statvfs(it.target)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bfree * free.f_frsize - (40 << 20))
    for number in range(10):
        (it.source / f"f{number}").write_bytes(os.urandom(7 << 20))
    with pytest.raises(ReplicationError, match="full") as caught:
        it.run()
    assert caught.value.subject == "v"
    ballast.unlink()
    it.run()
    assert look(it.source) == look(it.target)
