# SPDX-License-Identifier: Apache-2.0
"""The system disk: the source's partition table again, at another size.

Numbers, types, identities and order are kept, so that boot loader, fstab and device names by
partition keep working. Only what nobody mounts or boots from is left out, and named.
"""

from __future__ import annotations

from dataclasses import replace

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import Disk, Firmware, Machine, Partition, TableKind
from hostlift.model.plan import GIB, Content, TargetDisk, TargetPartition
from hostlift.plan import layout, parts
from hostlift.plan.layout import MIB, TooSmall
from hostlift.plan.occupants import occupants
from hostlift.plan.parts import Part
from hostlift.plan.placing import SYSTEM_DISK, Seating
from hostlift.settings.rules import CHOOSE

SMALLEST_GIB = 20
LARGEST_GIB = 2048
KEY = "system_disk_size"
_PRIMARIES = 4
_GAP = 32 << 10
"""Behind the partition table, whatever the size of a sector."""


def plan(
    machine: Machine, seating: Seating, wish: int, *, firmware: Firmware
) -> tuple[TargetDisk, list[str]]:
    """The disk to make, and what to tell the user.

    Args:
        wish: ``system_disk_size``.
        firmware: What the target starts with.

    Raises:
        ConfigError: The size does not hold what is used.
        CheckBlocked: The table cannot be mirrored.
    """
    disk, table = _as_table(seating, firmware)
    kept, warnings = _kept(machine, seating, disk, table)
    _demand_esp(firmware, kept)
    warnings += _other_firmware(machine, firmware)
    slots = _slots(kept)
    size_gib = _size(wish, layout.disk_needed(slots, table), disk.size)
    try:
        places = layout.arrange(slots, size_gib * GIB, table)
    except TooSmall as error:
        raise _too_small(wish, size_gib, error.needed, seating) from None
    made = tuple(parts.target(machine, p, places[p.partition.number]) for p in kept)
    changed = firmware is not machine.firmware
    if changed and firmware is Firmware.BIOS and table is TableKind.GPT:
        made = _with_bios_boot(machine, made)
    left = size_gib * GIB - max(start + size for start, size in places.values())
    if left > GIB:
        warnings.append(
            f"{left // GIB} GiB at the end of the system disk stay free:"
            " the root partition is not the last one"
        )
    target = TargetDisk(
        index=SYSTEM_DISK,
        size_gib=size_gib,
        table=table,
        table_id=disk.table_id or parts.derived_table_id(machine, table, SYSTEM_DISK),
        partitions=made,
    )
    return target, warnings


def _as_table(seating: Seating, firmware: Firmware) -> tuple[Disk, TableKind]:
    """The source's table; an MBR for systems without one, or with one we cannot make."""
    disk = seating.system_disk
    if disk.table is not None:
        return disk, disk.table
    if firmware is Firmware.UEFI:
        raise CheckBlocked(
            "the system disk has no GPT or MBR partition table, but the target starts by UEFI",
            subject=disk.device,
            hint="Convert the disk to GPT, or report this machine with 'hostlift check --json'.",
        )
    sources = [s.partition for s in seating.on(SYSTEM_DISK) if s.partition is not None]
    if not sources:  # the root file system is the whole disk
        whole = Partition(
            number=1, start=MIB, size=disk.size, type=parts.LINUX_MBR_TYPE, device=disk.device
        )
        sources = [whole]
    if len(sources) > _PRIMARIES:
        raise CheckBlocked(
            f"{len(sources)} file systems on a disk with an unknown partition table",
            subject=disk.device,
            hint="List some of them in data_disks: each becomes a disk of its own.",
        )
    root = seating.root.partition
    made = tuple(
        replace(
            p, number=n, type=parts.LINUX_MBR_TYPE, uuid="", name="", bootable=root in (None, p)
        )
        for n, p in enumerate(sorted(sources, key=lambda p: p.start), start=1)
    )
    return replace(disk, partitions=made, table_id=""), TableKind.MBR


def _kept(
    machine: Machine, seating: Seating, disk: Disk, table: TableKind
) -> tuple[list[Part], list[str]]:
    kept: list[Part] = []
    warnings: list[str] = []
    for partition in disk.partitions:
        found = occupants(machine, seating, disk, partition)
        esp = partition.type in parts.ESP_TYPES
        content = None if found else _special(partition, table, esp=esp)
        if content is not None:
            found = [Part(partition=partition, content=content)]
        if not found:
            warnings.append(f"{partition.device} is left out: nothing of it is mounted")
        kept += found
    return kept, warnings


def _special(partition: Partition, table: TableKind, *, esp: bool) -> Content | None:
    """What a partition without files or swap is kept for; None when for nothing."""
    if partition.type == parts.BIOS_BOOT_TYPE:
        return Content.BIOS_BOOT
    if esp:
        return Content.ESP
    if table is TableKind.MBR and (
        partition.type in parts.EXTENDED_TYPES or partition.number >= parts.FIRST_LOGICAL
    ):
        return Content.EMPTY  # leaving a logical one out would renumber those after it
    return None


def _demand_esp(firmware: Firmware, kept: list[Part]) -> None:
    if firmware is not Firmware.UEFI:
        return
    found = [p for p in kept if p.content is Content.ESP]
    if not found:
        raise CheckBlocked(
            "the target shall start by UEFI, and the source has no EFI system partition",
            subject="boot_mode",
            hint="Make one on the source's system disk (vfat, 200 MiB), mount it at /boot/efi and install"
            " GRUB for UEFI there; or leave boot_mode empty.",
        )
    if not any(p.seat is not None for p in found):
        where = found[0].partition.device
        raise CheckBlocked(
            "the EFI system partition is not mounted, so its boot files cannot be copied",
            subject=where,
            hint=f"Mount {where} at /boot/efi, then run the command again.",
        )


def _other_firmware(machine: Machine, firmware: Firmware) -> list[str]:
    if firmware is machine.firmware:
        return []
    needs = "grub-pc-bin or grub2-pc" if firmware is Firmware.BIOS else "grub-efi and shim"
    told = (
        f"the source starts by {machine.firmware.value.upper()}, the target by"
        f" {firmware.value.upper()}: its boot loader for that must be installed on the source ({needs})"
    )
    return [told]


def _with_bios_boot(
    machine: Machine, made: tuple[TargetPartition, ...]
) -> tuple[TargetPartition, ...]:
    """GRUB for BIOS needs a partition of its own on GPT; it fits before the first of the others."""
    if any(p.content is Content.BIOS_BOOT for p in made):
        return made
    if any(p.start < MIB for p in made):
        raise CheckBlocked(
            "there is no room for GRUB before the first partition",
            subject="boot_mode",
            hint="Make a partition of type 'BIOS boot' (1 MiB) on the source's system disk.",
        )
    taken = {p.number for p in made}
    return (
        *made,
        TargetPartition(
            number=next(n for n in range(1, 129) if n not in taken),
            start=_GAP,
            size=MIB - _GAP,
            type=parts.BIOS_BOOT_TYPE,
            content=Content.BIOS_BOOT,
            uuid=parts.derived_uuid(machine, "bios boot").upper(),
        ),
    )


def _slots(kept: list[Part]) -> list[layout.Slot]:
    logical = tuple(p for p in kept if _is_logical(p))
    return [
        parts.slot(p, logical if p.partition.type in parts.EXTENDED_TYPES else ())
        for p in kept
        if not _is_logical(p)
    ]


def _is_logical(part: Part) -> bool:
    mbr = not part.partition.type.count("-")
    return mbr and part.partition.number >= parts.FIRST_LOGICAL


def _size(wish: int, needed: int, was: int) -> int:
    if wish not in CHOOSE:
        return wish
    gib = -(-max(needed, was) // GIB)
    return min(max(gib, SMALLEST_GIB), LARGEST_GIB)


def _too_small(wish: int, size_gib: int, needed: int, seating: Seating) -> ConfigError:
    seats = seating.on(SYSTEM_DISK)
    used = ", ".join(f"{s.mount_point} {s.used / GIB:.1f}" for s in seats)
    least = -(-needed // GIB)
    if least > LARGEST_GIB:
        hint = "List large directories in data_disks: each becomes a disk of its own."
    else:
        hint = f"Set {KEY} to {least} or more (or -1), or list large directories in data_disks."
    said = f"{wish}" if wish not in CHOOSE else f"{size_gib} (the largest there is)"
    total = sum(s.used for s in seats) / GIB
    return ConfigError(
        f"{said} GiB is too small: {total:.1f} GiB are in use ({used}); at least {least} GiB are"
        " needed with partitions and free space",
        subject=KEY,
        hint=hint,
    )
