# SPDX-License-Identifier: Apache-2.0
"""What the check of stacked storage says, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import GIB, a_file_system, a_logical, a_machine, an_lvm_machine, some_settings

from hostlift.inspect.checks import CheckContext
from hostlift.inspect.checks.storage import CHECK
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Disk, Machine, Stacked, StackKind, Subvolume

DATA = {"data_disk_index": 1, "data_disk_size": -1, "src_path": "/data"}


def judge(machine: Machine, **wishes: Any) -> list[Finding]:
    settings = some_settings(**{"data_disks": [], **wishes})
    return CHECK.findings(machine, CheckContext(settings=settings, workspace=Path("/nowhere")))


def only(findings: list[Finding], severity: Severity) -> Finding:
    (finding,) = [f for f in findings if f.severity is severity]
    return finding


def test_plain_partitions_are_fine() -> None:
    """Nothing to say."""
    assert [f.severity for f in judge(a_machine())] == [Severity.OK]


def test_a_group_is_announced_and_what_nobody_mounts_is_named() -> None:
    """Kept by default; a wish flattens it."""
    machine = an_lvm_machine()
    (group,) = machine.groups
    backup = a_logical("backup", GIB, holds="ext4")
    machine = replace(machine, groups=(replace(group, logical=(*group.logical, backup)),))
    found = judge(machine)
    assert "rhel is made again with the same names" in only(found, Severity.NOTE).evidence
    assert (
        "/dev/mapper/rhel-backup (linear, ext4, 1.0 GiB)" in only(found, Severity.WARNING).evidence
    )
    assert "plain partitions" in only(judge(machine, flatten_lvm=True), Severity.NOTE).evidence


def test_a_group_on_another_disk_waits_for_a_choice() -> None:
    """Listed or flattened it is no blocker any more."""
    machine = an_lvm_machine()
    (group,) = machine.groups
    data = replace(a_logical("data", GIB), device="/dev/mapper/vg-data")
    other = replace(
        group,
        name="vg",
        uuid="other",
        logical=(data,),
        physical=(replace(group.physical[0], device="/dev/sdb"),),
    )
    machine = replace(
        machine,
        groups=(group, other),
        disks=(*machine.disks, Disk(device="/dev/sdb", size=GIB)),
        file_systems=(*machine.file_systems, a_file_system("/data", data.device)),
    )
    remedy = only(judge(machine), Severity.BLOCKER).remedy
    assert "list /data in data_disks" in remedy
    assert "flatten_lvm" in remedy
    for wish in ({"data_disks": [DATA]}, {"flatten_lvm": True}):
        assert Severity.BLOCKER not in [f.severity for f in judge(machine, **wish)]


def test_encryption_is_a_choice_with_words() -> None:
    """Refused, or told to be stored as it is read."""
    machine = a_machine()
    luks = Stacked(
        device="/dev/mapper/crypt", kind=StackKind.LUKS, size=GIB, beneath=("/dev/sdb1",)
    )
    systems = (*machine.file_systems[:2], a_file_system("/data", luks.device))
    machine = replace(machine, stacked=(luks,), file_systems=systems)
    assert 'luks to "plain"' in only(judge(machine), Severity.BLOCKER).remedy
    told = only(judge(machine, luks="plain"), Severity.WARNING)
    assert "stored unencrypted" in told.evidence


def test_a_device_that_lies_nowhere_blocks_unless_it_is_listed() -> None:
    """It can still become a disk of its own."""
    machine = a_machine()
    systems = (machine.file_systems[0], a_file_system("/data", "/dev/mapper/strange"))
    machine = replace(machine, file_systems=systems)
    assert "list /data in data_disks" in only(judge(machine), Severity.BLOCKER).remedy
    assert [f.severity for f in judge(machine, data_disks=[DATA])] == [Severity.OK]


def test_an_array_becomes_plain_and_snapshots_stay_behind() -> None:
    """Each with its members or names."""
    machine = a_machine()
    array = Stacked(
        device="/dev/md0", kind=StackKind.ARRAY, size=GIB, beneath=("/dev/sdb1",), level="raid1"
    )
    trees = (Subvolume(id=256, path="@"), Subvolume(id=257, path="@s/1", snapshot=True))
    root = replace(machine.file_systems[0], kind="btrfs", subvolume="/@", subvolumes=trees)
    systems = (root, a_file_system("/data", "/dev/md0"))
    found = judge(replace(machine, stacked=(array,), file_systems=systems))
    assert "raid1 of /dev/sdb1" in only(found, Severity.NOTE).evidence
    assert "@s/1" in only(found, Severity.WARNING).evidence
