# SPDX-License-Identifier: Apache-2.0
"""Disk files without loop devices and without mounts, so that any root shell can make them.

``sfdisk`` writes the partition table into the file, ``mke2fs -d`` fills a file system at its
offset, and GRUB's two stages are put where ``grub-install`` would put them: the first in the
master boot record, the second in the gap before the first partition.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from hostlift.host.command import SystemCommands

SECTOR = 512
MIB = 1 << 20
GAP_MIB = 1
"""Where the first partition starts; the gap before it holds GRUB."""

# What every GRUB and kernel since 2014 reads; mke2fs' own defaults differ from release to release.
_EXT4 = (
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,"
    "large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
)
_BOOT_CODE = 440
_KERNEL_SECTOR = 0x5C
_DRIVE_CHECK = slice(0x66, 0x68)
_FIRST_BLOCKLIST = 0x1F4


@dataclass(frozen=True, slots=True)
class Slot:
    """A primary partition; ``size_mib`` 0 means up to the end."""

    start_mib: int
    size_mib: int
    kind: str = "83"
    bootable: bool = False


def partition(disk: Path, size_mib: int, slots: tuple[Slot, ...], label_id: str) -> None:
    """Make a sparse disk file with an MBR table.

    Args:
        label_id: The disk's 32-bit signature as ``0x…``.
    """
    with disk.open("wb") as file:
        file.truncate(size_mib * MIB)
    lines = ["label: dos", f"label-id: {label_id}", "unit: sectors"]
    for slot in slots:
        size = f"size={slot.size_mib * MIB // SECTOR}," if slot.size_mib else ""
        boot = ",bootable" if slot.bootable else ""
        lines.append(f"start={slot.start_mib * MIB // SECTOR},{size}type={slot.kind}{boot}")
    script = ("\n".join(lines) + "\n").encode()
    SystemCommands().run(["sfdisk", "--quiet", str(disk)], stdin=script, timeout=60)


def fill_ext4(
    disk: Path, *, tree: Path, start_mib: int, size_mib: int, uuid: str, label: str
) -> None:
    """Make an ext4 file system with the content of ``tree`` at ``start_mib`` of a disk file."""
    SystemCommands().run(
        [
            *("mke2fs", "-q", "-F", "-t", "ext4", "-O", _EXT4, "-m", "1", "-b", "4096"),
            *("-U", uuid, "-L", label, "-d", str(tree)),
            *("-E", f"offset={start_mib * MIB},lazy_itable_init=0,hash_seed={uuid}"),
            *(str(disk), f"{size_mib * 1024}k"),
        ],
        timeout=900,
    )


def embed_grub(disk: Path, *, boot_image: Path, core_image: Path) -> None:
    """Put GRUB for BIOS machines on a disk with an MBR table.

    Args:
        boot_image: GRUB's ``boot.img``.
        core_image: What ``grub-mkimage -O i386-pc`` made; it must fit before the first partition.

    Raises:
        ValueError: It does not fit.
    """
    core = bytearray(core_image.read_bytes())
    if len(core) > GAP_MIB * MIB - SECTOR:
        raise ValueError(f"{core_image} of {len(core)} octets does not fit before the partition")
    boot = bytearray(boot_image.read_bytes())
    struct.pack_into("<Q", boot, _KERNEL_SECTOR, 1)
    struct.pack_into("<Q", core, _FIRST_BLOCKLIST, 2)
    # The jump that overrides a BIOS' odd boot drive number: grub-install removes it on hard disks.
    boot[_DRIVE_CHECK] = b"\x90\x90"
    with disk.open("r+b") as file:
        file.write(boot[:_BOOT_CODE])
        file.seek(SECTOR)
        file.write(core)


def make_core(core: Path, config: Path, modules: tuple[str, ...], prefix: str) -> None:
    """Make GRUB's second stage with ``config`` inside it."""
    SystemCommands().run(
        [
            *("grub-mkimage", "-O", "i386-pc", "-p", prefix, "-c", str(config)),
            *("-o", str(core), *modules),
        ],
        timeout=60,
    )


def to_qcow2(raw: Path, qcow2: Path) -> None:
    """Convert a raw disk file into a sparse qcow2 file and drop the raw one."""
    SystemCommands().run(
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(qcow2)], timeout=600
    )
    raw.unlink()
