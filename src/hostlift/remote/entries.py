# SPDX-License-Identifier: Apache-2.0
"""The stream of entries that a re-read gives: each preceded by its length, one zstd frame.

Pure: octets in, entries out, and back.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import zstandard

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LENGTH = struct.Struct(">I")
_LONGEST = 1 << 24
_FLUSH = 1 << 18
_LEVEL = 3


def pack_entries(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The octets of ``entries``, in pieces."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    pending = bytearray()
    for entry in entries:
        packed = entry.pack()
        pending += _LENGTH.pack(len(packed)) + packed
        if len(pending) >= _FLUSH:
            yield compressor.compress(bytes(pending))
            pending.clear()
    yield compressor.compress(bytes(pending)) + compressor.flush()


def unpack_entries(pieces: Iterable[bytes]) -> Iterator[Entry]:
    """Inverse of `pack_entries`, however the octets are cut.

    Raises:
        ProtocolError: They are not such a stream, or it ends too early.
    """
    expander = zstandard.ZstdDecompressor().decompressobj()
    pending = bytearray()
    for piece in pieces:
        try:
            pending += expander.decompress(piece)
        except zstandard.ZstdError as error:
            raise ProtocolError(f"not a stream of entries: {error}") from error
        yield from _complete(pending)
    if pending or not expander.eof:
        raise ProtocolError("a stream of entries ends too early")


def _complete(pending: bytearray) -> Iterator[Entry]:
    """Take the complete records off the front of ``pending``."""
    start = 0
    while len(pending) - start >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(pending, start)
        if length > _LONGEST:
            raise ProtocolError(f"an entry of {length} bytes")
        end = start + _LENGTH.size + length
        if end > len(pending):
            break
        yield Entry.unpack(bytes(pending[start + _LENGTH.size : end]))
        start = end
    del pending[:start]
