# SPDX-License-Identifier: Apache-2.0
"""The data channel's words, pure: messages to bytes and back.

    sender                                   receiver
    Hello(migration, pass, stream, volumes)  -> Welcome | Refused
    Batch(id, volume, phase, body) ...       -> Ack(results) ... | Refused
    Flush                                    (make everything durable now)
    Bye                                      -> Bye (which the sender need not wait for)

A frame is ``b"HL"``, a type byte, lengths of header and body (4 bytes big endian each), a header
(xxh3_64 of all that follows, then msgpack) and a raw body. Batches are applied in the order they come and acknowledged in that order,
once their bytes are durable; what was not acknowledged may be sent again on another connection and
then changes nothing. Anything odd is a `ProtocolError`: the connection is dropped, never guessed at.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import msgpack
import xxhash

from hostlift.errors import ProtocolError

VERSION: Final = 1
MAX_HEADER: Final = 4 << 20
MAX_BODY: Final = 48 << 20
MAX_RAW: Final = 40 << 20

PREFIX: Final = struct.Struct(">2sBII")
Body: TypeAlias = bytes | bytearray
"""What follows a header: it is passed on as it was received, without another copy."""

_MAGIC = b"HL"
_CHECK = 8
_MAX_TEXT = 4096
_MAX_VOLUMES = 4096
_MAX_RESULTS = 100_000


class Codec(IntEnum):
    """How a batch's body is stored."""

    RAW = 0
    ZSTD = 1


class Trouble(IntEnum):
    """What became of an operation that did not simply succeed."""

    MISMATCH = 1
    """The content is not what its digest says: nothing was changed, send it again."""
    MISSING = 2
    """What it builds upon is not there."""
    PARTIAL = 3
    """Done, but some metadata were refused."""
    REFUSED = 4
    """The target's file system cannot hold the object."""


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of a connection; ``volumes`` maps volume id to the generation expected."""

    migration: str
    pass_id: str
    stream: int
    volumes: tuple[tuple[str, str], ...]
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Welcome:
    """The receiver agrees; any older connection of the same stream has ended."""

    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will not go on. ``code`` is that of an error in `hostlift.errors`, or ``busy``."""

    code: str
    message: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations on one volume; ``raw`` is the length of the body before compression."""

    id: int
    volume: str
    phase: int
    codec: Codec
    raw: int
    body: Body


@dataclass(frozen=True, slots=True)
class Problem:
    """An operation, by its index in the batch, that needs attention."""

    index: int
    trouble: Trouble
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """A batch that is durable at the target."""

    batch: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """Results in the order of the batches.

    Attributes:
        idle: Of the last ``elapsed`` milliseconds, how long the receiver waited for this sender.
    """

    results: tuple[Result, ...]
    idle: int = 0
    elapsed: int = 0


@dataclass(frozen=True, slots=True)
class Flush:
    """Acknowledge as soon as possible."""


@dataclass(frozen=True, slots=True)
class Bye:
    """Nothing more will come; the receiver answers the same when all is acknowledged."""


Message: TypeAlias = Hello | Welcome | Refused | Batch | Ack | Flush | Bye

_HELLO, _WELCOME, _REFUSED, _BATCH, _ACK, _FLUSH, _BYE = range(1, 8)


def encode(message: Message) -> bytes:
    """One frame."""
    return b"".join(encode_parts(message))


def encode_parts(message: Message) -> tuple[bytes, Body]:
    """One frame as prefix with header, and body."""
    kind, header, body = _parts(message)
    packed: bytes = msgpack.packb(header, use_bin_type=True)
    if len(packed) > MAX_HEADER or len(body) > MAX_BODY:
        raise ProtocolError(f"message too long: {len(packed)} + {len(body)} bytes")
    head = _checksum(kind, packed, body) + packed
    return PREFIX.pack(_MAGIC, kind, len(head), len(body)) + head, body


def _checksum(kind: int, header: Body | memoryview, body: Body) -> bytes:
    """Not for content, which has digests of its own, but a path or a number could be wrong."""
    check = xxhash.xxh3_64(bytes([kind]))
    check.update(header)
    check.update(body)
    return check.digest()


def _parts(message: Message) -> tuple[int, tuple[object, ...], Body]:
    match message:
        case Batch():
            head = (message.id, message.volume, message.phase, int(message.codec), message.raw)
            return _BATCH, head, message.body
        case Ack():
            rows = tuple(
                (r.batch, tuple((p.index, int(p.trouble), p.reason) for p in r.problems))
                for r in message.results
            )
            return _ACK, (rows, message.idle, message.elapsed), b""
        case Hello():
            hello = (message.version, message.migration, message.pass_id, message.stream)
            return _HELLO, (*hello, message.volumes), b""
        case Welcome():
            return _WELCOME, (message.version,), b""
        case Refused():
            return _REFUSED, (message.code, message.message, message.subject), b""
        case Flush():
            return _FLUSH, (), b""
        case Bye():
            return _BYE, (), b""


def frame_length(prefix: Body | memoryview) -> tuple[int, int, int]:
    """(type, header length, body length) of the frame that starts with these 11 bytes.

    Raises:
        ProtocolError: It is not a frame of ours, or longer than any of ours can be.
    """
    magic, kind, header, body = PREFIX.unpack(prefix)
    if magic != _MAGIC or not _HELLO <= kind <= _BYE:
        raise ProtocolError("not a frame of the data channel")
    if header > MAX_HEADER or body > MAX_BODY or (body and kind != _BATCH):
        raise ProtocolError(f"frame of {header} + {body} bytes is too long")
    return kind, header, body


def decode(kind: int, header: Body, body: Body) -> Message:
    """The message of a frame whose prefix `frame_length` has read.

    Raises:
        ProtocolError: Header or body are not what the type asks for.
    """
    packed = memoryview(header)[_CHECK:]
    if header[:_CHECK] != _checksum(kind, packed, body):
        raise ProtocolError("damaged on the way")
    try:
        row = msgpack.unpackb(packed, use_list=False, raw=False, strict_map_key=True)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"unreadable header: {error}") from error
    if not isinstance(row, tuple):
        raise ProtocolError("header is not a list")
    try:
        return _build(kind, row, body)
    except (ValueError, TypeError) as error:
        raise ProtocolError(f"wrong header: {error}") from error


def _build(kind: int, row: tuple[object, ...], body: Body) -> Message:
    if kind == _BATCH:
        number, volume, phase, codec, raw = row
        size = count(raw, MAX_RAW)
        return Batch(
            count(number), text(volume), count(phase, 255), Codec(count(codec, 255)), size, body
        )
    if kind == _ACK:
        results, idle, elapsed = row
        found = tuple(_result(r) for r in rows(results, _MAX_RESULTS))
        return Ack(found, count(idle), count(elapsed))
    if kind == _HELLO:
        version, migration, pass_id, stream, volumes = row
        known = tuple((text(i), text(g)) for i, g in rows(volumes, _MAX_VOLUMES))
        return Hello(
            text(migration), text(pass_id), count(stream, 1024), known, count(version, 1 << 16)
        )
    if kind == _WELCOME:
        (version,) = row
        return Welcome(count(version, 1 << 16))
    if kind == _REFUSED:
        code, why, subject = row
        return Refused(text(code), text(why), text(subject))
    if row:
        raise ValueError("a header where none belongs")
    return Flush() if kind == _FLUSH else Bye()


def _result(row: tuple[object, ...]) -> Result:
    batch, problems = row
    return Result(
        count(batch),
        tuple(
            Problem(count(i), Trouble(count(t, 255)), text(why))
            for i, t, why in rows(problems, _MAX_RESULTS)
        ),
    )


def count(value: object, limit: int = (1 << 63) - 1) -> int:
    """A number from 0 to ``limit``, or ValueError."""
    if type(value) is not int or not 0 <= value <= limit:
        raise ValueError("not a number in range")
    return value


def text(value: object) -> str:
    """A short string, or ValueError."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError("not a short string")
    return value


def rows(value: object, limit: int) -> tuple[tuple[object, ...], ...]:
    """A list of lists, or ValueError."""
    if not isinstance(value, tuple) or len(value) > limit:
        raise ValueError("not a short list")
    for row in value:
        if not isinstance(row, tuple):
            raise TypeError("not a list of lists")
    return value
