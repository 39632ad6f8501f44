# SPDX-License-Identifier: Apache-2.0
"""What a copy cannot hold, known from the file systems alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import a_data_disk, a_file_system, a_machine, a_partition, some_settings

from hostlift.inspect.checks.context import CheckContext
from hostlift.inspect.checks.fidelity import CHECK
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Disk, FileSystem, Machine, TableKind

NOTHING_LISTED = some_settings(data_disks=[])


def found(machine: Machine, settings: object = None) -> list[Finding]:
    wishes = some_settings() if settings is None else settings
    return CHECK.findings(machine, CheckContext(settings=wishes, workspace=Path("/nowhere"), uid=0))  # type: ignore[arg-type]


def a_server(data: FileSystem, root: FileSystem | None = None) -> Machine:
    return a_machine(file_systems=(root or a_file_system("/", "/dev/sda4"), data))


def test_a_server_whose_volumes_are_made_as_they_were_loses_nothing() -> None:
    """The usual one: ext4 on both disks, both copied as they are."""
    (only,) = found(a_machine())
    assert only.severity is Severity.OK


@pytest.mark.parametrize(
    ("kind", "into", "word"),
    [
        ("ext4", "xfs", "device numbers of 512"),
        ("xfs", "ext4", "project ids"),
        ("btrfs", "ext4", "no-copy-on-write"),
        ("ext4", "btrfs", "project ids"),
    ],
)
def test_a_merged_file_system_of_another_kind_is_a_warning(kind: str, into: str, word: str) -> None:
    """It is not listed, so its files go into the root's volume; listing it is the remedy."""
    root = a_file_system("/", "/dev/sda4", kind=into, features=("bigtime=1",))
    data = a_file_system("/data", "/dev/sdb1", kind=kind)
    warnings = [
        f for f in found(a_server(data, root), NOTHING_LISTED) if f.severity > Severity.NOTE
    ]
    assert [word in f.evidence for f in warnings] == [True]
    assert "List /data in data_disks" in warnings[0].remedy
    assert not [f for f in found(a_server(data, root)) if f.severity is Severity.WARNING]


def test_times_that_the_root_cannot_hold_block() -> None:
    """128-byte inodes: every file of the merged file system would differ in the proof."""
    root = a_file_system("/", "/dev/sda4", inode_size=128)
    data = a_file_system("/data", "/dev/sdb1")
    (blocker,) = found(a_server(data, root), NOTHING_LISTED)
    assert blocker.severity is Severity.BLOCKER
    assert "2038" in blocker.evidence
    old = a_file_system("/data", "/dev/sdb1", inode_size=128)
    assert found(a_server(old, root), NOTHING_LISTED)[0].severity is Severity.OK


def test_an_old_xfs_ends_in_2038() -> None:
    """Only where the source's times go on."""
    root = a_file_system("/", "/dev/sda4", kind="xfs", features=("crc=1",))
    data = a_file_system("/data", "/dev/sdb1", kind="xfs", features=("bigtime=1",))
    (warning,) = found(a_server(data, root), NOTHING_LISTED)
    assert "without bigtime" in warning.evidence
    assert found(a_server(data), some_settings())[0].severity is Severity.OK


def test_a_directory_that_becomes_a_disk_gets_a_file_system_like_the_root_s() -> None:
    """It lies in an XFS; the disk made for it is ext4."""
    wishes = some_settings(
        data_disks=[
            {"data_disk_index": 1, "data_disk_size": -1, "src_path": "/data"},
            {"data_disk_index": 2, "data_disk_size": -1, "src_path": "/data/shop"},
        ]
    )
    (warning,) = found(a_server(a_file_system("/data", "/dev/sdb1", kind="xfs")), wishes)
    assert "/data/shop (xfs)" in warning.evidence
    assert "ext4, which lacks" in warning.evidence
    assert "Nothing to do" in warning.remedy


@pytest.mark.parametrize(
    ("changes", "severity", "word"),
    [
        ({"features": ("verity",)}, Severity.WARNING, "the seal is not"),
        ({"features": ("casefold",)}, Severity.WARNING, "upper from lower"),
        ({"options": ("rw", "prjquota")}, Severity.WARNING, "limits are not"),
        ({"kind": "btrfs", "options": ("compress=zstd:3",)}, Severity.WARNING, "compressed by"),
        ({"kind": "xfs", "features": ("reflink=1",)}, Severity.NOTE, "files share"),
        ({"kind": "btrfs"}, Severity.NOTE, "files share"),
    ],
)
def test_what_no_copy_keeps_is_told(
    changes: dict[str, object], severity: Severity, word: str
) -> None:
    """Although the target's file system is made as the source's is."""
    told = found(a_server(a_file_system("/data", "/dev/sdb1", **changes)))
    assert [f.severity for f in told if word in f.evidence] == [severity]
    assert all(f.remedy for f in told)


def test_a_further_partition_of_the_system_disk_stays_one() -> None:
    """It gets a partition of its own, whatever its kind."""
    system = Disk(
        device="/dev/sda",
        size=20 << 30,
        table=TableKind.GPT,
        partitions=(a_partition(4, 0, 1), a_partition(5, 0, 1)),
    )
    machine = a_machine(
        disks=(system, a_data_disk()),
        file_systems=(
            a_file_system("/", "/dev/sda4"),
            a_file_system("/var", "/dev/sda5", kind="xfs"),
        ),
    )
    assert [f.severity for f in found(machine, NOTHING_LISTED)] == [Severity.OK]
