# SPDX-License-Identifier: Apache-2.0
"""Files of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.host.files import atomic_write, remove_tree


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    """Content and mode are the new ones; no temporary file stays."""
    file = tmp_path / "state"
    atomic_write(file, b"one")
    atomic_write(file, b"two", mode=0o644)
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """The target being a folder is an error; nothing is left beside it."""
    (tmp_path / "state").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path / "state", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_remove_tree_takes_links_but_not_what_they_lead_to(tmp_path: Path) -> None:
    """A link to a folder beside the tree is removed, the folder stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("keep")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "f").write_text("x")
    (tree / "a" / "l").symlink_to(outside)
    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "f").read_text() == "keep"
    remove_tree(tree)
    remove_tree(tree / "x")


def test_remove_tree_of_a_link_removes_the_link(tmp_path: Path) -> None:
    """Also at the top."""
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("d")
    remove_tree(tmp_path / "l")
    assert [p.name for p in tmp_path.iterdir()] == ["d"]
