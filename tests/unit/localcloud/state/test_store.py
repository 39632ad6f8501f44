# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.errors import StateError
from hostlift.localcloud.state.records import Vpc
from hostlift.localcloud.state.store import FILE, Store


def _vpc(key: str, **more: str) -> Vpc:
    return Vpc(
        id=key,
        account="1",
        region="r",
        created=1.0,
        cidr="10.0.0.0/8",
        router="",
        route_table="",
        **more,
    )


def test_records_survive_closing_in_their_order(tmp_path: Path) -> None:
    """A changed record keeps its place."""
    store = Store(tmp_path)
    with store.change():
        for key in ("b", "a", "c"):
            store.vpcs.put(_vpc(key))
        store.vpcs.put(_vpc("b", name="new"))
        store.vpcs.drop("a")
    store.close()
    found = Store(tmp_path)
    assert [(v.id, v.name) for v in found.vpcs.all()] == [("b", "new"), ("c", "")]
    found.close()


def test_a_change_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    """In memory and on disk: added, changed and dropped records alike."""
    store = Store(tmp_path)
    with store.change():
        store.vpcs.put(_vpc("a"))
        store.vpcs.put(_vpc("b"))

    def interrupted() -> None:
        with store.change():
            store.vpcs.put(_vpc("c"))
            store.vpcs.drop("a")
            store.vpcs.put(_vpc("b", name="x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    before = [(v.id, v.name) for v in store.vpcs.all()]
    store.close()
    found = Store(tmp_path)
    assert before == [(v.id, v.name) for v in found.vpcs.all()] == [("a", ""), ("b", "")]
    found.close()


def test_an_onlooker_sees_what_is_committed(tmp_path: Path) -> None:
    """``cloud ls`` reads while the daemon writes."""
    store = Store(tmp_path)
    with store.change():
        store.vpcs.put(_vpc("a"))
    looking = Store(tmp_path, read_only=True)
    assert [v.id for v in looking.vpcs.all()] == ["a"]
    looking.close()
    store.close()


def test_a_file_that_is_no_account_is_named(tmp_path: Path) -> None:
    """One clear error with a way out."""
    (tmp_path / FILE).write_bytes(b"not a database at all, really" * 100)
    with pytest.raises(StateError) as refused:
        Store(tmp_path)
    assert FILE in refused.value.subject
    assert "reset" in refused.value.hint


def test_the_past_is_known_and_a_failed_change_is_no_part_of_it() -> None:
    """Creations, changes and deletions, each at its time."""
    now = [0.0]
    store = Store(None, now=lambda: now[0])
    for at, act in (
        (1.0, lambda: store.vpcs.put(_vpc("a"))),
        (2.0, lambda: store.vpcs.put(_vpc("a", name="new"))),
        (3.0, lambda: store.vpcs.drop("a")),
    ):
        now[0] = at
        with store.change():
            act()
    now[0] = 4.0

    def interrupted() -> None:
        with store.change():
            store.vpcs.put(_vpc("b"))
            store.vpcs.drop("b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    seen = [[(v.id, v.name) for v in store.vpcs.as_of(at)] for at in (0.5, 1.5, 2.5, 3.5, 4.5)]
    assert seen == [[], [("a", "")], [("a", "new")], [], []]
    now[0] = 2000.0
    with store.change():
        store.vpcs.put(_vpc("c"))
    assert len(store.vpcs._past) == 1
    store.close()
