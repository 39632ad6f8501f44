# SPDX-License-Identifier: Apache-2.0
"""Differences that are no damage: the target's file system said that it cannot hold them."""

from __future__ import annotations

from hostlift.model.receipt import Difference, Divergence
from hostlift.verify.compare import MOST_DIFFERENCES
from hostlift.verify.losses import Losses


def a_difference(
    path: str, kind: Divergence = Divergence.METADATA, volume: str = "v"
) -> Difference:
    return Difference(volume=volume, path=path, kind=kind)


def losses(*paths: bytes) -> Losses:
    found = Losses()
    found.add(("v", path) for path in paths)
    return found


def test_nothing_needs_no_explanation() -> None:
    """The usual copy."""
    found = Losses()
    assert found.explain(())
    assert found.accepted == ()


def test_what_a_pass_reported_is_accepted_and_kept() -> None:
    """Other metadata, or no object at all; also under a name that is not UTF-8."""
    found = losses(b"flags", b"wide-\xff")
    differences = (a_difference("flags"), a_difference(r"wide-\xff", Divergence.MISSING))
    assert found.explain(differences)
    assert found.accepted == differences


def test_anything_else_is_not_explained() -> None:
    """Another path, another volume, content, an extra object."""
    for other in (
        a_difference("other"),
        a_difference("flags", volume="w"),
        a_difference("flags", Divergence.CONTENT),
        a_difference("flags", Divergence.EXTRA),
    ):
        found = losses(b"flags")
        assert not found.explain((a_difference("flags"), other))
        assert found.accepted == ()


def test_a_full_list_may_hide_more_and_explains_nothing() -> None:
    """The comparison stops listing at some number."""
    names = [f"{n}" for n in range(MOST_DIFFERENCES)]
    found = losses(*(n.encode() for n in names))
    assert found.explain([a_difference(n) for n in names[1:]])
    assert not found.explain([a_difference(n) for n in names])
