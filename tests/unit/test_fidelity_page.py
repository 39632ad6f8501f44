# SPDX-License-Identifier: Apache-2.0
"""docs/fidelity.md is about what the fixture makes; what other tools keep is theirs to change."""

from __future__ import annotations

from benchmarks.fidelity.copiers import COPIERS
from benchmarks.fidelity.items import ITEMS
from benchmarks.fidelity.page import COMMAND, PAGE, listed_items


def test_the_page_lists_the_items_of_the_fixture() -> None:
    """In its order, none more and none less; and it says how to make it."""
    text = PAGE.read_text()
    assert listed_items(text) == [item.name for item in ITEMS]
    assert COMMAND in text


def test_the_page_promises_what_the_tests_of_the_fixture_demand() -> None:
    """Our own column: everything."""
    rows = [row.split(" | ") for row in PAGE.read_text().splitlines() if row.startswith("| ")]
    (head,) = [row for row in rows if row[0] == "| item"]
    assert [c.strip(" |") for c in head[1:]] == [copier.name for copier in COPIERS]
    items = rows[rows.index(head) + 1 :]
    assert not [row[0] for row in items if row[1] != "yes"]
    assert not any("not installed" in cell for row in items for cell in row)
