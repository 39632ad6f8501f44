# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hostlift.localcloud.addresses import (
    count_usable,
    gateway,
    is_usable,
    next_private,
    next_public,
    usable,
)


def test_the_first_and_the_last_three_addresses_are_reserved() -> None:
    """Of a /24: .0, .253, .254, .255."""
    found = list(usable("10.0.1.0/24"))
    assert (found[0], found[-1], len(found)) == (
        "10.0.1.1",
        "10.0.1.252",
        count_usable("10.0.1.0/24"),
    )
    assert gateway("10.0.1.0/24") == "10.0.1.253"
    assert [is_usable(f"10.0.1.{n}", "10.0.1.0/24") for n in (0, 1, 252, 253, 255)] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_the_lowest_free_address_is_taken_and_then_there_is_none() -> None:
    """A /29 has four."""
    taken: list[str] = []
    while address := next_private("10.0.0.0/29", taken):
        taken.append(address)
    assert taken == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]


def test_public_addresses_are_of_the_documentation_range() -> None:
    """From .10 on."""
    assert next_public(set()) == "203.0.113.10"
    assert next_public({"203.0.113.10"}) == "203.0.113.11"
    assert next_public({f"203.0.113.{n}" for n in range(256)}) == ""
