# SPDX-License-Identifier: Apache-2.0
"""What XFS lists, beside what is known."""

from __future__ import annotations

import os
import struct

import pytest
from fakes.changes import FILE, FOLDER, KnownInodes
from hypothesis import given
from hypothesis import strategies as st

from hostlift.replicate.changes import KnownInode, Untrackable
from hostlift.replicate.changes.xfs import Xfs, merged, old_records, records

SECOND = 1_000_000_000


def record(inode: KnownInode, *, mode: int = FILE, links: int = 1) -> bytes:
    """struct xfs_bulkstat."""
    seconds, nanos = divmod(inode.ctime_ns, SECOND)
    head = struct.pack("<QQQQqqqq", inode.ino, inode.size, 8, 2, 11, 12, seconds, 13)
    ids = struct.pack("<IIIIIIII", 1, 2, 3, 4, 21, 22, nanos, 23)
    sizes = struct.pack("<IIIIIII", 4096, 5, 6, 7, links, 8, 9)
    return head + ids + sizes + struct.pack("<HHHHHHQ48x", 5, 1, 2, 3, mode, 0, 1)


def old_record(inode: KnownInode, *, mode: int = FILE, links: int = 1) -> bytes:
    """struct xfs_bstat."""
    seconds, nanos = divmod(inode.ctime_ns, SECOND)
    head = struct.pack("<QHHIIIi4xq", inode.ino, mode, links, 1, 2, 3, 4096, inode.size)
    times = struct.pack("<qi4xqi4xqi4x", 11, 21, 12, 22, seconds, nanos)
    return head + times + struct.pack("<qIiiIHHH6xIIHH", 8, 2, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7)


NEAR = st.integers(-(1 << 40), 1 << 40)
INODES = st.builds(KnownInode, st.integers(1, (1 << 56) - 1), NEAR, st.integers(0, 1 << 60))


@pytest.mark.parametrize(("made", "read"), [(record, records), (old_record, old_records)])
@given(one=INODES, two=INODES)
def test_records_say_number_time_and_size(
    made: object, read: object, one: KnownInode, two: KnownInode
) -> None:
    """Both generations of the interface, times before 1970 too."""
    assert callable(made)
    assert callable(read)
    data = made(one) + made(two, mode=FOLDER, links=2)
    assert list(read(memoryview(data))) == [one, two._replace(size=0)]


@pytest.mark.parametrize(("made", "read"), [(record, records), (old_record, old_records)])
def test_inodes_without_links_or_mode_are_left_out(made: object, read: object) -> None:
    """Unlinked and still open, or in the middle of being freed."""
    assert callable(made)
    assert callable(read)
    inode = KnownInode(7, 1, 1)
    assert list(read(memoryview(made(inode, links=0) + made(inode, mode=0)))) == []


@given(st.dictionaries(st.integers(1, 9), st.sampled_from(["same", "new", "time", "size", "gone"])))
def test_what_is_gone_or_different_is_named(fates: dict[int, str]) -> None:
    """Any mixture, also where one list ends before the other."""
    known = [KnownInode(ino, 10, 10) for ino, fate in fates.items() if fate != "new"]
    found = {
        ino: KnownInode(ino, 11 if fate == "time" else 10, 11 if fate == "size" else 10)
        for ino, fate in fates.items()
        if fate != "gone"
    }
    named = merged(KnownInodes.of(known), (found[ino] for ino in sorted(found)))
    assert list(named) == [i for i in sorted(fates) if fates[i] in {"time", "size", "gone"}]


def test_what_is_not_xfs_is_refused() -> None:
    """The kernel does not know the question there."""
    fd = os.open("/proc", os.O_RDONLY)
    try:
        with pytest.raises(Untrackable):
            Xfs(fd).mark()
        with pytest.raises(Untrackable):
            Xfs(fd).changed(b"", KnownInodes([]))
    finally:
        os.close(fd)
