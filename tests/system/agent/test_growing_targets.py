# SPDX-License-Identifier: Apache-2.0
"""Target disks that grow with what they hold, and what has arrived on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.loops import loop_disks
from fakes.lvm_layouts import DISK, VOLUMES

from hostlift.agent.targets import Targets
from hostlift.errors import CommandFailed, HostError
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount_table, unmount
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk, TargetPartition, TargetSubvolume, Volume
from hostlift.plan.growth import _grown
from hostlift.remote.messages import PrepareOrder

pytestmark = pytest.mark.root
MIB, GIB = 1 << 20, 1 << 30
SERIAL = "d-0"
COMMANDS = SystemCommands()


def silent(_label: str, _done: int, _total: int) -> None:
    pass


@pytest.fixture
def by_id(tmp_path: Path) -> Iterator[Path]:
    with loop_disks(tmp_path / "disks", {SERIAL: GIB}) as links:
        try:
            yield links
        finally:
            for mount in reversed(mount_table()):
                if Path(mount.mount_point).is_relative_to(tmp_path):
                    unmount(Path(mount.mount_point))


def targets_at(tmp_path: Path, by_id: Path, commands: SystemCommands = COMMANDS) -> Targets:
    return Targets(tmp_path / "state", commands, by_id=by_id, mount_root=tmp_path / "mnt")


def enlarge(by_id: Path) -> None:
    """As the cloud does it: the kernel shows a larger disk."""
    device = str((by_id / f"virtio-{SERIAL}").resolve())
    os.truncate(by_id.parent / f"{SERIAL}.raw", 2 * GIB)
    COMMANDS.run(["losetup", "--set-capacity", device], timeout=20)


def a_disk(kind: str, table: TableKind | None) -> TargetDisk:
    """A disk with a boot partition and a file system that ends it; without a table just that."""
    gpt = table is TableKind.GPT
    linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4" if gpt else "83"
    base = TargetPartition(
        number=0,
        start=0,
        size=GIB,
        type="",
        content=Content.FILES,
        file_system=kind,
        fs_uuid="cccccccc-0000-4000-8000-000000000001",
        mount_point="/",
        subvolumes=(TargetSubvolume(path="@", default=True),) if kind == "btrfs" else (),
    )
    if table is None:
        return TargetDisk(index=0, size_gib=1, table=None, partitions=(base,))
    first = replace(
        base, number=1, start=MIB, size=64 * MIB, type=linux, file_system="swap", fs_uuid="",
        content=Content.SWAP, mount_point="", subvolumes=(),
    )  # fmt: skip
    last = replace(base, number=2, start=65 * MIB, size=GIB - 66 * MIB, type=linux)
    return TargetDisk(index=0, size_gib=1, table=table, partitions=(first, last))


def an_order(disk: TargetDisk) -> PrepareOrder:
    part = disk.partitions[-1]
    volume = Volume(
        id="v",
        disk=0,
        partition=part.number,
        mount_point="/",
        file_system=part.file_system,
        trees=(),
        subvolume="@" if part.subvolumes else "",
    )
    return PrepareOrder(disks=(disk,), volumes=(volume,), serials={0: SERIAL})


LAYOUTS = [
    ("ext4", TableKind.GPT),
    ("ext4", TableKind.MBR),
    ("xfs", TableKind.GPT),
    ("btrfs", TableKind.MBR),
    ("xfs", None),
]


@pytest.mark.parametrize(("kind", "table"), LAYOUTS)
def test_the_last_file_system_grows_with_its_disk(
    tmp_path: Path, by_id: Path, kind: str, table: TableKind | None
) -> None:
    """Content and generation are kept, also when the disk is in use; it is clean afterwards."""
    order = an_order(a_disk(kind, table))
    targets = targets_at(tmp_path, by_id)
    (first,) = targets.prepare(order, silent).volumes
    (targets.volumes()["v"] / "file").write_text("kept")
    enlarge(by_id)
    larger = replace(order, disks=(_grown(order.disks[0], 2),))
    (second,) = targets.prepare(larger, silent).volumes
    assert second.generation == first.generation
    assert second.size > first.size + 900 * MIB
    assert (targets.volumes()["v"] / "file").read_text() == "kept"
    assert targets.seal().checks["v"].startswith("clean")
    again = targets_at(tmp_path, by_id).prepare(larger, silent)
    assert again.volumes[0].generation == first.generation


def test_the_last_logical_volume_grows(tmp_path: Path, by_id: Path) -> None:
    """Partition, group and file system; LVM agrees."""
    order = PrepareOrder(disks=(DISK,), volumes=VOLUMES, serials={0: SERIAL})
    targets = targets_at(tmp_path, by_id)
    first = {v.volume: v.size for v in targets.prepare(order, silent).volumes}
    (targets.volumes()["disk0p2-home"] / "file").write_text("kept")
    enlarge(by_id)
    larger = replace(order, disks=(_grown(DISK, 2),))
    second = {v.volume: v.size for v in targets.prepare(larger, silent).volumes}
    assert second["disk0p2-home"] > first["disk0p2-home"] + GIB
    assert second["disk0p2-root"] == first["disk0p2-root"]
    assert (targets.volumes()["disk0p2-home"] / "file").read_text() == "kept"
    assert targets.seal()
    node = f"{(by_id / f'virtio-{SERIAL}').resolve()}p2"
    options = ("--driverloaded", "n", "--devices", node, "--noheadings", "--units", "m")
    told = COMMANDS.run(["lvs", *options, "-o", "lv_name,lv_size"], timeout=60).text.split()
    assert told == ["home", "1708.00m", "root", "240.00m", "swap_1", "32.00m"]


@pytest.mark.parametrize("program", ["sfdisk", "partx", "resize2fs"])
def test_growth_that_was_interrupted_is_finished(tmp_path: Path, by_id: Path, program: str) -> None:
    """The state says so last: the same order does all of it again."""

    class Dying(SystemCommands):
        def run(self, argv, **more):  # type: ignore[no-untyped-def] # the port's own signature
            done = super().run(argv, **more)
            if argv[0] == program:
                raise CommandFailed(tuple(argv), -9, "killed")
            return done

    order = an_order(a_disk("ext4", TableKind.GPT))
    targets = targets_at(tmp_path, by_id)
    targets.prepare(order, silent)
    (targets.volumes()["v"] / "file").write_text("kept")
    enlarge(by_id)
    larger = replace(order, disks=(_grown(order.disks[0], 2),))
    with pytest.raises(CommandFailed):
        targets_at(tmp_path, by_id, Dying()).prepare(larger, silent)
    again = targets_at(tmp_path, by_id)
    assert again.prepare(larger, silent).volumes[0].size > 1900 * MIB
    assert (again.volumes()["v"] / "file").read_text() == "kept"


def test_a_shorter_disk_is_another_layout(tmp_path: Path, by_id: Path) -> None:
    """Nothing is ever cut."""
    order = an_order(a_disk("ext4", TableKind.GPT))
    targets = targets_at(tmp_path, by_id)
    targets.prepare(order, silent)
    disk = order.disks[0]
    last = replace(disk.partitions[1], size=disk.partitions[1].size - MIB)
    shorter = replace(order, disks=(replace(disk, partitions=(disk.partitions[0], last)),))
    with pytest.raises(HostError, match="another layout"):
        targets.prepare(shorter, silent)
