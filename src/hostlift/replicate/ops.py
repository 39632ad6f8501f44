# SPDX-License-Identifier: Apache-2.0
"""Operations on a target volume, pure: what a batch's body holds.

A payload is the length of the index (4 bytes big endian), the index (a msgpack list of operations)
and the data of those operations that have some, one after the other. Every operation says how
the object shall be, not how to get there: applying one twice is the same as applying it once.
Zstandard compresses payloads that become smaller by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import msgpack
import zstandard

from hostlift.errors import ProtocolError
from hostlift.replicate.protocol import MAX_RAW, Body, Codec, count, rows

MAX_OPS: Final = 65_536
_INDEX_LENGTH = 4
_WORTH_IT = 0.95

Reader: TypeAlias = Callable[[tuple[object, ...]], "Op"]
Ranges: TypeAlias = tuple[tuple[int, int], ...]


class Remove(NamedTuple):
    """Nothing is at ``path``; a directory goes with all that is in it."""

    path: bytes


class MakeDirectory(NamedTuple):
    """A directory is at ``path``; its metadata come later."""

    path: bytes


class PutFile(NamedTuple):
    """A small regular file, whole. ``entry`` is `model.entry.Entry.pack`.

    Attributes:
        known: Something is there already, as far as the sender knows.
        ranges: Where the data that follow belong; None: they are the whole file.
        reserved: Ranges that are allocated but not written.
    """

    entry: bytes
    known: bool
    length: int
    ranges: Ranges | None
    reserved: Ranges


class PutNode(NamedTuple):
    """A symbolic link, device, fifo or socket."""

    entry: bytes


class Begin(NamedTuple):
    """A large file of ``size`` bytes is to be made, or changed.

    Attributes:
        create: Anew, as one hole, whatever was there.
        whole: What is there was complete once, and stays as it is until `Finish`.
        reserved: Ranges that are allocated but not written.
    """

    path: bytes
    size: int
    create: bool
    whole: bool
    flags: int
    reserved: Ranges


class Chunk(NamedTuple):
    """Data of a large file, ``extent`` bytes at ``offset``, verified by ``digest`` with its holes.

    Attributes:
        ranges: As in `PutFile`, offsets relative to the chunk; the rest of the chunk is a hole.
        patch: The rest stays as it is instead, and the digest is that of the data alone.
    """

    path: bytes
    offset: int
    extent: int
    digest: bytes
    length: int
    ranges: Ranges | None
    patch: bool = False


class Punch(NamedTuple):
    """A hole in a large file."""

    path: bytes
    offset: int
    length: int


class Finish(NamedTuple):
    """A large file's content is complete; its metadata, but for immutable and append.

    Attributes:
        reserved: Ranges that are allocated but not written; no others are.
    """

    entry: bytes
    reserved: Ranges


class Link(NamedTuple):
    """``path`` is a hard link to ``head``."""

    head: bytes
    path: bytes


class SetMeta(NamedTuple):
    """Final metadata of a directory, or of a file with immutable or append."""

    entry: bytes


class Share(NamedTuple):
    """``length`` bytes of two files have the same blocks, if they are equal and the target can."""

    path: bytes
    offset: int
    donor: bytes
    donor_offset: int
    length: int


class Clean(NamedTuple):
    """The folder of half-made files is gone."""


Op: TypeAlias = (
    Remove
    | MakeDirectory
    | PutFile
    | PutNode
    | Begin
    | Chunk
    | Punch
    | Finish
    | Link
    | SetMeta
    | Clean
    | Share
)

_TYPES: Final[tuple[type[Op], ...]] = (
    Remove,
    MakeDirectory,
    PutFile,
    PutNode,
    Begin,
    Chunk,
    Punch,
    Finish,
    Link,
    SetMeta,
    Clean,
    Share,
)
TAKING: Final = (PutFile, Chunk)
"""Operations that take data."""

_CODES: Final = {kind: code for code, kind in enumerate(_TYPES)}


@dataclass(frozen=True, slots=True)
class Payload:
    """Operations and the data they take, in order."""

    ops: tuple[Op, ...]
    data: memoryview


def pack(ops: list[Op], data: list[bytes | memoryview]) -> bytes:
    """The payload of a batch."""
    index: bytes = msgpack.packb([(_CODES[type(op)], *op) for op in ops], use_bin_type=True)
    return b"".join((len(index).to_bytes(_INDEX_LENGTH, "big"), index, *data))


def compress(payload: Body, compressor: zstandard.ZstdCompressor | None) -> tuple[Codec, Body]:
    """The body to send: compressed when a compressor is given and it helps."""
    if compressor is None:
        return Codec.RAW, payload
    squeezed = compressor.compress(payload)
    if len(squeezed) > len(payload) * _WORTH_IT:
        return Codec.RAW, payload
    return Codec.ZSTD, squeezed


def unpack(codec: Codec, raw: int, body: Body) -> Payload:
    """Inverse of `pack` and `compress`.

    Raises:
        ProtocolError: The body is not a payload of ``raw`` bytes.
    """
    view = memoryview(_plain(codec, raw, body))
    if len(view) < _INDEX_LENGTH:
        raise ProtocolError("payload without an index")
    end = _INDEX_LENGTH + int.from_bytes(view[:_INDEX_LENGTH], "big")
    if end > len(view):
        raise ProtocolError("payload shorter than its index")
    try:
        found = msgpack.unpackb(
            view[_INDEX_LENGTH:end], use_list=False, raw=False, strict_map_key=True
        )
        ops = tuple(_op(row) for row in rows(found, MAX_OPS))
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"wrong index: {error}") from error
    wanted = sum(op.length for op in ops if isinstance(op, TAKING))
    if wanted != len(view) - end:
        raise ProtocolError("data are longer or shorter than the index says")
    return Payload(ops, view[end:])


def _plain(codec: Codec, raw: int, body: Body) -> Body:
    if raw > MAX_RAW:
        raise ProtocolError("payload too long")
    if codec is Codec.RAW:
        plain: Body = body
    else:
        try:
            if zstandard.frame_content_size(body) != raw:
                raise ProtocolError("payload states another length than its batch")
            plain = zstandard.ZstdDecompressor().decompress(body)
        except zstandard.ZstdError as error:
            raise ProtocolError(f"payload does not decompress: {error}") from error
    if len(plain) != raw:
        raise ProtocolError(f"payload of {len(plain)} bytes, not {raw}")
    return plain


def _op(row: tuple[object, ...]) -> Op:
    code = count(row[0] if row else None, len(_TYPES) - 1)
    return _READERS[_TYPES[code]](row[1:])


def _on_path(kind: type[Remove | MakeDirectory]) -> Reader:
    def read(args: tuple[object, ...]) -> Op:
        (path,) = args
        return kind(_path(path))

    return read


def _of_entry(kind: type[PutNode | SetMeta]) -> Reader:
    def read(args: tuple[object, ...]) -> Op:
        (entry,) = args
        return kind(_bytes(entry))

    return read


def _begin(args: tuple[object, ...]) -> Begin:
    path, size, create, whole, flags, reserved = args
    return Begin(
        _path(path),
        count(size),
        _truth(create),
        _truth(whole),
        count(flags, 1 << 32),
        _ranges(reserved),
    )


def _punch(args: tuple[object, ...]) -> Punch:
    path, offset, length = args
    return Punch(_path(path), count(offset), count(length))


def _finish(args: tuple[object, ...]) -> Finish:
    entry, reserved = args
    return Finish(_bytes(entry), _ranges(reserved))


def _link(args: tuple[object, ...]) -> Link:
    head, path = args
    return Link(_path(head), _path(path))


def _share(args: tuple[object, ...]) -> Share:
    path, offset, donor, donor_offset, length = args
    return Share(_path(path), count(offset), _path(donor), count(donor_offset), count(length))


def _clean(args: tuple[object, ...]) -> Clean:
    return Clean(*args)


def _put_file(args: tuple[object, ...]) -> PutFile:
    entry, known, length, ranges, reserved = args
    size = count(length, MAX_RAW)
    if ranges is None and reserved == ():
        return PutFile(_bytes(entry), _truth(known), size, None, ())
    parts = None if ranges is None else _ranges(ranges)
    if parts is not None and sum(n for _, n in parts) != size:
        raise ValueError("ranges do not add up")
    return PutFile(_bytes(entry), _truth(known), size, parts, _ranges(reserved))


def _chunk(args: tuple[object, ...]) -> Chunk:
    path, offset, extent, digest, length, ranges, patch = args
    whole = count(extent, MAX_RAW)
    size = count(length, whole)
    parts = None if ranges is None else _ranges(ranges)
    patching = _truth(patch)
    if parts is None and (size != whole or patching):
        raise ValueError("chunk without all its data")
    if parts is not None and (
        sum(n for _, n in parts) != size or any(at + n > whole for at, n in parts)
    ):
        raise ValueError("ranges do not add up")
    return Chunk(_path(path), count(offset), whole, _bytes(digest), size, parts, patching)


def _ranges(value: object) -> Ranges:
    found = []
    end = -1
    for row in rows(value, MAX_OPS):
        at, length = row
        offset = count(at)
        if offset < end:
            raise ValueError("ranges overlap")
        end = offset + count(length)
        found.append((offset, end - offset))
    return tuple(found)


_READERS: Final[dict[type[Op], Reader]] = {
    Remove: _on_path(Remove),
    MakeDirectory: _on_path(MakeDirectory),
    PutFile: _put_file,
    PutNode: _of_entry(PutNode),
    Begin: _begin,
    Chunk: _chunk,
    Punch: _punch,
    Finish: _finish,
    Link: _link,
    SetMeta: _of_entry(SetMeta),
    Clean: _clean,
    Share: _share,
}


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("not bytes")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a truth value")
    return value


def _path(value: object) -> bytes:
    return safe_path(_bytes(value))


def safe_path(path: bytes) -> bytes:
    """A path that names something inside the tree: relative, normal, without ``..``.

    Raises:
        ValueError: It is not.
    """
    if path == b".":
        return path
    framed = b"/%s/" % path
    if b"\0" in path or b"//" in framed or b"/./" in framed or b"/../" in framed:
        raise ValueError("not a path inside the tree")
    return path
