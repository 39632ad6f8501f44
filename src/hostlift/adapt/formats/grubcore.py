# SPDX-License-Identifier: Apache-2.0
"""GRUB 2 for BIOS as it lies on disk: ``boot.img`` in the first sector, ``core.img`` after it.

The guest's own ``/boot/grub/i386-pc`` holds both as grub-install made them. When what is inside
``core.img`` finds the new disk too (same partition number or file system id), embedding them is
all that grub-install would do: three numbers are patched, nothing is run.
"""

from __future__ import annotations

import lzma
import re
from dataclasses import dataclass

SECTOR = 512
BOOT_CODE_SIZE = 440
_KERNEL_SECTOR = 0x5C
_DRIVE_CHECK = 0x66
_FIRST_BLOCK = 0x1F4
_BLOCK_SECTORS = 0x1FC
_COMPRESSED_SIZE = SECTOR + 0x08
_UNCOMPRESSED_SIZE = SECTOR + 0x0C
_REDUNDANCY = SECTOR + 0x10
_NOPS = b"\x90\x90"
_LARGEST = 4 << 20
# The constants GRUB's own decompressor is built with; the stream carries no header.
_LZMA = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
_PREFIX = re.compile(rb"\((?:hd\d+)?,?(?P<table>gpt|msdos)(?P<number>\d+)\)(?P<path>/[^\0\n]*)\0")
_LOGICAL = re.compile(
    rb"\(lvmid/(?P<group>[A-Za-z0-9-]{38})/(?P<volume>[A-Za-z0-9-]{38})\)(?P<path>/[^\0\n]*)\0"
)
_SEARCH = re.compile(rb"search\.fs_uuid ([0-9A-Fa-f-]+) root")


@dataclass(frozen=True, slots=True)
class Core:
    """Where a ``core.img`` looks for its modules and its menu.

    Attributes:
        table: ``gpt`` or ``msdos``; empty when it searches by file system id.
        path: Folder within the partition.
        searches: File system ids it searches for.
        logical: UUIDs of the LVM group and volume it looks in, with a slash between them; or empty.
    """

    table: str
    number: int
    path: str
    searches: tuple[str, ...]
    logical: str = ""


def inspect(core: bytes) -> Core | None:
    """What is inside a ``core.img``; None when it is of a kind we do not know."""
    payload = _payload(core)
    if payload is None:
        return None
    searches = tuple(m.decode() for m in _SEARCH.findall(payload))
    lvm = _LOGICAL.search(payload)
    if lvm is not None:
        logical = f"{lvm['group'].decode()}/{lvm['volume'].decode()}"
        return Core("", 0, lvm["path"].decode(), searches, logical)
    found = _PREFIX.search(payload)
    if found is None:
        return Core("", 0, "", searches)
    return Core(found["table"].decode(), int(found["number"]), found["path"].decode(), searches)


def boot_sector(boot: bytes, core_at: int) -> bytes:
    """The boot code of the first sector, for a core image at sector ``core_at``.

    A hard disk's BIOS drive number is taken from the BIOS: the check for floppies is switched off,
    as grub-bios-setup does.
    """
    code = bytearray(boot[:BOOT_CODE_SIZE])
    code[_KERNEL_SECTOR : _KERNEL_SECTOR + 8] = core_at.to_bytes(8, "little")
    code[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _NOPS
    return bytes(code)


def core_sector(first: bytes) -> int:
    """Where the boot code of a first sector continues; 0 when there is none."""
    if not first[:BOOT_CODE_SIZE].strip(b"\0"):
        return 0
    return int.from_bytes(first[_KERNEL_SECTOR : _KERNEL_SECTOR + 8], "little")


def placed_core(core: bytes, core_at: int) -> bytes:
    """The core image for embedding at sector ``core_at``: its second sector follows the first."""
    image = bytearray(core)
    image[_FIRST_BLOCK : _FIRST_BLOCK + 8] = (core_at + 1).to_bytes(8, "little")
    rest = -(-(len(core) - SECTOR) // SECTOR)
    image[_BLOCK_SECTORS : _BLOCK_SECTORS + 2] = rest.to_bytes(2, "little")
    return bytes(image)


def _payload(core: bytes) -> bytes | None:
    if len(core) < 2 * SECTOR or len(core) > _LARGEST:
        return None
    compressed = int.from_bytes(core[_COMPRESSED_SIZE : _COMPRESSED_SIZE + 4], "little")
    size = int.from_bytes(core[_UNCOMPRESSED_SIZE : _UNCOMPRESSED_SIZE + 4], "little")
    redundancy = int.from_bytes(core[_REDUNDANCY : _REDUNDANCY + 4], "little")
    # A core read back from a disk carries error correction for its old place: not for us.
    if redundancy or not 0 < compressed <= len(core) - SECTOR or not 0 < size <= _LARGEST:
        return None
    stream = core[len(core) - compressed :]
    try:
        plain = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_LZMA).decompress(stream, size)
    except lzma.LZMAError:
        return None
    return plain if len(plain) == size else None
