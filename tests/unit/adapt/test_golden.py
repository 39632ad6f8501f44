# SPDX-License-Identifier: Apache-2.0
"""Every case under tests/golden: what an adaptation does to a tree, that twice is once, and undo.

A case is a folder ``<adaptation>/<case>`` with ``before/`` (the tree; links are links), ``after.diff``
(what the ledger says was done) and, where one is told anything, ``notes``. ``order.json`` holds the
arguments of `fakes.layouts.an_order`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import a_bench, an_order
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.catalogue import STEPS
from hostlift.model.adaptation import AdaptOrder, Edit

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(p.parent for p in GOLDEN.glob("*/*/before"))


def load(folder: Path) -> MemoryTree:
    """A tree as it lies in a folder."""
    files: dict[str, bytes | str | tuple[str, str]] = {}
    for here, folders, names in os.walk(folder):
        for name in (*names, *folders):
            path = Path(here, name)
            inside = "/" + str(path.relative_to(folder))
            if path.is_symlink():
                files[inside] = ("->", os.readlink(path))
            elif path.is_dir():
                files[inside + "/"] = b""
            elif name != ".keep":
                files[inside] = path.read_bytes()
    return MemoryTree(files)


def order_of(case: Path) -> AdaptOrder:
    """What the case wishes, else the usual order."""
    wishes = case / "order.json"
    return an_order(**json.loads(wishes.read_text())) if wishes.exists() else an_order()


def text_of(file: Path) -> str:
    """Content of a file; empty when there is none."""
    return file.read_text("utf-8", "surrogateescape") if file.exists() else ""


def shown(edits: tuple[Edit, ...]) -> str:
    """What the ledger says, one block per edit."""
    return "".join(f"{e.kind.value} {e.path}\n{e.diff}" for e in edits)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.parent.name}/{c.name}")
def test_the_adaptation_does_what_the_case_says_once_and_can_be_undone(
    case: Path, tmp_path: Path
) -> None:
    """The recorded edits equal ``after.diff``; a second time changes nothing; undo restores all."""
    step = next(s for s in STEPS if s.name == case.parent.name)
    order = order_of(case)
    tree = load(case / "before")
    before = tree.everything()
    bench = a_bench(tree, tmp_path, ScriptedCommands(), order)
    step.apply(bench, Editor(tree, bench.ledger, step.name))
    assert shown(bench.ledger.edits) == text_of(case / "after.diff")
    assert "".join(f"{note}\n" for note in bench.notes) == text_of(case / "notes")
    assert not list(step.check(bench))
    after, edits = tree.everything(), bench.ledger.edits
    again = a_bench(tree, tmp_path, ScriptedCommands(), order)
    step.apply(again, Editor(tree, again.ledger, step.name))
    assert tree.everything() == after
    assert again.ledger.edits == edits
    again.ledger.undo(tree)
    assert tree.everything() == before


def test_every_adaptation_has_a_description_and_a_golden_case() -> None:
    """A step without a case is not finished; the boot images are tested where they are built."""
    cases = {c.parent.name for c in CASES} | {"initramfs", "boot-code", "efi-loader"}
    for step in STEPS:
        assert step.description.endswith(".")
        assert step.name in cases
    assert len({s.name for s in STEPS}) == len(STEPS)
