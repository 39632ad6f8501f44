# SPDX-License-Identifier: Apache-2.0
"""The proxy setting as a way to the agent."""

from __future__ import annotations

import pytest

from hostlift.remote.tunnel import Tunnel


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("p.example:3128", Tunnel("p.example", 3128)),
        ("http://p.example:80/", Tunnel("p.example", 80)),
        ("http://me:a%40b%3Ac@192.0.2.9:3128", Tunnel("192.0.2.9", 3128, "me:a@b:c")),
        ("http://me@[2001:db8::1]:3128", Tunnel("2001:db8::1", 3128, "me")),
    ],
)
def test_every_form_of_the_setting_is_understood(setting: str, wanted: Tunnel) -> None:
    """Escaped characters of a login are themselves again."""
    assert Tunnel.of(setting) == wanted
