# SPDX-License-Identifier: Apache-2.0
"""A target that starts by another firmware than its source."""

from __future__ import annotations

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

from hostlift.errors import CheckBlocked
from hostlift.model.machine import Firmware, Machine
from hostlift.model.plan import Content, MigrationPlan
from hostlift.plan.make import make


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
    assert any("grub-efi" in w for w in plan.warnings)


def test_uefi_without_an_efi_partition_is_refused_with_the_remedy() -> None:
    """It is named what to make, and where."""
    with pytest.raises(CheckBlocked, match="no EFI system partition") as caught:
        plan_for(a_machine(), "uefi")
    assert caught.value.subject == "boot_mode"
    assert "/boot/efi" in caught.value.hint


def test_without_a_wish_nothing_changes() -> None:
    """As the source starts."""
    plan = plan_for(a_machine(), "")
    assert plan.firmware is Firmware.BIOS
    assert not [w for w in plan.warnings if "the target by" in w]
    assert plan == replace(plan_for(a_machine(), "bios"))
