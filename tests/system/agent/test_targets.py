# SPDX-License-Identifier: Apache-2.0
"""Target disks on loop devices: made, kept, recovered, refused, sealed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.loops import loop_disks
from fakes.volume import OLD
from fakes.volume import Volume as LargeFile

from hostlift.agent.targets import Targets
from hostlift.errors import CommandFailed, HostError
from hostlift.host.blockdev import write_at
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import bind_mount, mount_table, unmount
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk, TargetPartition, Volume
from hostlift.ports.commands import Completed
from hostlift.remote.messages import PrepareOrder
from hostlift.replicate.receiving.redo import Journal

pytestmark = pytest.mark.root
MIB = 1 << 20
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
ROOT_UUID = "aaaaaaaa-0000-4000-8000-000000000001"
DATA_UUID = "aaaaaaaa-0000-4000-8000-000000000002"
SWAP_UUID = "aaaaaaaa-0000-4000-8000-000000000003"
SYSTEM, DATA = "d-system0123456789abcdefgh", "d-data"


def uuid(number: int) -> str:
    return f"AAAAAAAA-1111-4000-8000-{number:012d}"


GPT = TargetDisk(
    index=0,
    size_gib=1,
    table=TableKind.GPT,
    table_id="AAAAAAAA-2222-4000-8000-000000000001",
    partitions=(
        TargetPartition(
            number=1,
            start=MIB,
            size=MIB,
            type="21686148-6449-6E6F-744E-656564454649",
            content=Content.BIOS_BOOT,
            uuid=uuid(1),
            name="bios",
        ),
        TargetPartition(
            number=3,
            start=2 * MIB,
            size=300 * MIB,
            type=LINUX,
            content=Content.FILES,
            uuid=uuid(3),
            bootable=True,
            file_system="ext4",
            fs_uuid=ROOT_UUID,
            fs_label="root",
            fs_features=("has_journal", "extent", "filetype", "sparse_super", "64bit", "dir_index"),
            fs_inode_size=256,
            fs_inodes=50_000,
            mount_point="/",
        ),
        TargetPartition(
            number=4,
            start=310 * MIB,
            size=64 * MIB,
            type="0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
            content=Content.SWAP,
            uuid=uuid(4),
            file_system="swap",
            fs_uuid=SWAP_UUID,
            fs_label="swp",
        ),
    ),
)
MBR = TargetDisk(
    index=1,
    size_gib=1,
    table=TableKind.MBR,
    table_id="0xdeadbeef",
    partitions=(
        TargetPartition(
            number=1,
            start=63 * 512,
            size=350 * MIB,
            type="83",
            content=Content.FILES,
            bootable=True,
            file_system="xfs",
            fs_uuid=DATA_UUID,
            fs_label="data",
            fs_features=("crc", "finobt", "reflink"),
            mount_point="/srv/data",
        ),
    ),
)
ORDER = PrepareOrder(
    disks=(GPT, MBR),
    volumes=(
        Volume(
            id="disk1p1", disk=1, partition=1, mount_point="/srv/data", file_system="xfs", trees=()
        ),
        Volume(id="disk0p3", disk=0, partition=3, mount_point="/", file_system="ext4", trees=()),
    ),
    serials={0: SYSTEM, 1: DATA},
)


class Failing(SystemCommands):
    """Dies at the n-th command, as a killed agent would."""

    def __init__(self, at: int) -> None:
        self.left = at

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        root: Path | None = None,
    ) -> Completed:
        if self.left == 0:
            raise CommandFailed(tuple(argv), -9, "killed")
        self.left -= 1
        return super().run(
            argv, timeout=timeout, stdin=stdin, env=env, cwd=cwd, check=check, root=root
        )


@pytest.fixture
def by_id(tmp_path: Path) -> Iterator[Path]:
    with loop_disks(tmp_path / "disks", {SYSTEM: 512 * MIB, DATA: 512 * MIB}) as links:
        try:
            yield links
        finally:
            for mount in reversed(mount_table()):
                if Path(mount.mount_point).is_relative_to(tmp_path):
                    unmount(Path(mount.mount_point))


@pytest.fixture
def targets(tmp_path: Path, by_id: Path) -> Targets:
    return make(tmp_path, by_id)


def make(tmp_path: Path, by_id: Path, commands: SystemCommands | None = None) -> Targets:
    return Targets(
        tmp_path / "state", commands or SystemCommands(), by_id=by_id, mount_root=tmp_path / "mnt"
    )


def silent(_label: str, _done: int, _total: int) -> None:
    pass


def blkid(node: str) -> dict[str, str]:
    text = SystemCommands().run(["blkid", "-p", "-o", "export", node], timeout=20).text
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def device(by_id: Path, serial: str) -> str:
    return str((by_id / f"virtio-{serial[:20]}").resolve())


def test_layouts_are_made_as_ordered(targets: Targets, by_id: Path) -> None:
    """Tables, identities, features and mounts of a GPT and an MBR disk."""
    heard: list[tuple[str, int, int]] = []
    prepared = targets.prepare(ORDER, lambda *p: heard.append(p))
    assert [v.volume for v in prepared.volumes] == ["disk1p1", "disk0p3"]
    assert all(v.free > 200 * MIB for v in prepared.volumes)
    assert heard[-1][1:] == (6, 6)
    commands = SystemCommands()
    system, data = device(by_id, SYSTEM), device(by_id, DATA)
    table = commands.run(["sfdisk", "--dump", system], timeout=20).text
    assert "label-id: AAAAAAAA-2222-4000-8000-000000000001" in table
    assert f'uuid={uuid(3)}, attrs="LegacyBIOSBootable"' in table
    assert f'uuid={uuid(1)}, name="bios"' in table
    assert "start=          63" in commands.run(["sfdisk", "--dump", data], timeout=20).text
    root = blkid(f"{system}p3")
    assert (root["UUID"], root["LABEL"], root["TYPE"]) == (ROOT_UUID, "root", "ext4")
    assert (blkid(f"{system}p4")["UUID"], blkid(f"{system}p4")["LABEL"]) == (SWAP_UUID, "swp")
    assert (blkid(f"{data}p1")["UUID"], blkid(f"{data}p1")["LABEL"]) == (DATA_UUID, "data")
    features = commands.run(["dumpe2fs", "-h", f"{system}p3"], timeout=20).text
    words = next(x for x in features.splitlines() if x.startswith("Filesystem features")).split(
        ":"
    )[1]
    assert set(words.split()) - {"needs_recovery"} == {
        "has_journal", "extent", "filetype", "sparse_super", "dir_index"
    }  # fmt: skip


def test_a_second_prepare_keeps_everything(tmp_path: Path, by_id: Path, targets: Targets) -> None:
    """Same generations, same files; also for a new agent that finds the nodes gone."""
    first = targets.prepare(ORDER, silent)
    (targets.volumes()["disk0p3"] / "file").write_text("kept")
    assert targets.prepare(ORDER, silent).volumes[0].generation == first.volumes[0].generation
    targets.seal()
    SystemCommands().run(["partx", "--delete", device(by_id, SYSTEM)], timeout=20)
    again = make(tmp_path, by_id)
    second = again.prepare(ORDER, silent)
    assert [v.generation for v in second.volumes] == [v.generation for v in first.volumes]
    assert (again.volumes()["disk0p3"] / "file").read_text() == "kept"


@pytest.mark.parametrize("at", [0, 1, 3, 4, 6, 7])
def test_a_crash_at_any_command_is_mended(tmp_path: Path, by_id: Path, at: int) -> None:
    """The next prepare makes what the killed one began, though the disks are not blank any more."""
    with pytest.raises(CommandFailed):
        make(tmp_path, by_id, Failing(at)).prepare(ORDER, silent)
    targets = make(tmp_path, by_id)
    with pytest.raises(HostError, match="not prepared"):
        targets.volumes()
    targets.prepare(ORDER, silent)
    assert set(targets.seal().checks) == {"disk0p3", "disk1p1"}


def test_another_layout_is_refused_by_name(targets: Targets) -> None:
    """What is complete is never made anew."""
    targets.prepare(ORDER, silent)
    other = replace(ORDER, disks=(GPT, replace(MBR, table_id="0x00000001")))
    with pytest.raises(HostError, match="another layout") as error:
        targets.prepare(other, silent)
    assert "disk 1" in error.value.subject
    assert DATA in error.value.subject


def test_other_excludes_are_not_another_layout(targets: Targets) -> None:
    """Only what decides the disks counts."""
    targets.prepare(ORDER, silent)
    volumes = tuple(replace(v, excludes=("/tmp/*",)) for v in ORDER.volumes)
    targets.prepare(replace(ORDER, volumes=volumes), silent)


def test_a_disk_with_something_on_it_is_never_touched(targets: Targets, by_id: Path) -> None:
    """Not even the other, blank one."""
    write_at(device(by_id, DATA), 1000, b"somebody's data")
    with pytest.raises(HostError, match="not blank") as error:
        targets.prepare(ORDER, silent)
    assert error.value.subject == device(by_id, DATA)
    assert (
        "PTTYPE"
        not in SystemCommands()
        .run(["blkid", "-p", device(by_id, SYSTEM)], timeout=20, check=False)
        .text
    )


def test_volumes_are_assembled_below_each_other(targets: Targets, tmp_path: Path) -> None:
    """Through a hostile link the data volume still lands inside; nothing stays mounted."""
    targets.prepare(ORDER, silent)
    root, data = targets.volumes()["disk0p3"], targets.volumes()["disk1p1"]
    (root / "real" / "data").mkdir(parents=True)
    (root / "srv").symlink_to("/../../real")
    (data / "file").write_text("seen")
    with contextlib.suppress(ZeroDivisionError), targets.assembled() as whole:
        assert (whole / "real" / "data" / "file").read_text() == "seen"
        raise ZeroDivisionError
    assert not [m for m in mount_table() if "/mnt/assembled" in m.mount_point]


def test_committed_changes_of_a_large_file_are_carried_out_when_it_is_mounted_again(
    tmp_path: Path, by_id: Path, targets: Targets
) -> None:
    """The target crashed after the commit, and no pass comes any more."""
    targets.prepare(ORDER, silent)
    place = targets.volumes()["disk1p1"]
    volume = LargeFile(place)
    volume.begin()
    volume.write(2 * MIB, b"n" * MIB)
    journal = Journal(os.open(volume.journals()[0], os.O_RDWR))
    journal.commit()
    journal.close()
    volume.close()
    unmount(place)
    make(tmp_path, by_id).volumes()
    assert (place / "big").read_bytes() == OLD[: 2 * MIB] + b"n" * MIB + OLD[3 * MIB :]
    assert not volume.journals()


def test_seal_unmounts_checks_and_says_so(targets: Targets, tmp_path: Path) -> None:
    """Clean file systems, nothing mounted; sealing twice is fine; a busy volume is an error."""
    targets.prepare(ORDER, silent)
    (targets.volumes()["disk0p3"] / "file").write_bytes(bytes(MIB))
    checks = targets.seal().checks
    assert checks["disk0p3"].startswith("clean")
    assert checks["disk1p1"] == "clean"
    assert not [m for m in mount_table() if Path(m.mount_point).is_relative_to(tmp_path / "mnt")]
    assert targets.seal().checks == checks


def test_what_a_killed_agent_left_assembled_does_not_hinder_the_seal(
    tmp_path: Path, targets: Targets
) -> None:
    """A mount of the volume where the dead agent had put it."""
    targets.prepare(ORDER, silent)
    (tmp_path / "mnt" / "assembled").mkdir()
    with bind_mount(targets.volumes()["disk0p3"], tmp_path / "mnt" / "assembled"):
        assert set(targets.seal().checks) == {"disk0p3", "disk1p1"}


def test_a_volume_that_somebody_keeps_mounted_is_not_sealed(
    tmp_path: Path, by_id: Path, targets: Targets
) -> None:
    """A second mount that we did not make: what is in memory is not on the disk yet."""
    targets.prepare(ORDER, silent)
    impatient = Targets(
        tmp_path / "state",
        SystemCommands(),
        by_id=by_id,
        mount_root=tmp_path / "mnt",
        clock=FakeClock(),
    )
    (tmp_path / "elsewhere").mkdir()
    with (
        bind_mount(targets.volumes()["disk0p3"], tmp_path / "elsewhere"),
        pytest.raises(HostError, match="keeps the volume mounted") as error,
    ):
        impatient.seal()
    assert "disk0p3" in error.value.subject


def test_a_damaged_file_system_is_not_sealed(targets: Targets, by_id: Path) -> None:
    """The check's words reach the error; the volume is named."""
    targets.prepare(ORDER, silent)
    targets.seal()
    # Block group descriptors live in the block after the superblock.
    write_at(f"{device(by_id, SYSTEM)}p3", 4096, b"\xff" * 4096)
    write_at(f"{device(by_id, SYSTEM)}p3", 2048, b"\xff" * 2048)
    with pytest.raises(HostError, match="has errors") as error:
        targets.seal()
    assert error.value.subject == "disk0p3"


def test_btrfs_on_a_whole_disk(tmp_path: Path, by_id: Path) -> None:
    """No table: the file system is the disk."""
    whole = TargetPartition(
        number=0,
        start=0,
        size=512 * MIB,
        type="",
        content=Content.FILES,
        file_system="btrfs",
        fs_uuid=DATA_UUID,
        fs_label="b",
        mount_point="/b",
    )
    order = PrepareOrder(
        disks=(TargetDisk(index=1, size_gib=1, table=None, partitions=(whole,)),),
        volumes=(
            Volume(
                id="disk1p0", disk=1, partition=0, mount_point="/b", file_system="btrfs", trees=()
            ),
        ),
        serials={1: DATA},
    )
    targets = make(tmp_path, by_id)
    targets.prepare(order, silent)
    (targets.volumes()["disk1p0"] / "f").write_text("x")
    assert targets.seal().checks == {"disk1p0": "clean"}
    assert blkid(device(by_id, DATA))["UUID"] == DATA_UUID
