# SPDX-License-Identifier: Apache-2.0
"""Sections of PE images: what UEFI starts, and what a unified kernel image is made of.

Format: "PE Format" of Microsoft's documentation; the sections of a unified kernel image
(``.linux``, ``.initrd``, ``.cmdline``, ``.uname``) are those of the UAPI group's specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

SHIM_MARK = b"UEFI SHIM"
"""What every shim, the loader that firmware trusts, has in it."""
_DOS = b"MZ"
_MAGIC = b"PE\0\0"
_LFANEW = 0x3C
_COFF = struct.Struct("<HHIIIHH")
_SECTION = struct.Struct("<8sIIII")
_SECTION_SIZE = 40
_PE32, _PE32_PLUS = 0x10B, 0x20B
_DIRECTORIES = {_PE32: 96, _PE32_PLUS: 112}
_CERTIFICATES = 4


def sections(image: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of every section, in order; nothing when this is no PE image.

    A section that is cut off by the end of the image has what is left of it.
    """
    found = _header(image)
    if found is None:
        return
    count, optional, optional_size = found
    for number in range(count):
        at = optional + optional_size + number * _SECTION_SIZE
        if at + _SECTION_SIZE > len(image):
            return
        name, size, _, raw_size, raw = _SECTION.unpack_from(image, at)
        # The size in memory leaves out the padding; it may also be more than what is in the file.
        yield name.rstrip(b"\0").decode("latin-1"), image[raw : raw + min(size, raw_size)]


def is_signed(image: bytes) -> bool:
    """True when the image carries a signature, whoever made it."""
    found = _header(image)
    if found is None:
        return False
    _, optional, size = found
    (magic,) = struct.unpack_from("<H", image, optional) if size >= 2 else (0,)  # noqa: PLR2004
    at = _DIRECTORIES.get(magic, size) + 8 * _CERTIFICATES
    if at + 8 > size:
        return False
    _, length = struct.unpack_from("<II", image, optional + at)
    return bool(length)


def _header(image: bytes) -> tuple[int, int, int] | None:
    """Number of sections, place and size of the optional header; None when it is no PE image."""
    if not image.startswith(_DOS) or len(image) < _LFANEW + 4:
        return None
    (at,) = struct.unpack_from("<I", image, _LFANEW)
    optional = at + len(_MAGIC) + _COFF.size
    if image[at : at + len(_MAGIC)] != _MAGIC or optional > len(image):
        return None
    _, count, _, _, _, size, _ = _COFF.unpack_from(image, at + len(_MAGIC))
    return (count, optional, size) if optional + size <= len(image) else None
