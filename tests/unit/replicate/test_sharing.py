# SPDX-License-Identifier: Apache-2.0
"""Which range shares whose blocks."""

from __future__ import annotations

from hostlift.replicate.ops import Share
from hostlift.replicate.sending.sharing import matched
from hostlift.replicate.sending.staging import Piece


def _piece(place: int, key: bytes, start: int, length: int, *, whole: bool = False) -> Piece:
    return Piece(1, place, key, start, length, whole)


def test_each_further_user_of_blocks_shares_those_of_the_first() -> None:
    pieces = [_piece(100, name, 0, 50) for name in (b"a", b"b", b"d\0c")]
    assert list(matched(pieces)) == [Share(b"b", 0, b"a", 0, 50), Share(b"d/c", 0, b"a", 0, 50)]


def test_a_range_within_another_is_found_at_its_place() -> None:
    pieces = [_piece(100, b"a", 1000, 50), _piece(120, b"b", 0, 10)]
    assert list(matched(pieces)) == [Share(b"b", 0, b"a", 1020, 10)]


def test_what_reaches_further_becomes_the_donor_of_what_follows() -> None:
    pieces = [_piece(100, b"a", 0, 50), _piece(120, b"b", 0, 80), _piece(160, b"c", 0, 40)]
    assert list(matched(pieces)) == [Share(b"b", 0, b"a", 20, 30), Share(b"c", 0, b"b", 40, 40)]


def test_neighbours_share_nothing() -> None:
    assert not list(matched([_piece(100, b"a", 0, 50), _piece(150, b"b", 0, 50)]))


def test_compressed_blocks_are_shared_from_their_beginning_only() -> None:
    """Their place is that of the compressed bytes, their length is not."""
    first, other = _piece(100, b"a", 0, 128, whole=True), _piece(100, b"b", 0, 128, whole=True)
    inside = _piece(130, b"c", 0, 128, whole=True)
    assert list(matched([first, other, inside])) == [Share(b"b", 0, b"a", 0, 128)]
