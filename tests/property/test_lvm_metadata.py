# SPDX-License-Identifier: Apache-2.0
"""LVM's metadata, whatever stands in it."""

from __future__ import annotations

import contextlib

from fakes.lvm import TIME, a_group, image_of, reader
from hypothesis import given
from hypothesis import strategies as st

from hostlift.host.lvm import ondisk, text
from hostlift.host.lvm.records import Group, Logical, Physical, Segment, derived_id

NAMES = st.from_regex(r"[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,20}", fullmatch=True)
SECTORS = st.integers(1, 1 << 40)


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """Any group of linear volumes."""
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    device = draw(st.text(alphabet='abc/"\\ é', max_size=12))
    physical = Physical(
        name="pv0", id=derived_id("p"), device=device, size=draw(SECTORS) * 512, extents=7
    )
    logical = tuple(
        Logical(
            name=name,
            id=derived_id(name),
            segments=(
                Segment(start=0, extents=draw(SECTORS), type="striped", stripes=(("pv0", n),)),
            ),
        )
        for n, name in enumerate(names)
    )
    return Group(
        name=draw(NAMES),
        id=derived_id("g"),
        extent_size=draw(SECTORS) * 512,
        physical=(physical,),
        logical=logical,
        seqno=draw(st.integers(1, 1 << 31)),
    )


@given(groups(), st.text(max_size=20))
def test_a_group_survives_its_text(group: Group, host: str) -> None:
    """Names that are words or numbers, quotes in what others wrote."""
    assert text.parse(text.render(group, host=host, time=TIME)) == group


@given(st.text(alphabet='{}[]="abc1 ,#\n\\', max_size=60))
def test_no_text_does_harm(words: str) -> None:
    """It is a group, or it is called malformed."""
    with contextlib.suppress(text.Malformed):
        text.parse(words)


@given(st.lists(st.tuples(st.integers(500, 6000), st.binary(min_size=1, max_size=8)), max_size=6))
def test_no_damage_does_harm(damage: list[tuple[int, bytes]]) -> None:
    """What is read is what was written, or it is called malformed."""
    disk = image_of(a_group())
    for at, data in damage:
        disk[at : at + len(data)] = data
    with contextlib.suppress(text.Malformed):
        found = ondisk.read(reader(disk))
        assert found is None or found.group in (None, a_group())
