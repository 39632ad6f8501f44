# SPDX-License-Identifier: Apache-2.0
"""The ext4 tracker over inode tables in a plain file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.changes import FOLDER, Ext4Image, KnownInodes

from hostlift.replicate.changes import KnownInode, Untrackable
from hostlift.replicate.changes.ext4 import Ext4

PER_GROUP = 8192
SECOND = 1_000_000_000
# First and last of pieces and groups, and some between.
INOS = (2, 16, 17, 32, 33, 5000, PER_GROUP, PER_GROUP + 1, PER_GROUP + 16, 2 * PER_GROUP)


def inode(ino: int) -> KnownInode:
    return KnownInode(ino, ino * SECOND + 1, ino)


@pytest.fixture
def image(tmp_path: Path) -> Ext4Image:
    made = Ext4Image(tmp_path / "image")
    made.save()
    for ino in INOS:
        made.put(inode(ino))
    return made


@pytest.fixture
def known() -> KnownInodes:
    return KnownInodes.of(map(inode, INOS))


def test_nothing_changed_asks_for_nothing(image: Ext4Image, known: KnownInodes) -> None:
    """Equal hashes need no look at what is known; the next mark is the same."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    found = tracker.changed(mark, known)
    assert found.inodes == ()
    assert found.mark == mark
    assert known.asked == []


@pytest.mark.parametrize("ino", INOS)
def test_another_change_time_is_found_in_its_piece_alone(
    image: Ext4Image, known: KnownInodes, ino: int
) -> None:
    """Only the sixteen inodes of the 4 KiB that differ are compared."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    image.put(inode(ino)._replace(ctime_ns=ino * SECOND + 2))
    assert tracker.changed(mark, known).inodes == (ino,)
    first = (ino - 1) // 16 * 16 + 1
    assert known.asked == [(first, first + 15)]


@pytest.mark.parametrize("ino", [2, PER_GROUP + 1])
def test_size_type_and_loss_are_found(image: Ext4Image, known: KnownInodes, ino: int) -> None:
    """Another size at the same time, a directory in a file's place, a free inode."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    for mode, links, size in ((0o100644, 1, ino + 1), (FOLDER, 2, ino), (0o100644, 0, ino)):
        image.put(inode(ino)._replace(size=size), mode=mode, links=links)
        assert tracker.changed(mark, known).inodes == (ino,)


def test_what_is_known_already_is_not_named(image: Ext4Image, known: KnownInodes) -> None:
    """Looked at after the mark: the hash differs, the inode does not."""
    tracker = Ext4(image.open)
    image.put(inode(33)._replace(size=1))
    mark = tracker.mark()
    image.put(inode(33))
    found = tracker.changed(mark, known)
    assert found.inodes == ()
    assert known.asked == [(33, 48)]
    assert tracker.changed(found.mark, known).inodes == ()
    assert known.asked == [(33, 48)]


def test_neighbouring_pieces_are_one_question(image: Ext4Image, known: KnownInodes) -> None:
    """A run of changed pieces asks once."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    for ino in (16, 17, 33):
        image.put(inode(ino)._replace(size=0))
    assert tracker.changed(mark, known).inodes == (16, 17, 33)
    assert known.asked == [(1, 48)]


def test_a_table_that_grew_is_compared_from_there(tmp_path: Path) -> None:
    """Inodes that came into use, and were looked at, after the mark; then changed again."""
    image = Ext4Image(tmp_path / "image", unused={0: PER_GROUP - 16, 1: PER_GROUP}, uninit={1})
    image.save()
    tracker = Ext4(image.open)
    mark = tracker.mark()
    image.unused, image.uninit = {0: PER_GROUP - 40, 1: 0}, set()
    image.save()
    for ino in (17, 33, PER_GROUP + 1):
        image.put(inode(ino))
    known = KnownInodes.of([inode(17), inode(33)._replace(size=1), inode(PER_GROUP + 1)])
    assert tracker.changed(mark, known).inodes == (33,)


def test_a_new_piece_is_not_taken_for_the_next_groups(tmp_path: Path) -> None:
    """The same bytes as where the next group starts are other inodes all the same."""
    image = Ext4Image(tmp_path / "image", unused={0: PER_GROUP - 16})
    image.save()
    second = inode(PER_GROUP + 1)
    image.put(second)
    tracker = Ext4(image.open)
    mark = tracker.mark()
    image.unused = {0: PER_GROUP - 32}
    image.save()
    image.put(second._replace(ino=17))
    known = KnownInodes.of([inode(17), second])
    assert tracker.changed(mark, known).inodes == (17,)


def test_a_table_that_was_cut_short_has_lost_its_inodes(
    image: Ext4Image, known: KnownInodes
) -> None:
    """A file system check may find the end of a table unused."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    image.unused = {0: PER_GROUP - 32, 1: PER_GROUP - 16}
    image.save()
    assert sorted(tracker.changed(mark, known).inodes) == [33, 5000, PER_GROUP, 2 * PER_GROUP]


def test_groups_may_be_added_and_taken_away(image: Ext4Image) -> None:
    """Online growth; offline shrinking loses what was in the groups that went."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    image.groups = 3
    image.save()
    third = inode(2 * PER_GROUP + 1)
    image.put(third)
    known = KnownInodes.of([inode(2), third._replace(size=0)])
    grown = tracker.changed(mark, known)
    assert grown.inodes == (third.ino,)
    image.groups = 1
    image.save()
    assert tracker.changed(grown.mark, known).inodes == (third.ino,)


def test_tables_longer_than_a_read_are_read_whole(image: Ext4Image, known: KnownInodes) -> None:
    """The last inode of a table of 2 MiB."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    image.put(inode(PER_GROUP)._replace(size=0))
    assert tracker.changed(mark, known).inodes == (PER_GROUP,)


@pytest.mark.parametrize("size", [128, 512, 4096])
def test_inodes_of_any_size_are_found(tmp_path: Path, size: int) -> None:
    """As many as fit into a block; those of 128 bytes in whole seconds."""
    image = Ext4Image(tmp_path / "image", inode_size=size, inodes_per_group=1000)
    image.save()
    inos = (2, 999, 1000, 1001, 2000)
    whole = [KnownInode(ino, ino * SECOND, ino) for ino in inos]
    for one in whole:
        image.put(one)
    tracker = Ext4(image.open)
    mark = tracker.mark()
    for one in whole:
        image.put(one._replace(ctime_ns=SECOND))
    assert tracker.changed(mark, KnownInodes.of(whole)).inodes == inos


@pytest.mark.parametrize("what", ["uuid", "inode_size", "inodes_per_group"])
def test_a_mark_of_another_file_system_is_refused(
    image: Ext4Image, known: KnownInodes, what: str
) -> None:
    """Made anew in the same place."""
    tracker = Ext4(image.open)
    mark = tracker.mark()
    setattr(image, what, {"uuid": b"f" * 16, "inode_size": 512, "inodes_per_group": 4096}[what])
    image.save()
    with pytest.raises(Untrackable):
        tracker.changed(mark, known)


def test_a_device_that_ends_early_is_refused(image: Ext4Image) -> None:
    """In the middle of an inode table, of the descriptors, of the superblock."""
    for size in (image.table(1) + 5000, 4096 + 100, 1500, 0):
        with image.path.open("r+b") as file:
            file.truncate(size)
        with pytest.raises(Untrackable):
            Ext4(image.open).mark()


def test_a_device_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A directory stands for a device with errors."""
    with pytest.raises(Untrackable, match="cannot be read"):
        Ext4(lambda: os.open(tmp_path, os.O_RDONLY)).mark()


def test_the_device_is_closed_in_the_end(image: Ext4Image, known: KnownInodes) -> None:
    """Also after a mark that was refused."""
    opened: list[int] = []

    def open_device() -> int:
        opened.append(image.open())
        return opened[-1]

    tracker = Ext4(open_device)
    mark = tracker.mark()
    image.uuid = b"f" * 16
    image.save()
    with pytest.raises(Untrackable):
        tracker.changed(mark, known)
    assert len(opened) == 2
    for fd in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
