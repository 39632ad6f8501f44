# SPDX-License-Identifier: Apache-2.0
"""Packed entries: what comes back is what went in, and anything odd is a ProtocolError."""

from __future__ import annotations

import contextlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Kind, Meta, unpack_fields

IDS = st.integers(0, 2**32 - 2)
WORDS = st.integers(0, 2**32 - 1)
RAW = st.binary(max_size=20)
METAS = st.builds(
    Meta,
    mode=st.integers(0, 0o7777),
    uid=IDS,
    gid=IDS,
    mtime_ns=st.integers(-(2**63), 2**63 - 1),
    xattrs=st.lists(st.tuples(RAW, RAW), max_size=3).map(tuple),
    flags=WORDS,
    project=WORDS,
)
ENTRIES = st.builds(
    Entry,
    path=RAW,
    kind=st.sampled_from(Kind),
    meta=METAS,
    size=st.integers(0, 2**63 - 1),
    content=RAW,
    target=RAW,
    device=st.tuples(WORDS, WORDS),
    link_of=RAW,
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.just(-1),
    st.just(2**64 - 1),
    st.text(max_size=3),
    st.just(b"odd"),
    st.just([[b"a"]]),
    st.just([1, -1]),
    st.just([[1, 2]]),
    st.floats(allow_nan=False),
)


@given(ENTRIES)
def test_an_entry_survives_packing(entry: Entry) -> None:
    """Every field, at the ends of its range."""
    assert Entry.unpack(entry.pack()) == entry


@given(ENTRIES, st.integers(0, 13), ODD)
def test_a_field_of_a_wrong_kind_is_a_protocol_error(entry: Entry, at: int, odd: object) -> None:
    """Or it is one of the right kind and is read as such."""
    fields = list(msgpack.unpackb(entry.pack(), use_list=False))
    fields[at] = odd
    raw = msgpack.packb(fields)
    with contextlib.suppress(ProtocolError):
        assert Entry.unpack(raw).pack() == raw


@given(st.binary(max_size=60))
def test_noise_is_a_protocol_error(noise: bytes) -> None:
    """No other exception, whatever comes."""
    with contextlib.suppress(ProtocolError):
        unpack_fields(noise)


@pytest.mark.parametrize("at", [3, 4])
def test_nobody_is_no_owner(at: int) -> None:
    """4294967295 would tell chown(2) to leave the owner as it is."""
    meta = Meta(mode=0o644, uid=0, gid=0, mtime_ns=0)
    fields = list(msgpack.unpackb(Entry(path=b"f", kind=Kind.FILE, meta=meta).pack()))
    fields[at] = 2**32 - 1
    with pytest.raises(ProtocolError):
        unpack_fields(msgpack.packb(fields))
