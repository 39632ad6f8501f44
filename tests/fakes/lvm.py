# SPDX-License-Identifier: Apache-2.0
"""Volume groups and disks in memory that hold them."""

from __future__ import annotations

from hostlift.host.lvm import ondisk
from hostlift.host.lvm.records import Group, Logical, Physical, Segment, derived_id

MIB = 1 << 20
GIB = 1 << 30
TIME = 1_700_000_000


def a_group(*, name: str = "vg-0", size: int = 3 * GIB, volumes: int = 2) -> Group:
    """One physical volume, and logical volumes of four extents each, one behind the other."""
    physical = Physical(
        name="pv0", id=derived_id(name, "pv"), size=size, extents=(size - MIB) // (4 * MIB)
    )
    logical = tuple(
        Logical(
            name=f"lv{n}",
            id=derived_id(name, str(n)),
            segments=(Segment(start=0, extents=4, type="striped", stripes=(("pv0", n * 4),)),),
        )
        for n in range(volumes)
    )
    return Group(
        name=name,
        id=derived_id(name),
        extent_size=4 * MIB,
        physical=(physical,),
        logical=logical,
    )


def image_of(group: Group) -> bytearray:
    """The first two MiB of a group's first physical volume."""
    disk = bytearray(2 * MIB)
    for piece in ondisk.pieces(group, group.physical[0], host="h", time=TIME):
        disk[piece.offset : piece.offset + len(piece.data)] = piece.data
    return disk


def reader(disk: bytes | bytearray) -> ondisk.ReadAt:
    """Reads of a disk in memory."""
    return lambda offset, length: bytes(disk[offset : offset + length])
