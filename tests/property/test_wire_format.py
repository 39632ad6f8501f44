# SPDX-License-Identifier: Apache-2.0
"""The data channel's bytes: round trips, and anything odd is a ProtocolError, never more."""

from __future__ import annotations

import contextlib

import msgpack
import pytest
import xxhash
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hostlift.errors import ProtocolError
from hostlift.replicate import ops
from hostlift.replicate.protocol import (
    PREFIX,
    Ack,
    Batch,
    Bye,
    Codec,
    Flush,
    Hello,
    Message,
    Problem,
    Refused,
    Result,
    Trouble,
    Welcome,
    decode,
    encode,
    frame_length,
)

WORDS = st.text(max_size=30)
NUMBERS = st.integers(0, 2**63 - 1)
MESSAGES = st.one_of(
    st.builds(Hello, WORDS, WORDS, st.integers(0, 1024), st.lists(st.tuples(WORDS, WORDS), max_size=4).map(tuple), st.integers(0, 1 << 16)),
    st.builds(Welcome, st.integers(0, 1 << 16)),
    st.builds(Refused, WORDS, WORDS, WORDS),
    st.builds(Batch, NUMBERS, WORDS, st.integers(0, 255), st.sampled_from(Codec), st.integers(0, 1 << 20), st.binary(max_size=200)),
    st.builds(Ack, st.lists(st.builds(Result, NUMBERS, st.lists(st.builds(Problem, NUMBERS, st.sampled_from(Trouble), WORDS), max_size=3).map(tuple)), max_size=4).map(tuple)),
    st.just(Flush()),
    st.just(Bye()),
)  # fmt: skip
NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda n: n not in {b".", b".."} and not set(n) & {0, 47}
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


def parse(frame: bytes) -> Message:
    kind, header, body = frame_length(frame[: PREFIX.size])
    at = PREFIX.size
    if at + header + body != len(frame):
        raise ProtocolError("more or less than a frame")  # a connection would wait for the rest
    return decode(kind, frame[at : at + header], frame[at + header : at + header + body])


@given(MESSAGES)
def test_every_message_survives_the_wire(message: Message) -> None:
    """What is sent is what is read."""
    assert parse(encode(message)) == message


@given(MESSAGES, st.data())
def test_damaged_frames_are_protocol_errors(message: Message, data: st.DataObject) -> None:
    """Any byte of a frame changed: it is noticed, whatever it was."""
    frame = bytearray(encode(message))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ProtocolError):
        parse(bytes(frame))


@given(st.integers(0, 255), st.binary(max_size=60))
def test_noise_is_a_protocol_error(kind: int, noise: bytes) -> None:
    """No other exception, whatever comes."""
    with contextlib.suppress(ProtocolError):
        decode(kind, noise, b"")
    with contextlib.suppress(ProtocolError):
        frame_length(noise[:11].ljust(11, b"\0"))


JSONISH = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=8)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)


@given(st.integers(1, 7), JSONISH)
def test_headers_of_a_wrong_shape_are_protocol_errors(kind: int, header: object) -> None:
    """Well-formed msgpack that means nothing."""
    packed = msgpack.packb(header)
    check = xxhash.xxh3_64_digest(bytes([kind]) + packed)
    with contextlib.suppress(ProtocolError):
        decode(kind, check + packed, b"")


@given(st.lists(st.tuples(PATHS, st.binary(max_size=50)), max_size=6), st.booleans())
def test_payloads_survive_with_their_data(items: list[tuple[bytes, bytes]], squeeze: bool) -> None:
    """Operations and data, compressed or not."""
    sent: list[ops.Op] = []
    data: list[bytes | memoryview] = []
    for path, content in items:
        sent += [ops.Remove(path), ops.PutFile(b"entry", True, len(content), None, ((0, 5),))]
        data.append(content)
        half = len(content) // 2
        sent.append(ops.Chunk(path, 7, len(content) + 9, b"d", half, ((0, half),)))
        data.append(content[:half])
    raw = ops.pack(sent, data)
    codec, body = ops.compress(raw, zstandard.ZstdCompressor(level=1) if squeeze else None)
    found = ops.unpack(codec, len(raw), body)
    assert list(found.ops) == sent
    assert bytes(found.data) == b"".join(data)


@given(JSONISH, st.binary(max_size=10))
def test_payloads_of_a_wrong_shape_are_protocol_errors(index: object, data: bytes) -> None:
    """An index that is no list of operations."""
    packed = msgpack.packb(index)
    raw = len(packed).to_bytes(4, "big") + packed + data
    with contextlib.suppress(ProtocolError):
        ops.unpack(Codec.RAW, len(raw), raw)


@given(st.integers(0, 10), st.lists(JSONISH, max_size=7))
def test_operations_with_wrong_arguments_are_protocol_errors(code: int, args: list[object]) -> None:
    """The right code, anything behind it."""
    packed = msgpack.packb([[code, *args]])
    raw = len(packed).to_bytes(4, "big") + packed
    with contextlib.suppress(ProtocolError):
        ops.unpack(Codec.RAW, len(raw), raw)


@given(st.binary(max_size=40))
def test_paths_that_lead_out_are_refused(raw: bytes) -> None:
    """Whatever passes is relative, normal and without a way up."""
    with contextlib.suppress(ValueError):
        path = ops.safe_path(raw)
        assert not path.startswith(b"/")
        assert b".." not in path.split(b"/")
        assert path == b"." or all(part not in {b"", b"."} for part in path.split(b"/"))
