# SPDX-License-Identifier: Apache-2.0
"""Where LVM2's metadata lies on a physical volume.

Format: ``lvm2/lib/format_text/layout.h`` and ``lib/label/label.h`` of LVM2. A label in one of the first
four sectors leads to the physical volume's header, that to a metadata area, whose header leads to
the text in a ring that begins behind it. All numbers are little endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hostlift.host.lvm.records import DATA_START, SECTOR, Group, Physical, dashed
from hostlift.host.lvm.text import Malformed, parse, render

ReadAt = Callable[[int, int], bytes]
"""At most so many bytes from an offset of a physical volume."""

_LABEL = struct.Struct("<8sQII8s")
_LABEL_ID, _LABEL_TYPE = b"LABELONE", b"LVM2 001"
_LABEL_SECTORS, _LABEL_AT = 4, 1
_AREA = struct.Struct("<QQ")
_PV_HEADER = struct.Struct("<32sQ")
_EXTENSION = struct.Struct("<II")
_EXTENSION_VERSION, _IN_USE = 2, 1
_MDA_HEADER = struct.Struct("<I16sIQQ")
_MDA_MAGIC, _MDA_VERSION = b" LVM2 x[5A%r0N*>", 1
_RING_ENTRY = struct.Struct("<QQII")
_MDA_START = 4096
_INITIAL_CRC = 0xF597A6CF
_LONGEST_TEXT = 64 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """What a physical volume says of itself: its identity, and the group where it has the text."""

    id: str
    group: Group | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to write at an offset of a physical volume."""

    offset: int
    data: bytes


def pieces(group: Group, physical: Physical, *, host: str, time: int) -> tuple[Piece, ...]:
    """What makes a device one of a group's physical volumes; the label comes last.

    Args:
        physical: Which of the group's.
        host: See `render`.
        time: See `render`.
    """
    text = render(group, host=host, time=time).encode() + b"\0"
    room = DATA_START - _MDA_START - SECTOR
    if len(text) > room:
        raise Malformed(f"the metadata of {group.name} takes {len(text)} bytes, of {room}")
    return (
        Piece(_MDA_START + SECTOR, text),
        Piece(_MDA_START, mda_header(text)),
        Piece(_LABEL_AT * SECTOR, _label(physical)),
    )


def read(read_at: ReadAt) -> Found | None:
    """What a device says of itself; None when it is not a physical volume.

    Raises:
        Malformed: It says that it is one, and is damaged.
    """
    for sector in range(_LABEL_SECTORS):
        label = read_at(sector * SECTOR, SECTOR)
        if label[: len(_LABEL_ID)] == _LABEL_ID:
            return _found(label, read_at)
    return None


def _found(label: bytes, read_at: ReadAt) -> Found:
    _, _, crc, offset, kind = _unpack(_LABEL, label, 0)
    if kind != _LABEL_TYPE or crc != _crc(label[20:]):
        raise Malformed("the label is damaged")
    id_, _ = _unpack(_PV_HEADER, label, offset)
    after = offset + _PV_HEADER.size
    _, after = _areas(label, after)
    metadata, _ = _areas(label, after)
    texts = (_text(start, size, read_at) for start, size in metadata)
    text = next((t for t in texts if t), "")
    return Found(dashed(id_.decode("ascii", "replace")), parse(text) if text else None)


def _areas(label: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
    """The areas of a list, and where the next one begins."""
    areas: list[tuple[int, int]] = []
    while True:
        start, size = _unpack(_AREA, label, at)
        at += _AREA.size
        if not start:
            return areas, at
        areas.append((start, size))


def _text(start: int, size: int, read_at: ReadAt) -> str:
    """The text of a metadata area; empty when it is not in use."""
    header = read_at(start, SECTOR)
    crc, magic, _, _, _ = _unpack(_MDA_HEADER, header, 0)
    if magic != _MDA_MAGIC or crc != _crc(header[4:]):
        raise Malformed("the header of the metadata is damaged")
    offset, length, crc, _ = _unpack(_RING_ENTRY, header, _MDA_HEADER.size)
    if not offset or not length:
        return ""
    if length > min(size, _LONGEST_TEXT) or offset > size:
        raise Malformed("the metadata lies outside of its area")
    first = min(length, size - offset)
    data = read_at(start + offset, first)
    if length > first:
        data += read_at(start + SECTOR, length - first)
    if _crc(data) != crc:
        raise Malformed("the metadata is damaged")
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _label(physical: Physical) -> bytes:
    body = _PV_HEADER.pack(physical.id.replace("-", "").encode(), physical.size)
    body += _AREA.pack(physical.start, 0) + _AREA.pack(0, 0)
    body += _AREA.pack(_MDA_START, DATA_START - _MDA_START) + _AREA.pack(0, 0)
    body += _EXTENSION.pack(_EXTENSION_VERSION, _IN_USE) + _AREA.pack(0, 0)
    tail = struct.pack("<I8s", _LABEL.size, _LABEL_TYPE) + body
    tail = tail.ljust(SECTOR - 20, b"\0")
    return struct.pack("<8sQI", _LABEL_ID, _LABEL_AT, _crc(tail)) + tail


def mda_header(text: bytes, at: int = SECTOR) -> bytes:
    """The header of a metadata area whose text lies ``at`` bytes behind its start."""
    size = DATA_START - _MDA_START
    tail = struct.pack("<16sIQQ", _MDA_MAGIC, _MDA_VERSION, _MDA_START, size)
    tail += _RING_ENTRY.pack(at, len(text), _crc(text), 0)
    tail = tail.ljust(SECTOR - 4, b"\0")
    return struct.pack("<I", _crc(tail)) + tail


def _unpack(form: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    try:
        return form.unpack_from(data, at)
    except struct.error as error:
        raise Malformed("it ends too soon") from error


def _crc(data: bytes) -> int:
    """CRC-32 without the inversions, from LVM's own start."""
    return zlib.crc32(data, _INITIAL_CRC ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
