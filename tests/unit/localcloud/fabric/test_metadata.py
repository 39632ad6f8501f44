# SPDX-License-Identifier: Apache-2.0
"""What the metadata service answers."""

from __future__ import annotations

import json

import pytest

from hostlift.localcloud.compute.base import Metadata
from hostlift.localcloud.fabric.metadata import answer

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
