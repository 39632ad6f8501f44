# SPDX-License-Identifier: Apache-2.0
"""Real disks: what the survey reads can be planned, and what is planned can be made again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from builders import some_settings
from fakes.loops import loop_disks

from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.disks import make_table
from hostlift.inspect.survey import survey
from hostlift.model.machine import Machine, TableKind
from hostlift.model.plan import GIB
from hostlift.plan.make import make

pytestmark = pytest.mark.root
COMMANDS = SystemCommands()
CLOCK = SystemClock()
GPT = """label: gpt
1 : size=1MiB, type=21686148-6449-6E6F-744E-656564454649
2 : size=200MiB, type=L, name="boot part"
3 : size=64MiB, type=S
4 : type=L, attrs="LegacyBIOSBootable"
"""
MBR = """label: dos
1 : size=800MiB, type=83, bootable
2 : type=5
5 : size=64MiB, type=82
6 : type=83
"""


def run(*argv: str, stdin: bytes = b"") -> None:
    COMMANDS.run(argv, timeout=60, stdin=stdin)


@contextmanager
def mounted(node: str, folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    run("mount", node, str(folder))
    try:
        yield
    finally:
        run("umount", str(folder))


@contextmanager
def source(tmp_path: Path, script: str, mounts: dict[int, str]) -> Iterator[Path]:
    """A disk with a table; file systems by partition number, the root's mount first."""
    root = tmp_path / "root"
    with ExitStack() as stack:
        by_id = stack.enter_context(loop_disks(tmp_path / "source", {"src": 2 * GIB}))
        device = str((by_id / "virtio-src").resolve())
        run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", device, stdin=script.encode())
        run("partx", "--add", device)
        for number, point in mounts.items():
            node = f"{device}p{number}"
            if point == "swap":
                run("mkswap", node)
                continue
            run("mkfs.ext4", "-q", "-L", f"fs{number}", node)
            stack.enter_context(mounted(node, Path(f"{root}{point}")))
        yield root


def made_again(tmp_path: Path, machine: Machine) -> Machine:
    """The planned system disk, made on a blank one, as the survey sees it."""
    plan = make(machine, some_settings(data_disks=[], architecture="x86_64"), {0: ()})
    disk = plan.disks[0]
    with loop_disks(tmp_path / "target", {"dst": disk.size_gib * GIB}) as by_id:
        device = str((by_id / "virtio-dst").resolve())
        make_table(device, disk, commands=COMMANDS, clock=CLOCK)
        root = next(v.partition for v in plan.volumes if v.mount_point == "/")
        run("mkfs.ext4", "-q", "-E", "nodiscard", f"{device}p{root}")
        with mounted(f"{device}p{root}", tmp_path / "again"):
            return survey(tmp_path / "again", commands=COMMANDS, clock=CLOCK)


def identities(machine: Machine) -> list[tuple[int, str, str, str, bool]]:
    parts = machine.disks[0].partitions
    return [(p.number, p.type, p.uuid, p.name, p.bootable) for p in parts]


def test_a_gpt_disk_is_read_planned_and_made_again(tmp_path: Path) -> None:
    """Numbers, types, identities, names and flags are the same on the new disk."""
    with source(tmp_path, GPT, {4: "", 2: "/boot", 3: "swap"}) as root:
        machine = survey(root, commands=COMMANDS, clock=CLOCK)
        assert machine.disks[0].table is TableKind.GPT
        assert [(fs.mount_point, fs.label) for fs in machine.file_systems] == [
            ("/", "fs4"),
            ("/boot", "fs2"),
        ]
        assert all(fs.uuid and fs.features and fs.inode_size for fs in machine.file_systems)
        assert "needs_recovery" not in machine.file_systems[0].features
        assert len(machine.swaps) == 1
        assert machine.disks[0].partitions[1].name == "boot part"
        assert machine.disks[0].partitions[3].bootable
        again = made_again(tmp_path, machine)
    assert identities(again) == identities(machine)
    assert again.disks[0].table_id == machine.disks[0].table_id
    old, new = machine.disks[0].partitions, again.disks[0].partitions
    assert [p.start for p in new] == [p.start for p in old]
    assert new[3].size > 19 * GIB


def test_an_mbr_disk_with_logical_partitions_is_made_again(tmp_path: Path) -> None:
    """The extended partition and what it holds stay where they were; the last one is the root."""
    with source(tmp_path, MBR, {6: "", 1: "/boot", 5: "swap"}) as root:
        machine = survey(root, commands=COMMANDS, clock=CLOCK)
        assert [p.number for p in machine.disks[0].partitions] == [1, 2, 5, 6]
        again = made_again(tmp_path, machine)
    assert identities(again) == identities(machine)
    assert again.disks[0].table_id == machine.disks[0].table_id
    assert again.disks[0].partitions[3].size > 18 * GIB
