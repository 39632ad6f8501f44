# SPDX-License-Identifier: Apache-2.0
"""``hostlift adapt``: the record shown and played backwards by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hostlift.adapt.editor import Editor
from hostlift.adapt.ledger import Ledger
from hostlift.cli.main import app
from hostlift.host.tree import RootTree


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy with one edit, recorded in ``ledger`` beside it."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/fstab").write_text("old\n")
    ledger = Ledger(tmp_path / "ledger")
    ledger.note("look at the network")
    edit = Editor(RootTree(root), ledger, "fstab")
    edit.write("/etc/fstab", b"new\n", "names of devices")
    edit.link("/etc/l", "/dev/null", "an agent")
    return root


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["adapt", *map(str, words)])
    return done.exit_code, done.output


def test_the_edits_are_shown_with_reasons_and_differences(copy: Path) -> None:
    """And what a person was told; nothing changes."""
    status, text = run("--show", copy.parent / "ledger")
    assert status == 0
    assert "fstab: names of devices" in text
    assert "          -old\n          +new\n" in text
    assert text.endswith("note      look at the network\n2 edits\n")
    assert (copy / "etc/fstab").read_text() == "new\n"


def test_undo_restores_the_copy(copy: Path) -> None:
    """The paths are told; the record stays, for the next copy of the image."""
    ledger = copy.parent / "ledger"
    status, text = run("--undo", ledger, "--root", copy, "--yes", "--json")
    assert status == 0
    assert json.loads(text)["restored"] == ["/etc/fstab", "/etc/l"]
    assert (copy / "etc/fstab").read_text() == "old\n"
    assert not (copy / "etc/l").is_symlink()
    assert run("--show", ledger)[1].endswith("2 edits\n")
    assert run("--undo", ledger, "--root", copy, "--yes")[0] == 0
    assert (copy / "etc/fstab").read_text() == "old\n"


def test_what_was_changed_since_is_not_overwritten_unasked(copy: Path) -> None:
    """Nothing is taken back then; --force takes back all the same."""
    ledger = copy.parent / "ledger"
    (copy / "etc/fstab").write_text("mine\n")
    status, text = run("--undo", ledger, "--root", copy, "--yes")
    assert status == 2
    assert "/etc/fstab" in text
    assert "--force" in text
    assert (copy / "etc/l").is_symlink()
    assert run("--undo", ledger, "--root", copy, "--yes", "--force")[0] == 0
    assert (copy / "etc/fstab").read_text() == "old\n"


def test_undo_asks_first(copy: Path) -> None:
    """Without a terminal the answer is no, and nothing changes."""
    status, _ = run("--undo", copy.parent / "ledger", "--root", copy)
    assert status == 4
    assert (copy / "etc/fstab").read_text() == "new\n"


@pytest.mark.parametrize("words", [(), ("--undo",), ("--show", "--undo"), ("--undo", "--yes")])
def test_half_a_command_is_refused(copy: Path, words: tuple[str, ...]) -> None:
    """One of two verbs, and a root for undo."""
    given: list[object] = []
    for word in words:
        given += [word] if word == "--yes" else [word, copy.parent / "ledger"]
    assert run(*given)[0] == 2


def test_a_folder_without_a_record_and_a_root_without_a_system_are_named(
    copy: Path, tmp_path: Path
) -> None:
    """A mistyped path must not pass for an adaptation without edits."""
    status, text = run("--show", tmp_path / "none")
    assert status == 2
    assert "ledger.json" in text
    assert not (tmp_path / "none").exists()
    status, text = run("--undo", tmp_path / "ledger", "--root", tmp_path, "--yes")
    assert status == 2
    assert "etc/" in text
