# SPDX-License-Identifier: Apache-2.0
"""Every case under tests/golden: what an adaptation does to a tree, that twice is once, and undo.

A case is a folder ``<adaptation>/<case>`` with ``before/`` (the tree; links are links; a folder
``NAME.cpio`` is an archive ``NAME`` of what is in it, a folder ``NAME.uki`` a unified kernel image of
such an archive, ``cmdline`` and ``uname``), ``after.diff`` (what the ledger says was done; of an
initramfs what was appended) and, where one is told anything, ``notes``. ``order.json`` holds the
arguments of `fakes.layouts.an_order`.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import a_bench, an_order
from fakes.tree import MemoryTree
from fakes.unified import unified_image

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.catalogue import STEPS
from hostlift.formats import cpio, initramfs
from hostlift.formats.cpio import Member
from hostlift.model.adaptation import AdaptOrder, Edit

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(p.parent for p in GOLDEN.glob("*/*/before"))


def load(folder: Path) -> MemoryTree:
    """A tree as it lies in a folder."""
    files: dict[str, bytes | str | tuple[str, str]] = {}
    for here, folders, names in os.walk(folder):
        archives = [name for name in folders if name.endswith((".cpio", ".uki"))]
        folders[:] = [name for name in folders if name not in archives]
        for name in (*names, *folders, *archives):
            path = Path(here, name)
            inside = "/" + str(path.relative_to(folder))
            if name in archives:
                files[inside.removesuffix(path.suffix)] = PACKERS[path.suffix](path)
            elif path.is_symlink():
                files[inside] = ("->", os.readlink(path))
            elif path.is_dir():
                files[inside + "/"] = b""
            elif name != ".keep":
                files[inside] = path.read_bytes()
    return MemoryTree(files)


def packed(folder: Path) -> bytes:
    """An archive of what is in a folder; programs are what lies in folders of programs, and init."""
    members: list[Member] = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            members.append(Member(name, stat.S_IFLNK | 0o777, data=os.readlink(path).encode()))
        elif path.is_dir():
            members.append(Member(name, stat.S_IFDIR | 0o755))
        elif path.name != ".keep":
            program = path.parent.name in {"bin", "sbin"} or name == "init"
            mode = stat.S_IFREG | (0o755 if program else 0o644)
            members.append(Member(name, mode, data=path.read_bytes()))
    return cpio.write(members)


def unified(folder: Path) -> bytes:
    """A unified kernel image."""
    line = folder / "cmdline"
    return unified_image(
        release=(folder / "uname").read_text().strip(),
        line=line.read_text().strip() if line.exists() else None,
        initrd=packed(folder / "initrd.cpio"),
    )


PACKERS = {".cpio": packed, ".uki": unified}


def order_of(case: Path) -> AdaptOrder:
    """What the case wishes, else the usual order."""
    wishes = case / "order.json"
    return an_order(**json.loads(wishes.read_text())) if wishes.exists() else an_order()


def text_of(file: Path) -> str:
    """Content of a file; empty when there is none."""
    return file.read_text("utf-8", "surrogateescape") if file.exists() else ""


def shown(edits: tuple[Edit, ...], tree: MemoryTree, before: MemoryTree) -> str:
    """What the ledger says, one block per edit."""
    return "".join(
        f"{e.kind.value} {e.path}\n{e.diff or appended(tree, before, e.path)}" for e in edits
    )


def appended(tree: MemoryTree, before: MemoryTree, path: str) -> str:
    """What an initramfs holds more than before, as a listing; what is text in it, whole."""
    image = tree.read(path) if tree.exists(path) and tree.stat(path).kind == "file" else b""
    if not image.startswith(b"0707"):
        return ""
    old = len(initramfs.members(before.read(path)))
    lines: list[str] = []
    for member in initramfs.members(image, lambda _: True)[old:]:
        lines.append(f"+{member.mode:06o} {member.name}")
        text = member.data.decode("utf-8", "replace")
        if member.is_link:
            lines[-1] += f" -> {text}"
        elif "\0" not in text:
            lines += [f"+    {line}".rstrip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.parent.name}/{c.name}")
def test_the_adaptation_does_what_the_case_says_once_and_can_be_undone(
    case: Path, tmp_path: Path
) -> None:
    """The recorded edits equal ``after.diff``; a second time changes nothing; undo restores all."""
    step = next(s for s in STEPS if s.name == case.parent.name)
    order = order_of(case)
    tree, untouched = load(case / "before"), load(case / "before")
    before = tree.everything()
    bench = a_bench(tree, tmp_path, ScriptedCommands(), order)
    step.apply(bench, Editor(tree, bench.ledger, step.name))
    assert shown(bench.ledger.edits, tree, untouched) == text_of(case / "after.diff")
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
    """A step without a case is not finished."""
    cases = {c.parent.name for c in CASES}
    for step in STEPS:
        assert step.description.endswith(".")
        assert step.name in cases
    assert len({s.name for s in STEPS}) == len(STEPS)
