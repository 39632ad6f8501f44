# SPDX-License-Identifier: Apache-2.0
"""LVM's metadata: what its own tools wrote is understood, what is damaged is called so."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.lvm import GIB, MIB, TIME, a_group, image_of, reader

from hostlift.host.lvm import ondisk, text
from hostlift.host.lvm.records import Segment

RECORDED = Path(__file__).parents[2] / "data" / "lvm"
THIN = """
vg { id = "a" extent_size = 8192 seqno = 7
 physical_volumes { pv0 { id = "p" pe_start = 2048 pe_count = 100 } }
 logical_volumes {
  pool { id = "1" status = ["READ","VISIBLE"] segment1 { start_extent = 0 extent_count = 5
   type = "thin-pool" metadata = "pool_tmeta" pool = "pool_tdata" } }
  pool_tdata { id = "2" status = ["READ"] segment1 { start_extent = 0 extent_count = 5
   type = "striped" stripe_count = 1 stripes = ["pv0", 0] } }
  web { id = "3" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 9 type = "thin"
   thin_pool = "pool" device_id = 1 } }
  old { id = "4" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2
   type = "striped" stripes = ["pv0", 5] } }
  snapshot0 { id = "5" status = ["READ"] segment1 { start_extent = 0 extent_count = 2
   type = "snapshot" chunk_size = 8 origin = "web" cow_store = "old" } }
  fast { id = "6" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 4
   type = "striped" stripe_count = 2 stripes = ["pv0", 10, "pv1", 10] } }
 } }
"""


def test_what_vgcfgbackup_wrote_is_understood() -> None:
    """Recorded with LVM 2.03.16: comments, blank lines and sections as they come."""
    group = text.parse((RECORDED / "rhel.vg").read_text())
    assert (group.name, group.extent_size, group.seqno) == ("rhel", 4 * MIB, 3)
    (physical,) = group.physical
    assert (physical.size, physical.start, physical.extents) == (3 * GIB, MIB, 767)
    assert [(v.name, v.extents, group.kind(v)) for v in group.logical] == [
        ("root", 200, "linear"),
        ("swap", 32, "linear"),
    ]
    assert group.logical[1].segments == (
        Segment(start=0, extents=32, type="striped", stripes=(("pv0", 200),)),
    )


def test_kinds_that_cannot_be_made_are_told_apart() -> None:
    """Thin pools and volumes, snapshots, stripes; parts of others are hidden."""
    group = text.parse(THIN)
    kinds = {v.name: group.kind(v) for v in group.logical if v.visible}
    assert kinds == {
        "pool": "thin-pool", "web": "thin", "old": "snapshot", "fast": "striped"
    }  # fmt: skip


def test_what_is_written_is_read_again() -> None:
    """Label, header and text."""
    group = a_group()
    found = ondisk.read(reader(image_of(group)))
    assert found is not None
    assert (found.id, found.group) == (group.physical[0].id, group)


def test_a_text_that_wraps_around_its_ring_is_put_together() -> None:
    """The area is a ring: a text that reaches its end goes on behind the header."""
    group = a_group()
    disk = image_of(group)
    whole = text.render(group, host="h", time=TIME).encode() + b"\0"
    at = (1 << 20) - 4096 - 100
    start = 4096 + at
    disk[start : start + 100] = whole[:100]
    disk[4096 + 512 : 4096 + 512 + len(whole) - 100] = whole[100:]
    disk[4096:4608] = ondisk.mda_header(whole, at)
    found = ondisk.read(reader(disk))
    assert found is not None
    assert found.group == group


def test_another_disk_is_no_physical_volume() -> None:
    """Zeros, a partition table, nothing at all."""
    assert ondisk.read(reader(bytearray(8 * MIB))) is None
    assert ondisk.read(reader(bytearray())) is None


@pytest.mark.parametrize("at", [540, 4100, 4700])
def test_a_damaged_one_says_so(at: int) -> None:
    """In the label, the header and the text."""
    disk = image_of(a_group())
    disk[at] ^= 0xFF
    with pytest.raises(text.Malformed, match="damaged"):
        ondisk.read(reader(disk))


@pytest.mark.parametrize("words", ["", "vg {", "vg { extent_size = }", "= 3", "a = [1", "vg ! {"])
def test_what_is_no_metadata_is_refused(words: str) -> None:
    """Not an endless loop, nor another error."""
    with pytest.raises(text.Malformed):
        text.parse(words)


def test_a_group_with_too_many_volumes_is_refused_before_it_is_written() -> None:
    """The area has a megabyte; what does not fit would be cut."""
    group = a_group(volumes=9000)
    with pytest.raises(text.Malformed, match="takes"):
        ondisk.pieces(group, group.physical[0], host="h", time=TIME)
