# SPDX-License-Identifier: Apache-2.0
"""Target disks with LVM groups and btrfs subvolumes, on loop devices and without device-mapper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.loops import loop_disks
from fakes.lvm_layouts import DISK, GROUP, HOME, PHYSICAL, ROOT, SWAP, VOLUMES

from hostlift.agent.targets import Targets
from hostlift.errors import CommandFailed, HostError
from hostlift.host import areas
from hostlift.host.blockdev import read_at, write_at
from hostlift.host.command import SystemCommands
from hostlift.host.lvm import ondisk
from hostlift.host.mounts import bind_mount, mount_table, mounted, unmount
from hostlift.model.machine import TableKind
from hostlift.model.plan import (
    Content,
    TargetDisk,
    TargetPartition,
    TargetSubvolume,
    Volume,
)
from hostlift.model.receipt import Evidence
from hostlift.remote.messages import PrepareOrder
from hostlift.verify.images import RawImages, mounted_images

pytestmark = pytest.mark.root
MIB = 1 << 20
SYSTEM, DATA = "d-system", "d-data"
ORDER = PrepareOrder(disks=(DISK,), volumes=VOLUMES, serials={0: SYSTEM})
COMMANDS = SystemCommands()


@pytest.fixture
def by_id(tmp_path: Path) -> Iterator[Path]:
    with loop_disks(tmp_path / "disks", {SYSTEM: 1024 * MIB, DATA: 512 * MIB}) as links:
        try:
            yield links
        finally:
            for mount in reversed(mount_table()):
                if Path(mount.mount_point).is_relative_to(tmp_path):
                    unmount(Path(mount.mount_point))


@pytest.fixture
def targets(tmp_path: Path, by_id: Path) -> Targets:
    return make(tmp_path, by_id)


def make(tmp_path: Path, by_id: Path) -> Targets:
    return Targets(tmp_path / "state", COMMANDS, by_id=by_id, mount_root=tmp_path / "mnt")


def silent(_label: str, _done: int, _total: int) -> None:
    pass


def device(by_id: Path, serial: str = SYSTEM) -> str:
    return str((by_id / f"virtio-{serial}").resolve())


def test_a_group_is_made_that_lvm_accepts(targets: Targets, by_id: Path) -> None:
    """Its own tools see group and volumes with their identities, each in one run."""
    targets.prepare(ORDER, silent)
    node = f"{device(by_id)}p2"
    options = ("--driverloaded", "n", "--devices", node)
    COMMANDS.run(["vgck", *options, GROUP], timeout=60)
    asked = "vg_name,vg_uuid,lv_name,lv_uuid,seg_pe_ranges"
    told = COMMANDS.run(["lvs", *options, "--noheadings", "-o", asked], timeout=60).text.split()
    assert told == [
        *(GROUP, PHYSICAL.group_uuid, "home", HOME.uuid, f"{node}:68-147"),
        *(GROUP, PHYSICAL.group_uuid, "root", ROOT.uuid, f"{node}:0-59"),
        *(GROUP, PHYSICAL.group_uuid, "swap_1", SWAP.uuid, f"{node}:60-67"),
    ]


def test_volumes_are_where_the_metadata_says(targets: Targets, by_id: Path) -> None:
    """What was written through the mounts is a file system at the first extent, as large as it."""
    targets.prepare(ORDER, silent)
    (targets.volumes()["disk0p2-home"] / "file").write_text("kept")
    assert all(said.startswith("clean") for said in targets.seal().checks.values())
    node = f"{device(by_id)}p2"
    found = ondisk.read(lambda offset, length: read_at(node, offset, length))
    assert found is not None
    assert found.group is not None
    home = next(v for v in found.group.logical if v.name == "home")
    first = MIB + home.segments[0].stripes[0][1] * 4 * MIB
    assert read_at(node, first, 4) == b"XFSB"
    swap = next(v for v in found.group.logical if v.name == "swap_1")
    at = MIB + swap.segments[0].stripes[0][1] * 4 * MIB
    assert read_at(node, at + 4086, 10) == b"SWAPSPACE2"


def test_a_new_agent_finds_the_volumes_again(tmp_path: Path, by_id: Path, targets: Targets) -> None:
    """Mounted or not: the same files, and never a second loop device for one of them."""
    first = targets.prepare(ORDER, silent)
    (targets.volumes()["disk0p2-root"] / "file").write_text("kept")
    again = make(tmp_path, by_id)
    assert (again.volumes()["disk0p2-root"] / "file").read_text() == "kept"
    with areas.area_node(device(by_id), ROOT, commands=COMMANDS) as node:
        assert Path(node) in areas.links((DISK,), {0: device(by_id)}).values()
    targets.seal()
    assert not areas.is_area_in_use(device(by_id), ROOT)
    second = again.prepare(ORDER, silent)
    assert [v.generation for v in second.volumes] == [v.generation for v in first.volumes]
    assert (again.volumes()["disk0p2-root"] / "file").read_text() == "kept"


def test_nothing_stays_attached_when_a_mount_fails(targets: Targets, by_id: Path) -> None:
    """The loop device goes with the block that asked for it."""
    targets.prepare(ORDER, silent)
    targets.seal()
    write_at(device(by_id), ROOT.start, bytes(4 * MIB))
    with pytest.raises(HostError, match="cannot mount"):
        targets.volumes()
    assert not areas.is_area_in_use(device(by_id), ROOT)


def test_a_volume_that_somebody_keeps_is_not_sealed(
    tmp_path: Path, by_id: Path, targets: Targets
) -> None:
    """The loop device that is still there tells."""
    targets.prepare(ORDER, silent)
    impatient = Targets(
        tmp_path / "state", COMMANDS, by_id=by_id, mount_root=tmp_path / "mnt", clock=FakeClock()
    )
    (tmp_path / "elsewhere").mkdir()
    with (
        bind_mount(targets.volumes()["disk0p2-home"], tmp_path / "elsewhere"),
        pytest.raises(HostError, match="keeps the volume mounted") as error,
    ):
        impatient.seal()
    assert "disk0p2-home" in error.value.subject


def test_a_damaged_logical_volume_is_not_sealed(targets: Targets, by_id: Path) -> None:
    """The check reaches it, and names it."""
    targets.prepare(ORDER, silent)
    targets.seal()
    write_at(device(by_id), ROOT.start + 2048, b"\xff" * 4096)
    with pytest.raises(HostError, match="has errors") as error:
        targets.seal()
    assert error.value.subject == "disk0p2-root"


SUBVOLUMES = (
    TargetSubvolume(path="@"),
    TargetSubvolume(path="@/.snapshots"),
    TargetSubvolume(path="@home"),
    TargetSubvolume(path="@/.snapshots/1/snapshot", default=True),
)
BTRFS = TargetDisk(
    index=1,
    size_gib=1,
    table=TableKind.MBR,
    table_id="0xcafe0002",
    partitions=(
        TargetPartition(
            number=1,
            start=MIB,
            size=500 * MIB,
            type="83",
            content=Content.FILES,
            file_system="btrfs",
            fs_uuid="bbbbbbbb-0000-4000-8000-000000000001",
            subvolumes=SUBVOLUMES,
            mount_point="/",
        ),
    ),
)


def a_subvolume(id_: str, path: str, mount_point: str) -> Volume:
    return Volume(
        id=id_,
        disk=1,
        partition=1,
        subvolume=path,
        mount_point=mount_point,
        file_system="btrfs",
        trees=(),
    )


def test_subvolumes_are_made_and_each_is_a_volume(targets: Targets, by_id: Path) -> None:
    """One file system; what is mounted without options is the default one."""
    order = replace(
        ORDER,
        disks=(BTRFS,),
        volumes=(
            a_subvolume("root", "@/.snapshots/1/snapshot", "/"),
            a_subvolume("snaps", "@/.snapshots", "/.snapshots"),
            a_subvolume("home", "@home", "/home"),
        ),
        serials={1: DATA},
    )
    targets.prepare(order, silent)
    paths = targets.volumes()
    (paths["root"] / "home").mkdir()
    (paths["root"] / ".snapshots").mkdir()
    (paths["home"] / "file").write_text("kept")
    with targets.assembled() as whole:
        assert (whole / "home" / "file").read_text() == "kept"
        assert (whole / ".snapshots" / "1" / "snapshot" / "home").is_dir()
    assert set(targets.seal().checks.values()) == {"clean"}
    plain = paths["root"].parent / "plain"
    plain.mkdir()
    with mounted(f"{device(by_id, DATA)}p1", plain, kind="btrfs"):
        assert {p.name for p in plain.iterdir()} == {"home", ".snapshots"}
        listed = COMMANDS.run(["btrfs", "subvolume", "list", str(plain)], timeout=60).text
    assert {line.split(" path ")[1] for line in listed.splitlines()} == {s.path for s in SUBVOLUMES}


def test_a_crash_while_groups_are_made_is_mended(tmp_path: Path, by_id: Path) -> None:
    """Killed at the loop device of the second volume: the next prepare makes all of it."""

    class Failing(SystemCommands):
        def run(self, argv, **more):  # type: ignore[no-untyped-def] # the port's own signature
            if argv[0] == "mkswap":
                raise CommandFailed(tuple(argv), -9, "killed")
            return super().run(argv, **more)

    first = Targets(tmp_path / "state", Failing(), by_id=by_id, mount_root=tmp_path / "mnt")
    with pytest.raises(CommandFailed):
        first.prepare(ORDER, silent)
    targets = make(tmp_path, by_id)
    targets.prepare(ORDER, silent)
    assert set(targets.seal().checks) == {v.id for v in VOLUMES}


def evidence(volume: Volume, disk: TargetDisk) -> Evidence:
    """As a receipt has it."""
    subvolume = f"/{volume.subvolume}" if volume.subvolume else ""
    return Evidence(
        volume=volume.id,
        file="",
        blake3="",
        disk=disk.index,
        start=disk.area(volume).start,
        file_system=volume.file_system,
        subvolume=subvolume,
    )


def test_images_of_such_disks_can_be_looked_at_offline(
    tmp_path: Path, by_id: Path, targets: Targets
) -> None:
    """A logical volume lies at its offset; subvolumes of one file system are seen side by side."""
    subvolumes = (a_subvolume("sub-root", "@", "/r"), a_subvolume("sub-home", "@home", "/r/home"))
    order = PrepareOrder(
        disks=(DISK, BTRFS), volumes=(*VOLUMES, *subvolumes), serials={0: SYSTEM, 1: DATA}
    )
    targets.prepare(order, silent)
    for volume, place in targets.volumes().items():
        (place / "name").write_text(volume)
    targets.seal()
    disks = {d.index: Path(device(by_id, order.serials[d.index])) for d in order.disks}
    wanted = [
        *(evidence(v, DISK) for v in VOLUMES),
        *(evidence(v, BTRFS) for v in subvolumes),
    ]
    folder = tmp_path / "looked-at"
    folder.mkdir()
    with mounted_images(RawImages(folder, disks), wanted, commands=COMMANDS) as found:
        assert {v: (place / "name").read_text() for v, place in found.items()} == {
            v.id: v.id for v in order.volumes
        }
