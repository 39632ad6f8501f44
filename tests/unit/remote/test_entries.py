# SPDX-License-Identifier: Apache-2.0
"""The stream of entries, however it is cut on the way."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Kind, Meta
from hostlift.remote.entries import pack_entries, unpack_entries

ENTRIES = st.lists(
    st.builds(
        lambda path, size, target: Entry(
            path=path,
            kind=Kind.FILE,
            meta=Meta(mode=0o644, uid=0, gid=0, mtime_ns=size),
            size=size,
            content=target.ljust(32, b"\0")[:32],
        ),
        st.binary(min_size=1, max_size=300),
        st.integers(0, 1 << 40),
        st.binary(max_size=32),
    ),
    max_size=20,
)


@given(ENTRIES, st.integers(1, 50))
def test_what_is_packed_comes_out_however_it_is_cut(entries: list[Entry], cut: int) -> None:
    """Round trip through pieces of any size."""
    octets = b"".join(pack_entries(entries))
    pieces = [octets[i : i + cut] for i in range(0, len(octets), cut)]
    assert list(unpack_entries(pieces)) == entries


@given(ENTRIES.filter(bool), st.data())
def test_a_stream_that_ends_too_early_is_an_error(
    entries: list[Entry], data: st.DataObject
) -> None:
    """A lost tail is never taken for the end of the volume."""
    octets = b"".join(pack_entries(entries))
    end = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(ProtocolError):
        list(unpack_entries([octets[:end]]))


def test_other_bytes_are_an_error() -> None:
    """Neither a foreign stream nor a foreign record is taken."""
    for octets in (
        b"something else",
        zstandard.compress(b"\xff" * 8),
        zstandard.compress(b"\0\0\0\2ab"),
    ):
        with pytest.raises(ProtocolError):
            list(unpack_entries([octets]))
