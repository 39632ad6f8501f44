# SPDX-License-Identifier: Apache-2.0
"""A guest made to lead us out: whatever its links say, no adaptation writes beside its root."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from fakes.commands import ScriptedCommands
from fakes.layouts import a_bench, an_order
from hypothesis import given, settings
from hypothesis import strategies as st

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Step
from hostlift.adapt.linux.catalogue import STEPS
from hostlift.adapt.linux.run import undo
from hostlift.errors import HostliftError
from hostlift.host.tree import RootTree

GOLDEN = Path(__file__).parents[1] / "golden"
BY_NAME = {step.name: step for step in STEPS}
CASES = sorted(p for p in GOLDEN.glob("*/*/before") if p.parent.parent.name in BY_NAME)
OUTSIDE = ("../outside", "../../../../outside", "../../outside/file", "../../../outside/file")
ATTACKS = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from([*OUTSIDE, "ABSOLUTE", "ABSOLUTE/file"])),
    min_size=1,
    max_size=4,
)


def everything(folder: Path) -> dict[str, bytes | str]:
    """All there is below a folder, links as their targets."""
    found: dict[str, bytes | str] = {}
    for here, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(here, name)
            inside = str(path.relative_to(folder))
            if path.is_symlink():
                found[inside] = os.readlink(path)
            else:
                found[inside] = path.read_bytes() if path.is_file() else "folder"
    return found


def attack(root: Path, attacks: list[tuple[int, str]], outside: Path) -> None:
    """Some files and folders of the guest become links that want out."""
    for number, target in attacks:
        paths = sorted(p for p in root.rglob("*") if not p.is_symlink())
        if not paths:
            return
        victim = paths[number % len(paths)]
        if victim.is_dir():
            shutil.rmtree(victim)
        else:
            victim.unlink()
        victim.symlink_to(target.replace("ABSOLUTE", str(outside)))


def adapt(step: Step, root: Path, folder: Path) -> None:
    """One adaptation; that it cannot be made of such a guest is fine."""
    tree = RootTree(root)
    with contextlib.suppress(OSError, HostliftError):
        bench = a_bench(tree, folder, ScriptedCommands(), an_order(esp=True))
        step.apply(bench, Editor(tree, bench.ledger, step.name))


@settings(max_examples=300)
@given(case=st.sampled_from(CASES), attacks=ATTACKS)
def test_no_adaptation_writes_outside_of_a_hostile_guest(
    case: Path, attacks: list[tuple[int, str]]
) -> None:
    """Nor does undoing it; and after undoing, the guest is as hostile as it was."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        root, outside, ours = base / "guest/root", base / "outside", base / "ours"
        shutil.copytree(case, root, symlinks=True)
        for folder in (outside, base / "guest/outside"):
            folder.mkdir()
            (folder / "file").write_text("/dev/sda1 / ext4 defaults 0 1\n")
        ours.mkdir()
        attack(root, attacks, outside)
        before = everything(base)
        adapt(BY_NAME[case.parent.parent.name], root, ours)
        after = {
            k: v for k, v in everything(base).items() if not k.startswith(("guest/root", "ours"))
        }
        kept = {k: v for k, v in before.items() if not k.startswith(("guest/root", "ours"))}
        assert after == kept
        undo(ours / "ledger", RootTree(root))
        now = {k: v for k, v in everything(base).items() if not k.startswith("ours")}
        assert now == {k: v for k, v in before.items() if not k.startswith("ours")}
