# SPDX-License-Identifier: Apache-2.0
"""The content digest: by the chunk, in memory, and over holes it is one and the same."""

from __future__ import annotations

import pytest
from blake3 import blake3

from hostlift.replicate.fs.content import CHUNK, ContentDigest, digest_of


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK])
def test_up_to_a_chunk_it_is_plain_blake3(size: int) -> None:
    """b3sum says the same."""
    data = bytes(range(256)) * (size // 256 + 1)
    assert digest_of(data[:size]) == blake3(data[:size]).digest()


@pytest.mark.parametrize("size", [0, 5, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_chunks_of_zeros_count_like_zeros(size: int) -> None:
    """Holes are never read, yet the digest is that of the zeros they stand for."""
    digest = ContentDigest(size)
    whole, rest = divmod(size, CHUNK)
    digest.add_zeros(whole)
    if rest:
        digest.add(blake3(bytes(rest)).digest())
    assert digest.digest() == digest_of(bytes(size))


def test_an_incomplete_digest_is_refused() -> None:
    """A forgotten chunk is a bug, not another digest."""
    digest = ContentDigest(2 * CHUNK)
    digest.add_zeros(1)
    with pytest.raises(ValueError, match="1 of 2"):
        digest.digest()
