# SPDX-License-Identifier: Apache-2.0
"""Orders for adaptation: complete by default, override what matters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fakes import lvm_layouts

from hostlift.adapt.layout import Layout
from hostlift.adapt.ledger import Ledger
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.catalogue import FAMILIES
from hostlift.adapt.linux.toolbox import survey
from hostlift.model.adaptation import AdaptOrder, Addressing
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk, TargetPartition, Volume
from hostlift.ports.commands import Commands
from hostlift.ports.tree import Tree

MIB = 1 << 20
ROOT_UUID = "11111111-0000-4000-8000-000000000001"
SWAP_UUID = "11111111-0000-4000-8000-000000000002"
DATA_UUID = "11111111-0000-4000-8000-000000000003"

ROOT = TargetPartition(
    number=1,
    start=MIB,
    size=900 * MIB,
    type="83",
    content=Content.FILES,
    file_system="ext4",
    fs_uuid=ROOT_UUID,
    fs_label="root",
    mount_point="/",
    bootable=True,
)
SWAP = TargetPartition(
    number=2,
    start=901 * MIB,
    size=64 * MIB,
    type="82",
    content=Content.SWAP,
    file_system="swap",
    fs_uuid=SWAP_UUID,
)
DATA = TargetPartition(
    number=0,
    start=0,
    size=1024 * MIB,
    type="",
    content=Content.FILES,
    file_system="ext4",
    fs_uuid=DATA_UUID,
    fs_label="data",
    mount_point="/data",
)
SYSTEM_DISK = TargetDisk(
    index=0, size_gib=1, table=TableKind.MBR, table_id="0xdeadbeef", partitions=(ROOT, SWAP)
)
DATA_DISK = TargetDisk(index=1, size_gib=1, table=None, partitions=(DATA,))

ORDER = AdaptOrder(
    os_id="debian",
    os_like=(),
    architecture="x86_64",
    firmware="bios",
    disks=(SYSTEM_DISK, DATA_DISK),
    volumes=(
        Volume(id="disk0p1", disk=0, partition=1, mount_point="/", file_system="ext4", trees=()),
        Volume(
            id="disk1p0", disk=1, partition=0, mount_point="/data", file_system="ext4", trees=()
        ),
    ),
    serials={0: "d-system", 1: "d-data"},
    beacon="t0ken",
)
WITHOUT_SWAP = replace(ORDER, disks=(replace(SYSTEM_DISK, partitions=(ROOT,)), DATA_DISK))

ESP_UUID = "ABCD-1234"
ESP = TargetPartition(
    number=3,
    start=965 * MIB,
    size=32 * MIB,
    type="ef",
    content=Content.ESP,
    file_system="vfat",
    fs_uuid=ESP_UUID,
    mount_point="/boot/efi",
)


LVM_ORDER = replace(
    ORDER, disks=(lvm_layouts.DISK,), volumes=lvm_layouts.VOLUMES, serials={0: "d-system"}
)


def an_order(
    *,
    swap: bool = True,
    esp: bool = False,
    lvm: bool = False,
    firmware: str = "",
    addressing: str = "dhcp",
) -> AdaptOrder:
    """An order for a machine that lacks swap, or starts by UEFI, or keeps its addresses or LVM."""
    order = LVM_ORDER if lvm else ORDER if swap else WITHOUT_SWAP
    disk = order.disks[0]
    if esp:
        disk = replace(disk, partitions=(*disk.partitions, ESP))
    return replace(
        order,
        disks=(disk, *order.disks[1:]),
        firmware=firmware or ("uefi" if esp else "bios"),
        addressing=Addressing(addressing),
    )


def a_bench(tree: Tree, folder: Path, commands: Commands, order: AdaptOrder = ORDER) -> Bench:
    """A bench over ``tree`` with its ledger in ``folder`` and plain files as disks."""
    devices = {}
    for disk in order.disks:
        file = folder / f"disk{disk.index}.raw"
        if not file.exists():
            file.write_bytes(bytes(4 * MIB))
        devices[disk.index] = str(file)
    return Bench(
        order=order,
        tree=tree,
        layout=Layout(order),
        tools=survey(order, tree, Layout(order), FAMILIES),
        root=folder / "nowhere",
        commands=commands,
        devices=devices,
        ledger=Ledger(folder / "ledger"),
    )
