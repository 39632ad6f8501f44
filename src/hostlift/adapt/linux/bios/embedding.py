# SPDX-License-Identifier: Apache-2.0
"""Where GRUB's images lie on a disk for BIOS: the first sector, and the gap or BIOS-boot partition."""

from __future__ import annotations

from collections.abc import Callable

from hostlift.adapt.formats import grubcore
from hostlift.host.blockdev import read_at, write_at
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk

_SECTOR = grubcore.SECTOR


Record = Callable[[bytes], None]
"""Writes down, before it is made, that boot code is put on the system disk."""


class NoRoom(Exception):
    """The core image does not fit where it must lie."""


def embed(device: str, disk: TargetDisk, boot: bytes, core: bytes) -> None:
    """Write boot code to a disk; tables and everything beside it stay.

    Raises:
        NoRoom: There is no BIOS-boot partition, or the gap before the first one is too small.
    """
    start, room = _place(disk)
    if len(core) > room:
        raise NoRoom(f"they take {len(core)} bytes, there is room for {room}")
    sector = start // _SECTOR
    write_at(device, start, grubcore.placed_core(core, sector))
    # The first sector last: a disk that was cut off before does not start half.
    write_at(device, 0, grubcore.boot_sector(boot, sector))


def write_boot_sector(device: str, code: bytes) -> None:
    """Write a first sector's code; the disk's id, table and signature stay."""
    write_at(device, 0, code[: grubcore.BOOT_CODE_SIZE])


def starts(device: str) -> bool:
    """True when the first sector holds code."""
    return any(read_at(device, 0, grubcore.BOOT_CODE_SIZE))


def leads_to_core(device: str) -> bool:
    """True when the first sector holds GRUB 2's code that leads to a core image."""
    sector = grubcore.core_sector(read_at(device, 0, _SECTOR))
    return bool(sector) and any(read_at(device, sector * _SECTOR, _SECTOR))


def _place(disk: TargetDisk) -> tuple[int, int]:
    if disk.table is TableKind.MBR:
        first = min((p.start for p in disk.partitions), default=_SECTOR)
        return _SECTOR, first - _SECTOR
    boot = next((p for p in disk.partitions if p.content is Content.BIOS_BOOT), None)
    if boot is None:
        raise NoRoom("there is no BIOS boot partition")
    return boot.start, boot.size
