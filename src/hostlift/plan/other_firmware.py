# SPDX-License-Identifier: Apache-2.0
"""A target that starts by another firmware than its source: the loader it needs, and its partition.

What is missing is refused here, before anything is created.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hostlift.errors import CheckBlocked
from hostlift.model.bootfiles import EFI_FOLDER
from hostlift.model.machine import Firmware, Machine, TableKind
from hostlift.model.plan import Content, TargetPartition
from hostlift.plan import parts
from hostlift.plan.layout import MIB, Slot
from hostlift.plan.parts import Part

KEY = "boot_mode"
ESP_SIZE = 256 * MIB
"""FAT32 also in large clusters; holds a loader, and unified kernel images a few."""

_GPT_ENTRIES = 128
_GAP = 32 << 10
"""Behind the partition table, whatever the size of a sector."""
_PACKAGES: Mapping[Firmware, Mapping[str, str]] = {
    Firmware.BIOS: {
        "debian": "grub-pc-bin",
        "rhel": "grub2-pc",
        "fedora": "grub2-pc",
        "suse": "grub2-i386-pc",
        "arch": "grub",
        "alpine": "grub-bios",
    },
    Firmware.UEFI: {
        "debian": "grub-efi-amd64-signed and shim-signed (or grub-efi-amd64-bin)",
        "rhel": "grub2-efi-x64 and shim-x64",
        "fedora": "grub2-efi-x64 and shim-x64",
        "suse": "grub2-x86_64-efi and shim",
        "arch": "grub",
        "alpine": "grub-efi",
    },
}


def demand(machine: Machine, firmware: Firmware, kept: Iterable[Part]) -> list[str]:
    """What to tell the user of a change of firmware.

    Raises:
        CheckBlocked: No boot loader for it is installed, or the EFI partition is not mounted.
    """
    found = [p for p in kept if p.content is Content.ESP]
    if firmware is Firmware.UEFI and found and not any(p.seat is not None for p in found):
        where = found[0].partition.device
        raise CheckBlocked(
            "the EFI system partition is not mounted, so its boot files cannot be copied",
            subject=where,
            hint=f"Mount {where} at /boot/efi, then run the command again.",
        )
    if firmware is Firmware.UEFI is machine.firmware and not found:
        raise CheckBlocked(
            "the source starts by UEFI, and no EFI system partition was found on its system disk",
            subject="EFI system partition",
            hint="Make the partition it starts from visible to this system and mount it at /boot/efi.",
        )
    if firmware is machine.firmware:
        return []
    if firmware not in machine.startable:
        raise CheckBlocked(
            f"the target shall start by {firmware.value.upper()}, and the source has no boot loader"
            " for that",
            subject=KEY,
            hint=f"Install {_packages(machine, firmware)} on the source (nothing else changes there"
            f" by it), then run the command again; or leave {KEY} empty.",
        )
    told = (
        f"the source starts by {machine.firmware.value.upper()}, the target by"
        f" {firmware.value.upper()}, with the boot loader for it that is installed on the source"
    )
    return [told]


def _packages(machine: Machine, firmware: Firmware) -> str:
    known = _PACKAGES[firmware]
    words = (machine.os_id, *machine.os_like)
    found = next((known[w] for w in words if w in known), "")
    return found or f"GRUB 2 for {firmware.value.upper()}"


def esp_number(firmware: Firmware, kept: Sequence[Part], table: TableKind) -> int:
    """Number of the EFI partition to add to those of the source; 0: none is needed.

    Raises:
        CheckBlocked: The table has no free number.
    """
    if firmware is not Firmware.UEFI or any(p.content is Content.ESP for p in kept):
        return 0
    last = _GPT_ENTRIES if table is TableKind.GPT else parts.FIRST_LOGICAL - 1
    taken = {p.partition.number for p in kept}
    number = next((n for n in range(1, last + 1) if n not in taken), 0)
    if not number:
        raise CheckBlocked(
            "an EFI partition is needed, and the partition table has no free primary number",
            subject=KEY,
            hint=f"Leave {KEY} empty, or list a directory of the system disk in data_disks, which"
            " gives its partition a disk of its own.",
        )
    return number


def esp_slot(number: int) -> Slot:
    """Before all others: those behind it keep their order, and the last one may grow."""
    return Slot(number=number, start=0, wanted=ESP_SIZE, was=0, minimum=ESP_SIZE)


def esp_partition(
    machine: Machine, number: int, place: tuple[int, int], table: TableKind
) -> TargetPartition:
    """An EFI partition that the source does not have: no volume, adaptation fills it."""
    gpt = table is TableKind.GPT
    id_ = parts.derived_uuid(machine, "efi system partition").upper()
    return TargetPartition(
        number=number,
        start=place[0],
        size=place[1],
        type=parts.ESP_GPT_TYPE if gpt else parts.ESP_MBR_TYPE,
        content=Content.ESP,
        file_system="vfat",
        fs_uuid=f"{id_[:4]}-{id_[4:8]}",
        uuid=id_ if gpt else "",
        mount_point=EFI_FOLDER,
    )


def with_bios_boot(
    machine: Machine, made: tuple[TargetPartition, ...]
) -> tuple[TargetPartition, ...]:
    """GRUB for BIOS needs a partition of its own on GPT; it fits before the first of the others."""
    if any(p.content is Content.BIOS_BOOT for p in made):
        return made
    if any(p.start < MIB for p in made):
        raise CheckBlocked(
            "there is no room for GRUB before the first partition",
            subject=KEY,
            hint="Make a partition of type 'BIOS boot' (1 MiB) on the source's system disk.",
        )
    taken = {p.number for p in made}
    return (
        *made,
        TargetPartition(
            number=next(n for n in range(1, _GPT_ENTRIES + 1) if n not in taken),
            start=_GAP,
            size=MIB - _GAP,
            type=parts.BIOS_BOOT_TYPE,
            content=Content.BIOS_BOOT,
            uuid=parts.derived_uuid(machine, "bios boot").upper(),
        ),
    )
