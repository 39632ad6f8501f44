# SPDX-License-Identifier: Apache-2.0
"""Trees made of links that want out: the real tree does what the model does, and stays inside."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.tree import MemoryTree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hostlift.host import beneath
from hostlift.host.tree import RootTree
from hostlift.ports.tree import Tree

NAMES = st.sampled_from(["a", "b", "c", "etc", "outside"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda p: "/" + "/".join(p))
TARGETS = st.tuples(
    st.sampled_from(["", "/", "../", "../../", "../../../../"]),
    st.lists(st.one_of(NAMES, st.just("..")), max_size=3).map("/".join),
).map(lambda t: "".join(t) or ".")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mkdir"), PATHS, st.just("")),
        st.tuples(st.just("write"), PATHS, st.sampled_from(["x", "y"])),
        st.tuples(st.just("symlink"), PATHS, TARGETS),
        st.tuples(st.just("remove"), PATHS, st.just("")),
        st.tuples(st.just("read"), PATHS, st.just("")),
        st.tuples(st.just("listdir"), PATHS, st.just("")),
    ),
    max_size=12,
)


def play(tree: Tree, steps: list[tuple[str, str, str]]) -> list[object]:
    verbs: dict[str, Callable[[str, str], object]] = {
        "mkdir": lambda p, _: tree.mkdir(p),
        "write": lambda p, d: tree.write(p, d.encode()),
        "symlink": tree.symlink,
        "remove": lambda p, _: tree.remove(p),
        "read": lambda p, _: tree.read(p),
        "listdir": lambda p, _: tree.listdir(p),
    }
    answers: list[object] = []
    for verb, path, argument in steps:
        try:
            answers.append(verbs[verb](path, argument))
        except OSError as error:
            answers.append(type(error))
    return answers


@pytest.mark.parametrize("way", ["openat2", "walk"])
@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
@example(steps=[("write", "/b", "x"), ("symlink", "/a", "b/.."), ("mkdir", "/a", "")])
def test_no_sequence_of_edits_leaves_the_root(way: str, steps: list[tuple[str, str, str]]) -> None:
    """Answers equal the model's, and what lies beside the root stays as it was."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if way == "walk":
            patch.setattr(beneath, "_openat2", _refuse)
        base = Path(folder)
        (base / "root").mkdir()
        (base / "outside").write_text("secret")
        (base / "etc").mkdir()
        assert play(RootTree(base / "root"), steps) == play(MemoryTree(), steps)
        assert sorted(p.name for p in base.iterdir()) == ["etc", "outside", "root"]
        assert (base / "outside").read_text() == "secret"
        assert not list((base / "etc").iterdir())


def _refuse(*_: object) -> int:
    raise OSError(38, "no openat2 here")
