# SPDX-License-Identifier: Apache-2.0
"""The system disk: the source's partition table again, at another size.

Numbers, types, identities and order are kept, so that boot loader, fstab and device names by
partition keep working. Only what nobody mounts or boots from is left out, and named.
"""

from __future__ import annotations

from dataclasses import replace

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import Disk, Firmware, Machine, Partition, TableKind
from hostlift.model.plan import GIB, Content, TargetDisk
from hostlift.plan import layout, other_firmware, parts
from hostlift.plan.layout import MIB, TooSmall
from hostlift.plan.occupants import occupants
from hostlift.plan.parts import Part
from hostlift.plan.placing import SYSTEM_DISK, Seating
from hostlift.settings.rules import CHOOSE

SMALLEST_GIB = 20
LARGEST_GIB = 2048
KEY = "system_disk_size"
_PRIMARIES = 4


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
    warnings += other_firmware.demand(machine, firmware, kept)
    esp = other_firmware.esp_number(firmware, kept, table)
    slots = [*([other_firmware.esp_slot(esp)] if esp else []), *_slots(kept)]
    size_gib = _size(wish, layout.disk_needed(slots, table), disk.size)
    try:
        places = layout.arrange(slots, size_gib * GIB, table)
    except TooSmall as error:
        raise _too_small(wish, size_gib, error.needed, seating) from None
    made = tuple(parts.target(machine, p, places[p.partition.number]) for p in kept)
    if esp:
        made = (*made, other_firmware.esp_partition(machine, esp, places[esp], table))
    elif firmware is not machine.firmware and firmware is Firmware.BIOS and table is TableKind.GPT:
        made = other_firmware.with_bios_boot(machine, made)
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
