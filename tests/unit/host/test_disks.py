# SPDX-License-Identifier: Apache-2.0
"""What tools are told to make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hostlift.errors import HostError
from hostlift.host.blockdev import partition_node
from hostlift.host.disks import mkfs_argv, sfdisk_script
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk, TargetPartition

MIB = 1 << 20
GIB = 1 << 30
UUID = "0fc63daf-8483-4772-8e79-3d69d8477de4"

ROOT = TargetPartition(
    number=1,
    start=MIB,
    size=GIB,
    type="0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    content=Content.FILES,
    uuid="AAAAAAAA-0000-4000-8000-000000000001",
    name='the "root"',
    bootable=True,
    file_system="ext4",
    fs_uuid=UUID,
    fs_label="root",
    fs_features=(
        "has_journal",
        "extent",
        "64bit",
        "needs_recovery",
        "metadata_csum",
        "orphan_file",
    ),
    fs_inode_size=256,
    fs_inodes=1000,
)


def test_a_gpt_script_keeps_identities_and_escapes_names() -> None:
    """Disk id, PARTUUID, name and the legacy boot attribute are the plan's."""
    disk = TargetDisk(index=0, size_gib=2, table=TableKind.GPT, table_id="ID", partitions=(ROOT,))
    script = sfdisk_script(disk, 512)
    assert script.splitlines() == [
        "label: gpt",
        "unit: sectors",
        "label-id: ID",
        (
            "1 : start=2048, size=2097152, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,"
            " uuid=AAAAAAAA-0000-4000-8000-000000000001,"
            ' name="the \\x22root\\x22", attrs="LegacyBIOSBootable"'
        ),
    ]


def test_an_old_mbr_that_starts_early_is_allowed_to() -> None:
    """Sector 63 needs first-lba; the disk id gets its 0x; no GPT words appear."""
    part = replace(ROOT, start=63 * 512, type="83")
    disk = TargetDisk(
        index=0, size_gib=2, table=TableKind.MBR, table_id="deadbeef", partitions=(part,)
    )
    assert sfdisk_script(disk, 512).splitlines() == [
        "label: dos",
        "unit: sectors",
        "label-id: 0xdeadbeef",
        "first-lba: 63",
        "1 : start=63, size=2097152, type=83, bootable",
    ]


def test_a_partition_inside_a_sector_is_refused() -> None:
    """A disk with sectors of 4096 bytes cannot hold a start at 63 * 512."""
    part = replace(ROOT, start=63 * 512)
    disk = TargetDisk(index=0, size_gib=2, table=TableKind.MBR, partitions=(part,))
    with pytest.raises(HostError, match="inside a sector"):
        sfdisk_script(disk, 4096)


def test_ext4_gets_only_features_of_the_source_that_everybody_reads() -> None:
    """Momentary states, 64bit and orphan_file are left out; the rest is the source's."""
    argv = mkfs_argv("/dev/x1", ROOT, GIB)
    assert argv[argv.index("-O") + 1] == "none,has_journal,extent,metadata_csum"
    assert argv[argv.index("-N") + 1] == str(GIB // 16384)
    assert argv[argv.index("-U") + 1] == UUID
    assert argv[argv.index("-I") + 1] == "256"
    assert argv[-1] == "/dev/x1"


def test_ext4_keeps_as_many_inodes_as_the_source_had() -> None:
    """Also when the file system is small for them."""
    argv = mkfs_argv("/dev/x1", replace(ROOT, fs_inodes=500_000), GIB)
    assert argv[argv.index("-N") + 1] == "500000"


def test_ext4_beyond_16_tib_keeps_64bit() -> None:
    """It could not be addressed otherwise."""
    argv = mkfs_argv("/dev/x1", ROOT, 17 << 40)
    assert "64bit" in argv[argv.index("-O") + 1].split(",")


def test_ext3_of_unknown_features_is_conservative() -> None:
    """No extents, a journal."""
    argv = mkfs_argv("/dev/x1", replace(ROOT, file_system="ext3", fs_features=()), GIB)
    assert argv[argv.index("-t") + 1] == "ext3"
    features = argv[argv.index("-O") + 1].split(",")
    assert "has_journal" in features
    assert "extent" not in features


def test_xfs_says_every_optional_feature_aloud() -> None:
    """The defaults of the mkfs at hand must not decide."""
    part = replace(
        ROOT, file_system="xfs", fs_features=("crc=1", "finobt=1", "reflink"), fs_inode_size=512
    )
    argv = mkfs_argv("/dev/x1", part, GIB)
    assert argv[argv.index("-m") + 1] == (
        f"crc=1,finobt=1,rmapbt=0,reflink=1,bigtime=0,inobtcount=0,uuid={UUID}"
    )
    assert argv[argv.index("-i") + 1] == "sparse=0,nrext64=0,size=512"
    assert "--unsupported" not in argv


def test_a_volume_id_of_vfat_loses_its_dash() -> None:
    """As mkfs.vfat wants it."""
    part = replace(ROOT, file_system="vfat", fs_uuid="ABCD-1234", fs_label="EFI")
    assert mkfs_argv("/dev/x1", part, GIB) == [
        "mkfs.vfat",
        "-i",
        "ABCD1234",
        "-n",
        "EFI",
        "/dev/x1",
    ]


def test_an_efi_partition_is_fat32_unless_it_is_too_small() -> None:
    """A firmware must read FAT32; FAT16 is for floppies and what came so."""
    esp = replace(
        ROOT, content=Content.ESP, file_system="vfat", fs_uuid="", fs_label="", size=256 << 20
    )
    assert mkfs_argv("/dev/x1", esp, GIB) == ["mkfs.vfat", "-F", "32", "/dev/x1"]
    small = replace(esp, size=32 << 20)
    assert mkfs_argv("/dev/x1", small, GIB) == ["mkfs.vfat", "/dev/x1"]


def test_an_unknown_kind_is_an_error() -> None:
    """With the node it was for."""
    with pytest.raises(HostError, match="reiserfs") as error:
        mkfs_argv("/dev/x1", replace(ROOT, file_system="reiserfs"), GIB)
    assert error.value.subject == "/dev/x1"


def test_partition_nodes_are_named_as_the_kernel_does() -> None:
    """A p after a digit; number 0 is the disk."""
    assert partition_node("/dev/vdb", 2) == "/dev/vdb2"
    assert partition_node("/dev/loop3", 2) == "/dev/loop3p2"
    assert partition_node("/dev/vdb", 0) == "/dev/vdb"
