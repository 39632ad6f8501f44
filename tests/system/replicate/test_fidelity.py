# SPDX-License-Identifier: Apache-2.0
"""Whole copies on real file systems, judged by independent tools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.filesystems import COMMANDS, file_system
from fakes.replication import Rig
from fakes.trees import (
    NOATIME,
    NODUMP,
    allocated,
    clear_flags,
    get_flags,
    look,
    nasty_tree,
    set_flags,
)

from benchmarks.fidelity.copiers import COPIERS
from benchmarks.fidelity.items import make_all
from benchmarks.fidelity.matrix import fixture, look_at, tried
from benchmarks.fidelity.probe import lost, unpin
from hostlift.errors import ReplicationError
from hostlift.replicate.reread import reread
from hostlift.verify.compare import compare, show_path
from hostlift.verify.losses import Losses

pytestmark = pytest.mark.root


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
    it.rest()
    report = it.run()
    assert [(f.path, f.reason) for f in report.findings] == []
    assert_equal(it)
    assert allocated(it.target / "sparse") <= 1 << 20
    assert allocated(it.target / "sparse-small") <= allocated(it.source / "sparse-small") + 65536
    assert allocated(it.target / "reserved") >= 2 << 20
    _change(it.source)
    it.rest()
    assert it.run().findings == ()
    assert_equal(it)
    again = it.run()
    assert again.files == 0
    assert again.bytes_read == 0
    assert again.unsettled == 0


@pytest.mark.parametrize("pair", SAME[:1], indirect=True, ids=lambda kinds: kinds[0])
def test_an_immutable_file_that_changed_alone_is_immutable_again(pair: tuple[Rig, str]) -> None:
    """In a pass so small that nothing in it waits for an answer; and the pass settles it."""
    it, _ = pair
    (it.source / "lost+found").rmdir()  # its whole-second ctime is "recent"
    (it.source / "fixed").write_bytes(b"old")
    it.rest()
    it.run()
    (it.source / "fixed").write_bytes(b"new")
    set_flags(it.source / "fixed", 0x10)
    it.rest()
    assert it.run().unsettled == 0
    assert_equal(it)


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
    it.rest()
    report = it.run()
    assert [f.path for f in report.findings] == [b"wide"]
    assert (it.target / "file").read_bytes() == b"f"
    assert report.unsettled == 1


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_every_item_of_the_published_list_is_kept(tmp_path: Path, kind: str) -> None:
    """The objects of docs/fidelity.md, looked at by code that shares nothing with the product."""
    with fixture(tmp_path, kind) as (source, before):
        outcome = tried(COPIERS[0], tmp_path, kind, source, before)
        unpin(source)
    assert outcome.said == ""
    assert {n: words for n, words in outcome.lost.items() if words} == {}


FLAGS = {"chattr +D on a directory", "chattr +T on a directory"}
PROJECTS = {"project id", "project inheritance (chattr +P)"}
NOCOW = {"no copy on write (chattr +C)"}
LONG = {"symbolic links: dangling, absolute, not UTF-8, 4095 bytes"}
SHARED = {"shared extents (reflinks) stay shared"}
BETWEEN = {
    ("ext4", "xfs"): FLAGS | LONG,
    ("ext4", "btrfs"): {"chattr +T on a directory"},
    ("xfs", "ext4"): PROJECTS | SHARED,
    ("xfs", "btrfs"): PROJECTS,
    ("btrfs", "ext4"): NOCOW | SHARED,
    ("btrfs", "xfs"): NOCOW | {"chattr +c", "chattr +D on a directory"} | LONG,
}


@pytest.mark.parametrize("kinds", BETWEEN, ids="-to-".join)
def test_another_kind_of_file_system_loses_only_what_it_lacks_and_says_so(
    tmp_path: Path, kinds: tuple[str, str]
) -> None:
    """Each object that differs is a finding, each finding differs, and the proof accepts just them."""
    with (
        file_system(tmp_path, "source", kinds[0]) as source,
        file_system(tmp_path, "target", kinds[1]) as target,
    ):
        shutil.rmtree(source / "lost+found", ignore_errors=True)
        make_all(source, kinds[0])
        it = Rig(source, target, tmp_path / "state.db")
        before = look_at(source, kinds[0])
        findings = it.run().findings
        after = look_at(target, kinds[0])
        words = {name: lost(was, after[name]) for name, was in before.items()}
        assert {name for name, w in words.items() if w} == BETWEEN[kinds]
        told = Losses()
        told.add((f.volume, f.path) for f in findings)
        with it.opened() as manifest:
            there = reread(target, drop_caches=False)
            _, differences = compare("v", "/", manifest.entries("v"), there)
        assert {d.path for d in differences} == {show_path(f.path) for f in findings}
        assert told.explain(differences)
        clear_flags(source)
        clear_flags(target)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (["mkfs.ext4", "-q", "-F", "-I", "128"], "ext4"),
        (["mkfs.xfs", "-q", "-f", "-m", "bigtime=0"], "xfs"),
    ],
    ids=["small-inodes", "no-bigtime"],
)
def test_a_time_that_the_target_cannot_hold_is_a_finding(
    tmp_path: Path, make: list[str], kind: str
) -> None:
    """The kernel takes the nearest time and says nothing; so it is read back."""
    with (
        file_system(tmp_path, "source", "btrfs") as source,
        file_system(tmp_path, "target", kind, make) as target,
    ):
        for name, when in (("now", 1_700_000_000), ("late", 4_102_444_800), ("early", -1)):
            (source / name).write_bytes(b"t")
            os.utime(source / name, (when, when))
        os.symlink("x", source / "link")
        os.utime(source / "link", (2**33, 2**33), follow_symlinks=False)
        (source / "folder").mkdir()
        os.utime(source / "folder", (-(2**33), -(2**33)))
        it = Rig(source, target, tmp_path / "state.db")
        findings = it.run().findings
        assert {f.path for f in findings} == {b"late", b"link", b"folder"}
        assert all(f.reason.startswith("time ") for f in findings)


def test_a_target_that_lacks_one_flag_keeps_the_others(tmp_path: Path) -> None:
    """XFS refuses a whole set of flags for the one that it does not know."""
    with file_system(tmp_path, "s", "ext4") as source, file_system(tmp_path, "t", "xfs") as target:
        (source / "folder").mkdir()
        set_flags(source / "folder", 0x1_0000 | NODUMP | NOATIME)  # D d A
        report = Rig(source, target, tmp_path / "state.db").run()
        assert [
            (f.path, f.reason.split(":")[0]) for f in report.findings if f.path != b"lost+found"
        ] == [(b"folder", "flag 0x10000 refused")]
        here = os.open(target, os.O_RDONLY)
        assert get_flags(here, b"folder") & (NODUMP | NOATIME) == NODUMP | NOATIME
        os.close(here)


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
