# SPDX-License-Identifier: Apache-2.0
"""Where ext4's inodes are, and what their bytes say."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.changes import FILE, FOLDER, Ext4Image, inode_bytes
from hypothesis import given
from hypothesis import strategies as st

from hostlift.replicate.changes import KnownInode, Untrackable
from hostlift.replicate.changes.ext4_layout import Geometry, geometry, state_of, tables

SECOND = 1_000_000_000


def of(**changed: int) -> Geometry:
    return geometry(Ext4Image(Path("unused")).superblock(**changed))


@given(
    st.integers(-(1 << 31), (1 << 31) + 3 * (1 << 32) - 1),
    st.integers(0, SECOND - 1),
    st.integers(0, 1 << 60),
)
def test_times_from_1901_to_2446_come_out_to_the_nanosecond(
    seconds: int, nanos: int, size: int
) -> None:
    """The two epoch bits widen the signed seconds; sizes have two halves."""
    inode = KnownInode(12, seconds * SECOND + nanos, size)
    assert state_of(inode_bytes(inode), 0, old=False) == (inode.ctime_ns, size)


@pytest.mark.parametrize(
    ("seconds", "extra", "meant"),
    [
        (-1, 0, -1),  # 1969
        (-(1 << 31), 0, -(1 << 31)),  # 1901
        (-(1 << 31), 1, 1 << 31),  # the second after 2038's last
        (0, 2, 1 << 33),
        (-1, 3, 3 * (1 << 32) - 1),
    ],
)
def test_epoch_bits_count_as_the_kernel_counts_them(seconds: int, extra: int, meant: int) -> None:
    """Values of the kernel's own documentation of the encoding."""
    data = bytearray(inode_bytes(KnownInode(12, seconds * SECOND, 0)))
    data[132] = extra
    assert state_of(bytes(data), 0, old=False) == (meant * SECOND, 0)


def test_an_inode_of_128_bytes_has_whole_seconds() -> None:
    """What follows it in the table is the next inode, not more of it."""
    one = inode_bytes(KnownInode(12, 77 * SECOND + 5, 9), size=128)
    two = inode_bytes(KnownInode(13, -3 * SECOND, 8), size=128)
    assert state_of(one + two, 0, old=True) == (77 * SECOND, 9)
    assert state_of(one + two, 128, old=True) == (-3 * SECOND, 8)


@pytest.mark.parametrize(("extra", "nanos"), [(4, 0), (7, 0), (8, 5), (32, 5), (0, 5)], ids=str)
def test_nanoseconds_count_only_where_the_inode_has_them(extra: int, nanos: int) -> None:
    """i_extra_isize says how far the additional fields go; 0 is taken as all, by the kernel too."""
    data = inode_bytes(KnownInode(12, 77 * SECOND + 5, 9), extra=extra)
    assert state_of(data, 0, old=False) == (77 * SECOND + nanos, 9)


@pytest.mark.parametrize(("mode", "links"), [(FILE, 0), (0, 1), (0, 0)])
def test_an_inode_without_links_or_mode_is_free(mode: int, links: int) -> None:
    """Deleted, or never used."""
    data = inode_bytes(KnownInode(12, 1, 1), mode=mode, links=links)
    assert state_of(data, 0, old=False) is None


def test_only_regular_files_have_a_size() -> None:
    """The manifest keeps none for the others."""
    data = inode_bytes(KnownInode(12, 1, 4096), mode=FOLDER, links=2)
    assert state_of(data, 0, old=False) == (1, 0)


META = 0x2 | 0x10 | 0x80


@pytest.mark.parametrize(
    ("it", "number", "block"),
    [
        (of(), 0, 1),
        (of(), 5, 6),
        (of(incompatible=META), 0, 1),  # group 0 has a superblock
        (of(incompatible=META), 1, 64 * 32768),  # group 64 has none
        (of(incompatible=META, read_only=0x400), 1, 64 * 32768 + 1),  # all have one
        (of(incompatible=META, compatible=0x200, copy_1=64), 1, 64 * 32768 + 1),
        (of(incompatible=META, compatible=0x200, copy_1=1), 1, 64 * 32768),
        (of(incompatible=META, first_meta=2), 1, 2),
        (of(incompatible=META, first_meta=2), 2, 128 * 32768),
    ],
)
def test_descriptors_are_where_the_kernel_looks(it: Geometry, number: int, block: int) -> None:
    """After the superblock, or with meta_bg in the first group of those they describe."""
    assert it.descriptor_block(number) == block


@pytest.mark.parametrize(("first_block", "block"), [(1, 2), (0, 2)], ids=["plain", "bigalloc"])
@pytest.mark.parametrize("incompatible", [META, 0x82], ids=["meta_bg", "no meta_bg"])
def test_the_boot_block_comes_before_a_superblock_of_its_size(
    first_block: int, block: int, incompatible: int
) -> None:
    """With blocks of 1 KiB, block 0 is the boot block even where it is counted."""
    blocks = 2 * 32768 + first_block
    it = of(log_block_size=0, first_block=first_block, blocks=blocks, incompatible=incompatible)
    assert it.descriptor_block(0) == block


def test_copies_are_in_powers_of_three_five_and_seven() -> None:
    """sparse_super, with descriptors of 1 KiB so that each group has a block of its own."""
    it = of(incompatible=META, log_block_size=0, descriptor_size=1024, first_block=1, blocks=65537)
    with_copy = {g for g in range(1, 350) if it.descriptor_block(g) == 1 + g * 32768 + 1}
    assert with_copy == {1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343}


@pytest.mark.parametrize(
    "changed",
    [
        {"magic": 0xEF54},
        {"log_block_size": 7},
        {"inode_size": 64},
        {"inode_size": 300},
        {"inode_size": 8192},
        {"descriptor_size": 48},
        {"descriptor_size": 0},
        {"blocks_per_group": 0},
        {"inodes": 1},
        {"blocks": 0},
        {"incompatible": 0x2C2 | 0x8},
        {"incompatible": 1 << 30},
    ],
    ids=str,
)
def test_a_superblock_that_is_odd_is_refused(changed: dict[str, int]) -> None:
    """Wrong numbers would read the wrong bytes; unknown features may mean anything."""
    with pytest.raises(Untrackable):
        of(**changed)


def test_a_superblock_that_ends_early_is_refused() -> None:
    """A device of a few bytes."""
    with pytest.raises(Untrackable):
        geometry(b"\0" * 100)


def test_the_first_revision_has_inodes_of_128_bytes() -> None:
    """Its superblock does not say."""
    assert of(revision=0, inode_size=0).inode_size == 128


def read_tables(image: Ext4Image) -> list[tuple[int, int]]:
    data = image.path.read_bytes()
    found = tables(geometry(image.superblock()), lambda at, length: data[at : at + length])
    return [tuple(t) for t in found]


def test_parts_of_tables_that_were_never_used_are_left_out(tmp_path: Path) -> None:
    """What is used is rounded up to whole pieces; a group that was not initialised has nothing."""
    image = Ext4Image(tmp_path / "i", groups=4, unused={1: 8192 - 17, 3: 8192}, uninit={2})
    image.save()
    assert [length for _, length in read_tables(image)] == [8192 * 256, 2 * 4096, 0, 0]
    assert [at for at, _ in read_tables(image)] == [image.table(g) for g in range(4)]


@pytest.mark.parametrize("wrong", [{"unused": {0: 8193}}, {"PER_GROUP": 1200}], ids=str)
def test_descriptors_that_point_outside_are_refused(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    """More unused than there are, or a table beyond the end of the file system."""
    image = Ext4Image(tmp_path / "i", groups=1)
    for name, value in wrong.items():
        setattr(image, name, value)
    image.save()
    with pytest.raises(Untrackable):
        read_tables(image)
