# SPDX-License-Identifier: Apache-2.0
"""Old addresses and interface names, found as whole words."""

from __future__ import annotations

import pytest

from hostlift.model.machine import Interface
from hostlift.model.mentions import Mention, Needles, needles_of

CARD = Interface(name="ens3", addresses=("192.0.2.10/24", "2001:db8::10/64", "fe80::1/64"))
LOOPBACK = Interface(name="lo", addresses=("127.0.0.1/8",))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("listen 192.0.2.10:443;", ("192.0.2.10",)),
        ("allow 192.0.2.10/32;", ("192.0.2.10",)),
        ("end of a sentence 192.0.2.10.", ("192.0.2.10",)),
        ("192.0.2.100", ()),
        ("1192.0.2.10", ()),
        ("192.0.2.10.5", ()),
        ("bind [2001:db8::10]:80", ("2001:db8::10",)),
        ("2001:db8::101", ()),
        ("interface ens3", ("ens3",)),
        ("vlan ens3.20 on ens3:1", ("ens3",)),
        ("vens3 ens33 my-ens3", ()),
        ("-i ens3 -s 192.0.2.10", ("192.0.2.10", "ens3")),
        ("127.0.0.1 lo", ()),
    ],
)
def test_a_line_names_whole_addresses_and_names(line: str, names: tuple[str, ...]) -> None:
    """Longer addresses and names are others."""
    found = list(needles_of([CARD, LOOPBACK]).found_in("/etc/x", line))
    assert [m.names for m in found] == ([names] if names else [])


def test_a_mention_says_where() -> None:
    """File, line from one, the text without its indent and not without end."""
    text = "first\n\taddress 192.0.2.10\n" + "192.0.2.10 " * 100
    first, second = Needles(["192.0.2.10/24"], []).found_in("/etc/a", text)
    assert first == Mention(path="/etc/a", line=2, text="address 192.0.2.10", names=("192.0.2.10",))
    assert (second.line, len(second.text)) == (3, 200)
