# SPDX-License-Identifier: Apache-2.0
"""Change trackers on real file systems, against what `lstat` says of every object."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from fakes.changes import KnownInodes
from fakes.shaker import WAYS, Shaker, Sight, known_inode, rest, see
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted
from hostlift.replicate.changes import KnownInode, Tracker, Untrackable
from hostlift.replicate.changes.catalogue import tracker_of
from hostlift.replicate.changes.device import open_device
from hostlift.replicate.changes.ext4 import Ext4
from hostlift.replicate.changes.xfs import Xfs, bulkstat, old_bulkstat
from hostlift.replicate.fs.kernel import clone_mount, syncfs

pytestmark = pytest.mark.root

COMMANDS = SystemCommands()
MIB = 1 << 20
_count = itertools.count()


@dataclass(frozen=True)
class Variant:
    """How a file system is made and mounted."""

    make: tuple[str, ...]
    kind: str = "ext4"
    options: tuple[str, ...] = ()
    size: int = 1024 * MIB
    whole_seconds: bool = False
    old_call: bool = False


def ext4(*more: str, **kinds: object) -> Variant:
    return Variant(("mkfs.ext4", "-q", "-F", *more), **kinds)


VARIANTS = {
    "ext4": ext4(),
    "ext4-small-inodes": ext4("-I", "128", whole_seconds=True),
    "ext4-large-inodes": ext4("-I", "1024"),
    "ext4-1k": ext4("-b", "1024"),
    # Sixteen groups share a block of descriptors, so this has several such blocks.
    "ext4-meta-bg": ext4("-b", "1024", "-O", "meta_bg,^resize_inode", "-g", "2048"),
    "ext4-32bit": ext4("-O", "^64bit"),
    "ext4-no-flex": ext4("-O", "^flex_bg"),
    "ext4-uninit": ext4("-O", "^metadata_csum,uninit_bg"),
    "ext4-whole-tables": ext4("-O", "^metadata_csum,^uninit_bg"),
    "ext4-copies": ext4("-O", "sparse_super2,^resize_inode"),
    "ext4-bigalloc": ext4("-b", "1024", "-O", "bigalloc"),
    "ext4-inline": ext4("-O", "inline_data"),
    "ext4-lazytime": ext4(options=("lazytime",)),
    "ext3": Variant(("mkfs.ext3", "-q", "-F"), "ext3"),
    "ext2-small-inodes": Variant(
        ("mkfs.ext2", "-q", "-F", "-I", "128"), "ext2", whole_seconds=True
    ),
    "xfs": Variant(("mkfs.xfs", "-q", "-f"), "xfs"),
    "xfs-many-groups": Variant(
        ("mkfs.xfs", "-q", "-f", "-d", "agcount=16"), "xfs", size=2048 * MIB
    ),
    "xfs-old-call": Variant(("mkfs.xfs", "-q", "-f"), "xfs", old_call=True),
    "btrfs": Variant(("mkfs.btrfs", "-q", "-f"), "btrfs"),
}


@dataclass
class Site:
    """A mounted file system with a tracker on it."""

    root: Path
    variant: Variant
    fd: int
    tracker: Tracker

    @property
    def names_gone(self) -> bool:
        """The tracker names inodes that are gone, not only the directories they were in."""
        return self.variant.kind != "btrfs"

    def sync(self) -> None:
        syncfs(self.fd)

    def settle(self) -> Sight:
        """See all, when it is so old that any change would show."""
        sight = see(self.root)
        rest(sight, whole_seconds=self.variant.whole_seconds)
        return sight


class Disk(NamedTuple):
    """A file system that is not mounted."""

    image: Path
    device: str


@contextlib.contextmanager
def disk(folder: Path, variant: Variant) -> Iterator[Disk]:
    """A fresh file system of a variant on a loop device."""
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(variant.size)
    COMMANDS.run([*variant.make, str(image)], timeout=60)
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        yield Disk(image, device)
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)
        image.unlink()


@contextlib.contextmanager
def site(made: Disk, variant: Variant) -> Iterator[Site]:
    """Mounted."""
    where = made.image.parent / "mounted"
    where.mkdir(exist_ok=True)
    with mounted(made.device, where, kind=variant.kind, options=variant.options):
        fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
        try:
            tracker = Xfs(fd, (old_bulkstat,)) if variant.old_call else tracker_of(fd)
            assert tracker is not None
            yield Site(where, variant, fd, tracker)
        finally:
            os.close(fd)


@pytest.fixture
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """The variant that the test asks for by name."""
    variant = VARIANTS[request.param]
    with disk(tmp_path, variant) as made, site(made, variant) as mounted_site:
        yield mounted_site


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("it", names, indirect=True)


def assert_told(it: Site, inodes: tuple[int, ...], before: Sight, after: Sight) -> None:
    """What was named is what `lstat` shows as changed, no more and no less."""
    assert len(set(inodes)) == len(inodes)
    changed, gone = after.changed_since(before), after.gone_since(before)
    if it.names_gone:
        assert set(inodes) == changed | gone
        return
    assert set(inodes) - gone == changed
    for ino in gone:
        assert {ino, *_left_above(ino, before, gone)} & set(inodes), ino


def _left_above(ino: int, before: Sight, gone: set[int]) -> set[int]:
    """The nearest directories above, as it was, that are still there."""
    found: set[int] = set()
    for folder in before.above(ino):
        found |= _left_above(folder, before, gone) if folder in gone else {folder}
    return found


@contextlib.contextmanager
def shaker(folder: Path, seed: int) -> Iterator[Shaker]:
    """A tree of its own on the file system."""
    folder.mkdir()
    made = Shaker(folder, random.Random(seed))
    made.build()
    try:
        yield made
    finally:
        made.close()


def rounds(it: Site, plan: list[list[str]], seed: int) -> None:
    """Shake, sync, ask; each time with the mark of the time before."""
    with shaker(it.root / f"tree{next(_count)}", seed) as tree:
        it.sync()
        mark = it.tracker.mark()
        before = it.settle()
        for ways in plan:
            for way in ways:
                tree.shake(way)
            it.sync()
            found = it.tracker.changed(mark, KnownInodes.of(before.inodes.values()))
            after = it.settle()
            assert_told(it, found.inodes, before, after)
            mark, before = found.mark, after


PLANS = st.lists(
    st.lists(st.sampled_from(sorted(WAYS)), min_size=1, max_size=12), min_size=1, max_size=4
)


@on(*(name for name, variant in VARIANTS.items() if not variant.whole_seconds))
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(plan=PLANS, seed=st.integers(0, 1 << 32))
def test_what_changed_is_told_whatever_was_done(it: Site, plan: list[list[str]], seed: int) -> None:
    """Any changes in any order over several rounds, no more and no less than `lstat` shows."""
    rounds(it, plan, seed)


@on(*(name for name, variant in VARIANTS.items() if variant.whole_seconds))
def test_what_changed_is_told_where_times_are_whole_seconds(it: Site) -> None:
    """Everything at once, a few times; the second in which it was seen has passed each time."""
    ways = sorted(WAYS)
    rounds(it, [ways, [], [*ways, *ways], ways[::2]], 5)


@on("ext4", "xfs", "btrfs")
def test_every_single_way_of_changing_is_told(it: Site) -> None:
    """One at a time, so that none hides behind another; `store` is to a page already written."""
    rounds(it, [[way] for way in (*WAYS, "map", "store", "map", "store", "store")], 9)


@on(*VARIANTS)
def test_every_inode_reads_as_lstat_has_it(it: Site) -> None:
    """A mark of the empty file system, so that all is compared: nothing differs."""
    mark = it.tracker.mark()
    with shaker(it.root / "tree", 3) as tree:
        for way in (*WAYS, "many", "many"):
            tree.shake(way)
        it.sync()
        known = KnownInodes.of(it.settle().inodes.values())
        assert it.tracker.changed(mark, known).inodes == ()
        wrong = KnownInodes([inode._replace(ctime_ns=inode.ctime_ns - 1) for inode in known.inodes])
        assert set(it.tracker.changed(mark, wrong).inodes) == {i.ino for i in wrong.inodes}


@on(*VARIANTS)
def test_reading_changes_nothing(it: Site) -> None:
    """Every file read without touching its access time, then every one with: nothing is told."""
    with shaker(it.root / "tree", 4):
        it.sync()
        mark = it.tracker.mark()
        known = KnownInodes.of(it.settle().inodes.values())
        for how in (os.O_RDONLY | os.O_NOATIME, os.O_RDONLY):
            for folder, _, names in os.walk(it.root):
                for path in (Path(folder) / name for name in names):
                    if stat.S_ISREG(path.lstat().st_mode):
                        fd = os.open(path, how)
                        os.read(fd, 100)
                        os.close(fd)
            it.sync()
            found = it.tracker.changed(mark, known)
            assert found.inodes == ()
            mark = found.mark


@dataclass
class Follower:
    """What a migration does with a tracker, in small: it looks again only at what it is told."""

    it: Site
    mark: bytes
    inodes: dict[int, KnownInode] = field(default_factory=dict)
    names: dict[int, dict[str, int]] = field(default_factory=dict)
    paths: dict[int, Path] = field(default_factory=dict)

    def follow(self) -> None:
        """One pass."""
        self.it.sync()
        found = self.it.tracker.changed(self.mark, KnownInodes.of(self.inodes.values()))
        again = [self.paths[ino] for ino in found.inodes if ino in self.paths]
        # What is above first: a path below it may not lead anywhere any more.
        for path in sorted(again, key=lambda p: len(p.parts)):
            self.look(path)
        self.mark = found.mark

    def look(self, path: Path) -> None:
        """At one object, and if it is a directory, at its names and all that is new below it."""
        try:
            st = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        self.inodes[st.st_ino] = known_inode(st)
        self.paths[st.st_ino] = path
        if stat.S_ISDIR(st.st_mode):
            self._list(path, st.st_ino)

    def _list(self, path: Path, ino: int) -> None:
        names = self.names[ino] = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(path):
                with contextlib.suppress(FileNotFoundError):
                    names[name] = (path / name).lstat().st_ino
                    # Under this name anew, or moved here with all that is below it.
                    if self.paths.get(names[name]) != path / name:
                        self.look(path / name)

    def sight(self) -> Sight:
        """What it believes to be there now."""
        return Sight(self.inodes, self.names)


@on("ext4", "xfs", "btrfs")
def test_a_follower_ends_up_with_the_truth_after_changes_meanwhile(it: Site) -> None:
    """The tree changes while marks are taken and tables read; in the end nothing was missed."""
    with shaker(it.root / "tree", 8) as tree:
        follower = Follower(it, it.tracker.mark())
        follower.look(it.root)
        over = threading.Event()
        ways = sorted(set(WAYS) - {"many"})

        def shake() -> None:
            while not over.is_set():
                tree.shake(tree.random.choice(ways))

        thread = threading.Thread(target=shake)
        thread.start()
        try:
            deadline = time.monotonic() + 60
            while tree.made < 300:
                follower.follow()
                assert time.monotonic() < deadline
        finally:
            over.set()
            thread.join(30)
        follower.follow()
        follower.follow()
        truth, belief = see(it.root), follower.sight()
        reached = {ino: belief.inodes[ino] for ino in truth.inodes if ino in belief.inodes}
        assert reached == truth.inodes
        assert {ino: belief.names[ino] for ino in truth.names} == truth.names


@pytest.mark.parametrize("name", ["ext4", "ext4-meta-bg", "ext4-32bit"])
def test_a_file_system_that_grew_is_still_followed(name: str, tmp_path: Path) -> None:
    """New groups came: what is in the old ones, and what comes to be in the new, is compared."""
    variant = VARIANTS[name]
    with disk(tmp_path, variant) as made:
        with site(made, variant) as it:
            with shaker(it.root / "tree", 6) as tree:
                tree.shake("many")
            it.sync()
            mark = it.tracker.mark()
            before = it.settle()
        COMMANDS.run(["e2fsck", "-f", "-p", made.device], timeout=60)
        os.truncate(made.image, variant.size + 512 * MIB)
        COMMANDS.run(["losetup", "--set-capacity", made.device], timeout=20)
        COMMANDS.run(["resize2fs", made.device], timeout=60)
        with site(made, variant) as it, shaker(it.root / "more", 7) as tree:
            it.sync()
            grown = it.tracker.changed(mark, KnownInodes.of(before.inodes.values()))
            assert len(grown.mark) > len(mark)
            after = it.settle()
            assert_told(it, grown.inodes, before, after)
            for way in WAYS:
                tree.shake(way)
            it.sync()
            found = it.tracker.changed(grown.mark, KnownInodes.of(after.inodes.values()))
            assert_told(it, found.inodes, after, see(it.root))


@on("ext4-meta-bg")
def test_the_inodes_are_spread_over_several_blocks_of_descriptors(it: Site) -> None:
    """Or else this variant would prove nothing."""
    with shaker(it.root / "tree", 3):
        groups = os.statvfs(it.root).f_files // (it.variant.size // (2048 * 1024))
        assert max(see(it.root).inodes) > 16 * groups


@on("ext4")
def test_a_device_without_a_node_is_opened_all_the_same(it: Site, tmp_path: Path) -> None:
    """sysfs knows it by another name here, or not at all; the node made for it does not stay."""
    number = os.fstat(it.fd).st_dev
    dev = tmp_path / "dev"
    dev.mkdir()
    entry = tmp_path / "sys" / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}"
    entry.mkdir(parents=True)
    (entry / "uevent").write_text("DEVNAME=mapper/renamed\n")
    mark = it.tracker.mark()
    for sys in (tmp_path / "sys", tmp_path / "none"):
        other = Ext4(lambda sys=sys: open_device(number, sys=sys, dev=dev))
        assert other.mark() == mark
        assert list(dev.iterdir()) == []


@on("ext4", "xfs", "btrfs")
def test_a_detached_mount_is_tracked_like_any_other(it: Site) -> None:
    """Source trees are private copies of mounts, which no mount table lists."""
    fd = clone_mount(os.fsencode(it.root))
    try:
        root = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            tracker = tracker_of(root)
            assert tracker is not None
            assert tracker.name == it.tracker.name
            assert tracker.mark() == it.tracker.mark()
        finally:
            os.close(root)
    finally:
        os.close(fd)


@on("ext4", "xfs", "btrfs")
def test_a_mark_of_another_file_system_is_refused(it: Site, tmp_path: Path) -> None:
    """Of the same kind, made a moment later."""
    mark = it.tracker.mark()
    other = tmp_path / "other"
    other.mkdir()
    with (
        disk(other, it.variant) as made,
        site(made, it.variant) as second,
        pytest.raises(Untrackable),
    ):
        second.tracker.changed(mark, KnownInodes([]))


@on("xfs-many-groups")
def test_both_calls_of_xfs_say_the_same_in_ascending_order(it: Site) -> None:
    """Over many allocation groups and more than one answer."""
    with shaker(it.root / "tree", 3) as tree:
        for _ in range(40):
            tree.shake("many")
        it.sync()
        found = list(bulkstat(it.fd))
        assert found == list(old_bulkstat(it.fd))
        assert [i.ino for i in found] == sorted({i.ino for i in found})
        assert len(found) > 5000
        truth = see(it.root).inodes
        assert [i for i in found if i.ino in truth] == sorted(truth.values())


@on("btrfs")
def test_a_subvolume_below_is_a_file_system_of_its_own(it: Site) -> None:
    """Its inode numbers are the same as those above, its changes are not told there."""
    below = it.root / "below"
    COMMANDS.run(["btrfs", "-q", "subvolume", "create", str(below)], timeout=20)
    (it.root / "file").write_bytes(b"above")
    (below / "file").write_bytes(b"below")
    assert (it.root / "file").stat().st_ino == (below / "file").stat().st_ino
    it.sync()
    mark = it.tracker.mark()
    known = KnownInodes.of(it.settle().inodes.values())
    fd = os.open(below, os.O_RDONLY)
    try:
        tracker = tracker_of(fd)
        assert tracker is not None
        inside = tracker.mark()
        inner = KnownInodes([known_inode((below / "file").stat())])
        (below / "file").write_bytes(b"changed")
        it.sync()
        assert it.tracker.changed(mark, known).inodes == ()
        assert tracker.changed(inside, inner).inodes == (inner.inodes[0].ino,)
        with pytest.raises(Untrackable):
            tracker.changed(mark, inner)
    finally:
        os.close(fd)


@on("btrfs")
def test_what_only_the_log_holds_is_told_after_a_sync(it: Site) -> None:
    """fsync writes to a log tree beside; the transaction that syncfs ends has it all."""
    path = it.root / "file"
    path.write_bytes(b"first")
    it.sync()
    mark = it.tracker.mark()
    known = KnownInodes.of(it.settle().inodes.values())
    with path.open("r+b") as file:
        file.write(b"other")
        os.fsync(file.fileno())
    it.sync()
    assert it.tracker.changed(mark, known).inodes == (path.stat().st_ino,)


@on("btrfs")
def test_more_inodes_than_an_answer_holds_are_all_told(it: Site) -> None:
    """The search goes on where the answer ended."""
    with shaker(it.root / "tree", 3) as tree:
        for _ in range(60):
            tree.shake("many")
        it.sync()
        mark = it.tracker.mark()
        before = it.settle()
        for folder, _, names in os.walk(it.root):
            for name in names:
                os.chown(Path(folder) / name, 5, 5, follow_symlinks=False)
        it.sync()
        found = it.tracker.changed(mark, KnownInodes.of(before.inodes.values()))
        assert len(found.inodes) > 9000
        assert_told(it, found.inodes, before, see(it.root))
