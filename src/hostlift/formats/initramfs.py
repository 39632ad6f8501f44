# SPDX-License-Identifier: Apache-2.0
"""Initramfs images: several archives one after the other, each plain or compressed.

Read as the kernel reads them: zeros between archives are skipped, a compressed part is recognised
by its first bytes, later files win. Early microcode is simply the first archive.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import lz4.block
import zstandard

from hostlift.errors import FormatError
from hostlift.formats.cpio import Member, Reader

_CHUNK = 1 << 18
_LZ4_BLOCK = 8 << 20
_SECTOR = 512
_LZ4_END = 4
_ZSTD_WINDOW = 1 << 31


class _Decompressor(Protocol):
    """What zlib, lzma, bz2 and zstandard agree on."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def members(image: bytes, wanted: Callable[[str], bool] = lambda _: False) -> list[Member]:
    """Everything in an image, in order; ``wanted`` tells of which files the content is kept.

    Raises:
        FormatError: The image is damaged or of an unknown kind.
    """
    reader = Reader(wanted)
    position = _skip_zeros(image, 0)
    while position < len(image):
        if image.startswith(b"0707", position):
            position += reader.feed(memoryview(image)[position:])
        else:
            position = _feed_compressed(reader, image, position)
        position = _skip_zeros(image, position)
    if reader.inside:
        raise FormatError("the image ends inside an archive", subject="initramfs")
    return reader.members


def append(image: bytes, archive: bytes) -> bytes:
    """The image followed by one more archive, aligned as boot loaders like it.

    An LZ4 image has no end of its own: four zeros (a block of no size) must stop it.
    """
    end = (-len(image) - _LZ4_END) % _SECTOR
    return image + bytes(_LZ4_END + end) + archive + bytes(-len(archive) % _SECTOR)


def plain_module(name: str, data: bytes) -> bytes:
    """A kernel module's own bytes, whatever it is compressed with; signatures stay valid.

    Raises:
        FormatError: It is damaged.
    """
    unpack = next((u for suffix, u in _UNPACK.items() if name.endswith(suffix)), bytes)
    try:
        return unpack(data)
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise FormatError(f"damaged module: {error}", subject=name) from error


_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: zlib.decompress(data, wbits=31),
    ".xz": lzma.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def _feed_compressed(reader: Reader, image: bytes, position: int) -> int:
    """Unpack the compressed part at ``position`` into ``reader``; returns where it ends."""
    if image.startswith(b"\x02\x21\x4c\x18", position):
        position += 4
        for block, after in _lz4_blocks(image, position):
            _feed_all(reader, block)
            position = after
        return position
    decompressor = _decompressor(image, position)
    while not decompressor.eof:
        piece = image[position : position + _CHUNK]
        if not piece:
            raise FormatError("the compressed part ends too early", subject="initramfs")
        position += len(piece)
        try:
            _feed_all(reader, decompressor.decompress(piece))
        except (zlib.error, lzma.LZMAError, OSError, zstandard.ZstdError) as error:
            raise FormatError(f"damaged: {error}", subject="initramfs") from error
    return position - len(decompressor.unused_data)


def _decompressor(image: bytes, position: int) -> _Decompressor:
    head = image[position : position + 6]
    if head.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31)
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return lzma.LZMADecompressor()
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _Zstd()
    raise FormatError(f"an unknown kind of image ({head.hex()})", subject="initramfs")


class _Zstd:
    """zstandard's decompressor with the attributes of the others."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: bytes, /) -> bytes:
        return bytes(self._inner.decompress(data))


def _feed_all(reader: Reader, data: bytes) -> None:
    """Archives inside one compressed part follow each other after zeros, too."""
    position = 0
    while position < len(data):
        if not reader.inside and data[position] == 0 and not reader.partial:
            position = _skip_zeros(data, position)
            continue
        position += reader.feed(memoryview(data)[position:])


def _skip_zeros(data: bytes, position: int) -> int:
    while position < len(data) and data[position] == 0:
        chunk = data[position : position + 4096]
        position += len(chunk) - len(chunk.lstrip(b"\0"))
    return position


def _lz4_blocks(image: bytes, position: int) -> Iterator[tuple[bytes, int]]:
    """Blocks of the old LZ4 format the kernel uses, each with the place after it."""
    while position + 4 <= len(image):
        size = int.from_bytes(image[position : position + 4], "little")
        if size == 0 or image.startswith(b"0707", position):
            return
        if size == 0x184C2102:  # noqa: PLR2004 - the magic again: one more stream
            position += 4
            continue
        position += 4
        try:
            block = lz4.block.decompress(
                image[position : position + size], uncompressed_size=_LZ4_BLOCK
            )
        except lz4.block.LZ4BlockError as error:
            raise FormatError(f"damaged: {error}", subject="initramfs") from error
        yield bytes(block), position + size
        position += size
