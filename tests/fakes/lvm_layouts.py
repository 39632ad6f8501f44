# SPDX-License-Identifier: Apache-2.0
"""Target disks with an LVM group: a /boot, and root, home and swap as logical volumes."""

from __future__ import annotations

from hostlift.host.lvm.records import derived_id
from hostlift.model.machine import TableKind
from hostlift.model.plan import (
    Content,
    TargetDisk,
    TargetLogical,
    TargetPartition,
    TargetPhysical,
    Volume,
)

MIB = 1 << 20
START = 66 * MIB
GROUP = "vg-0"


def a_logical(name: str, start: int, size: int, kind: str, mount_point: str = "") -> TargetLogical:
    """Offsets count from behind the metadata."""
    return TargetLogical(
        name=name,
        uuid=derived_id(name),
        start=START + MIB + start,
        size=size,
        content=Content.SWAP if kind == "swap" else Content.FILES,
        file_system=kind,
        fs_uuid=f"aaaaaaaa-0000-4000-8000-{sum(name.encode()):012d}",
        mount_point=mount_point,
    )


ROOT = a_logical("root", 0, 240 * MIB, "ext4", "/")
SWAP = a_logical("swap_1", 240 * MIB, 32 * MIB, "swap")
HOME = a_logical("home", 272 * MIB, 320 * MIB, "xfs", "/home")
BOOT = TargetPartition(
    number=1,
    start=MIB,
    size=64 * MIB,
    type="83",
    content=Content.FILES,
    bootable=True,
    file_system="ext4",
    fs_uuid="aaaaaaaa-0000-4000-8000-00000000b007",
    mount_point="/boot",
)
PHYSICAL = TargetPhysical(
    group=GROUP,
    group_uuid=derived_id("group"),
    uuid=derived_id("pv"),
    extent_size=4 * MIB,
    volumes=(ROOT, SWAP, HOME),
)
DISK = TargetDisk(
    index=0,
    size_gib=1,
    table=TableKind.MBR,
    table_id="0xcafe0001",
    partitions=(
        BOOT,
        TargetPartition(
            number=2,
            start=START,
            size=640 * MIB,
            type="8e",
            content=Content.LVM,
            physical=PHYSICAL,
        ),
    ),
)
VOLUMES = (
    Volume(
        id="disk0p2-root", disk=0, partition=2, logical="root", mount_point="/",
        file_system="ext4", trees=(),
    ),
    Volume(
        id="disk0p1", disk=0, partition=1, mount_point="/boot", file_system="ext4", trees=()
    ),
    Volume(
        id="disk0p2-home", disk=0, partition=2, logical="home", mount_point="/home",
        file_system="xfs", trees=(),
    ),
)  # fmt: skip
