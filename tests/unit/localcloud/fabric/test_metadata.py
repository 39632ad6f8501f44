# SPDX-License-Identifier: Apache-2.0
"""What the metadata service answers."""

from __future__ import annotations

import json

import pytest

from hostlift.localcloud.compute.base import Metadata
from hostlift.localcloud.fabric.metadata import Tokens, answer, read_seconds

GUEST = Metadata(
    items={
        "instance-id": "i-1",
        "region-id": "cn-hangzhou",
        "mac": "00:16:3e:00:00:01",
        "network/interfaces/macs/00:16:3e:00:00:01/vpc-id": "vpc-1",
        "network-type": "vpc",
    },
    user_data=b"\x1f\x8bbinary",
)


def body(path: str, guest: Metadata = GUEST) -> bytes | None:
    found = answer(guest, path)
    return found.body if found else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/latest/meta-data/instance-id", b"i-1"),
        ("/2016-01-01/meta-data/instance-id", b"i-1"),
        ("/latest/meta-data/", b"instance-id\nmac\nnetwork-type\nnetwork/\nregion-id"),
        ("/latest/meta-data", b"instance-id\nmac\nnetwork-type\nnetwork/\nregion-id"),
        ("/latest/meta-data/network/interfaces/macs/", b"00:16:3e:00:00:01/"),
        ("/latest/meta-data/network/interfaces/macs/00:16:3e:00:00:01/vpc-id", b"vpc-1"),
        ("/latest/user-data", b"\x1f\x8bbinary"),
        ("/latest/", b"dynamic/\nmeta-data/\nuser-data"),
        ("/latest/dynamic/instance-identity/", b"document"),
        ("/latest/meta-data/net", None),
        ("/latest/meta-data/nothing", None),
        ("/latest/dynamic/nothing", None),
        ("/newest/meta-data/instance-id", None),
        ("/../etc/passwd", None),
    ],
)
def test_paths_answer_items_listings_or_nothing(path: str, expected: bytes | None) -> None:
    """Items as they are, directories as listings with a slash, all else not found."""
    assert body(path) == expected


def test_without_user_data_there_is_none() -> None:
    """Not found, and not in the listing."""
    bare = Metadata(items={}, user_data=b"")
    assert body("/latest/user-data", bare) is None
    assert body("/latest", bare) == b"dynamic/\nmeta-data/"


def test_the_identity_document_shows_the_items() -> None:
    """As JSON, without what is unknown."""
    document = json.loads(body("/latest/dynamic/instance-identity/document") or b"")
    assert document == {
        "instance-id": "i-1",
        "region-id": "cn-hangzhou",
        "mac": "00:16:3e:00:00:01",
    }


class _Now:
    """Seconds under the test's control."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_token_is_one_guests_for_as_long_as_it_asked_for() -> None:
    """Not another's, not an invented one, not afterwards."""
    now = _Now()
    tokens = Tokens(now)
    token = tokens.issue("10.0.0.1", 60)
    now.time = 59.0
    assert tokens.is_good("10.0.0.1", token)
    assert not tokens.is_good("10.0.0.2", token)
    assert not tokens.is_good("10.0.0.1", token + "x")
    now.time = 60.0
    assert not tokens.is_good("10.0.0.1", token)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1), ("21600", 21600), ("0", None), ("21601", None), ("", None), ("-5", None), (None, None), ("٣", None)],
)  # fmt: skip
def test_the_life_of_a_token_has_limits(text: str | None, seconds: int | None) -> None:
    """1 to 21600 seconds; anything else is no wish."""
    assert read_seconds(text) == seconds
