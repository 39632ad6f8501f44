# SPDX-License-Identifier: Apache-2.0
"""Whatever the cloud answers, reading it does not crash; whatever is asked, tokens tell it apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import amount, number, rows, text, texts
from hostlift.clouds.alibaba.records import CallerIdentity, ImageRow, InstanceRow, Malformed, Offer
from hostlift.clouds.alibaba.requests.base import client_token

NAMES = st.sampled_from(
    ["InstanceId", "PublicIpAddress", "IpAddress", "AvailableZones", "AvailableZone", "ZoneId",
     "AvailableResources", "AvailableResource", "Status", "ImageId", "Progress", "AccountId"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_any_json_can_be_read(data: dict[str, object]) -> None:
    """A wrong shape reads as nothing."""
    for key in [*data, "missing"]:
        assert isinstance(text(data, key, "IpAddress"), str)
        assert isinstance(number(data, key), int)
        assert isinstance(amount(data, key), float)
        assert all(isinstance(t, str) and t for t in texts(data, key))
        assert all(hasattr(row, "get") for row in rows(data, key))


@settings(max_examples=60)
@given(st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_any_answer_is_a_record_or_malformed(data: dict[str, object]) -> None:
    """Nothing else is ever raised."""
    for read in (
        CallerIdentity.from_json,
        InstanceRow.from_json,
        ImageRow.from_json,
        Offer.all_from,
    ):
        try:
            read(data)
        except Malformed as error:
            assert "lacks" in str(error)  # noqa: PT017 - either outcome is right


@settings(max_examples=60)
@given(st.text(max_size=20), st.text(max_size=20))
def test_client_tokens_are_short_and_tell_calls_apart(one: str, other: str) -> None:
    """64 ASCII characters whatever the journal's token is."""
    token = client_token(one, Action.CREATE_VPC)
    assert len(token) == 64
    assert token.isascii()
    assert (token == client_token(other, Action.CREATE_VPC)) is (one == other)
    assert token != client_token(one, Action.CREATE_IMAGE)
