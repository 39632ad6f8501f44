# SPDX-License-Identifier: Apache-2.0
"""A target that starts by another firmware than its source."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import (
    ESP_TYPE,
    GIB,
    MIB,
    a_file_system,
    a_machine,
    a_partition,
    a_system_disk,
    some_settings,
)

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import Firmware, Machine, TableKind
from hostlift.model.plan import Content, MigrationPlan
from hostlift.plan.make import make
from hostlift.plan.parts import LINUX_GPT_TYPE


def plan_for(machine: Machine, mode: str) -> MigrationPlan:
    return make(machine, some_settings(data_disks=[], boot_mode=mode), {})


def a_uefi_machine(firmware: Firmware = Firmware.UEFI) -> Machine:
    """An EFI partition and a root."""
    disk = replace(
        a_system_disk(),
        partitions=(
            a_partition(1, MIB, 512 * MIB, type=ESP_TYPE),
            a_partition(2, 513 * MIB, 20 * GIB - 514 * MIB),
        ),
    )
    systems = (
        a_file_system("/", "/dev/sda2", size=18 * GIB),
        a_file_system("/boot/efi", "/dev/sda1", kind="vfat", size=511 * MIB, used=6 * MIB),
    )
    return a_machine(disks=(disk,), file_systems=systems, swaps=(), firmware=firmware)


def test_a_uefi_source_starts_by_bios_when_asked() -> None:
    """GRUB gets a partition in the gap before the first one; nothing else moves."""
    plan = plan_for(a_uefi_machine(), "bios")
    assert plan.firmware is Firmware.BIOS
    same = plan_for(a_uefi_machine(), "")
    added = [p for p in plan.disks[0].partitions if p.content is Content.BIOS_BOOT]
    assert [p for p in plan.disks[0].partitions if p not in added] == list(same.disks[0].partitions)
    (boot,) = added
    assert boot.number == 3
    assert 17 * 1024 <= boot.start < boot.start + boot.size == MIB
    assert boot.uuid
    assert any("by UEFI, the target by BIOS" in w for w in plan.warnings)


def test_an_efi_partition_that_is_there_is_started_from_when_asked() -> None:
    """A source that could start both ways, and does so by BIOS."""
    machine = a_uefi_machine(Firmware.BIOS)
    plan = plan_for(machine, "uefi")
    assert plan.firmware is Firmware.UEFI
    assert Content.BIOS_BOOT not in [p.content for p in plan.disks[0].partitions]
    assert any("the target by UEFI" in w for w in plan.warnings)


@pytest.mark.parametrize("table", TableKind)
def test_a_source_without_an_efi_partition_gets_one(table: TableKind) -> None:
    """Before all others, 256 MiB, FAT32, with no volume: nothing is copied to it."""
    machine = a_bios_machine(table)
    plan, same = plan_for(machine, "uefi"), plan_for(machine, "")
    (disk,) = plan.disks
    esp = next(p for p in disk.partitions if p.content is Content.ESP)
    assert (esp.number, esp.start, esp.size) == (2, MIB, 256 * MIB)
    assert (esp.file_system, esp.mount_point) == ("vfat", "/boot/efi")
    assert re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", esp.fs_uuid)
    assert esp.type == (ESP_TYPE if table is TableKind.GPT else "ef")
    assert plan.volumes == same.volumes
    (root,) = (p for p in disk.partitions if p is not esp)
    (old,) = same.disks[0].partitions
    assert root == replace(old, start=257 * MIB, size=root.size, fs_inodes=root.fs_inodes)
    assert root.start + root.size <= disk.size_gib * GIB
    assert plan_for(machine, "uefi") == plan


def test_the_new_efi_partition_makes_the_disk_larger_or_the_root_smaller() -> None:
    """What is used must still fit; else the size that would do is named."""
    used = a_bios_machine(TableKind.MBR, used=19 * GIB)
    assert plan_for(used, "uefi").disks[0].size_gib == 21
    with pytest.raises(ConfigError, match="too small"):
        make(used, some_settings(data_disks=[], boot_mode="uefi", system_disk_size=20), {})


def test_a_table_without_a_free_primary_number_is_refused() -> None:
    """Four primary partitions of an MBR are all there can be."""
    with pytest.raises(CheckBlocked, match="no free primary number"):
        plan_for(a_bios_machine(TableKind.MBR, parts=4), "uefi")
    assert plan_for(a_bios_machine(TableKind.GPT, parts=4), "uefi")


@pytest.mark.parametrize(
    ("os_id", "os_like", "firmware", "package"),
    [
        ("debian", (), Firmware.UEFI, "grub-efi-amd64-signed and shim-signed"),
        ("ubuntu", ("debian",), Firmware.BIOS, "grub-pc-bin"),
        ("rocky", ("rhel", "centos", "fedora"), Firmware.UEFI, "grub2-efi-x64 and shim-x64"),
        ("anything", (), Firmware.BIOS, "GRUB 2 for BIOS"),
    ],
)
def test_a_missing_boot_loader_is_refused_with_the_package_to_install(
    os_id: str, os_like: tuple[str, ...], firmware: Firmware, package: str
) -> None:
    """Before anything is created."""
    machine = a_bios_machine() if firmware is Firmware.UEFI else a_uefi_machine()
    lacking = replace(machine, startable=(machine.firmware,), os_id=os_id, os_like=os_like)
    with pytest.raises(CheckBlocked, match="no boot loader for that") as caught:
        plan_for(lacking, firmware.value)
    assert caught.value.subject == "boot_mode"
    assert package in caught.value.hint


def a_bios_machine(
    table: TableKind = TableKind.MBR, *, used: int = 2 * GIB, parts: int = 1
) -> Machine:
    """A root, and small partitions before it."""
    kind = LINUX_GPT_TYPE if table is TableKind.GPT else "83"
    small = [
        a_partition(n, MIB + (n - 1) * 100 * MIB, 100 * MIB, type=kind) for n in range(1, parts)
    ]
    start = MIB + (parts - 1) * 100 * MIB
    root = a_partition(parts, start, 20 * GIB - start - MIB, type=kind)
    systems = [a_file_system(f"/small{p.number}", p.device, size=90 * MIB, used=MIB) for p in small]
    if table is TableKind.MBR:
        small, root = [replace(p, uuid="") for p in small], replace(root, uuid="")
    disk = replace(a_system_disk(), table=table, table_id="0x5a0b0001", partitions=(*small, root))
    systems.append(a_file_system("/", root.device, size=20 * GIB - start, used=used))
    return a_machine(disks=(disk,), file_systems=tuple(systems), swaps=())


def test_without_a_wish_nothing_changes() -> None:
    """As the source starts."""
    plan = plan_for(a_machine(), "")
    assert plan.firmware is Firmware.BIOS
    assert not [w for w in plan.warnings if "the target by" in w]
    assert plan == replace(plan_for(a_machine(), "bios"))
