# SPDX-License-Identifier: Apache-2.0
"""A target that somebody else edited becomes a plain copy again with the next pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.replication import Rig, rig
from fakes.trees import look


@pytest.fixture
def it(tmp_path: Path) -> Rig:
    return rig(tmp_path)


def copied(it: Rig) -> None:
    """Passes until nothing is left that could have changed unseen."""
    for _ in range(100):
        if it.run().unsettled == 0:
            return
    raise AssertionError("never settles")


def test_edited_removed_linked_and_created_paths_are_as_at_the_source(it: Rig) -> None:
    """Whatever was done to them, and although nothing changed at the source."""
    (it.source / "etc/deep").mkdir(parents=True)
    for name in ("changed", "removed", "linked"):
        (it.source / "etc" / name).write_text(name)
    (it.source / "etc/one").write_text("one")
    os.link(it.source / "etc/one", it.source / "etc/two")
    copied(it)
    target = it.target
    (target / "etc/changed").write_text("other")
    (target / "etc/changed").chmod(0o777)
    (target / "etc/removed").unlink()
    (target / "etc/linked").unlink()
    (target / "etc/linked").symlink_to("/dev/null")
    (target / "etc/one").unlink()
    (target / "etc/one").write_text("a file of its own")
    (target / "new/folder").mkdir(parents=True)
    (target / "new/folder/file").write_text("made")
    suspects = ["etc", "etc/changed", "etc/removed", "etc/linked", "etc/one", "."]
    made = ["new", "new/folder", "new/folder/file"]
    with it.opened() as manifest:
        manifest.suspect("v", [path.encode() for path in suspects + made])
    it.run()
    assert look(target) == look(it.source)


def test_a_suspect_that_exists_nowhere_is_no_difference(it: Rig) -> None:
    """It was put back before; neither the pass nor the proof stumbles over it."""
    (it.source / "f").write_text("f")
    copied(it)
    with it.opened() as manifest:
        before = list(manifest.entries("v"))
        manifest.suspect("v", [b"none", b"none/below", b"f/below"])
        assert list(manifest.entries("v")) == before
    it.run()
    assert look(it.target) == look(it.source)
    with it.opened() as manifest:
        assert manifest.unsettled("v") == 0


def test_a_suspect_that_the_source_has_meanwhile_is_copied(it: Rig) -> None:
    """As whatever it is there: a folder in place of the file that was made."""
    (it.source / "f").write_text("f")
    copied(it)
    (it.target / "late").write_text("made by the adaptation")
    (it.source / "late").mkdir()
    (it.source / "late/inner").write_text("the source's own")
    with it.opened() as manifest:
        manifest.suspect("v", [b"late"])
    it.run()
    assert look(it.target) == look(it.source)
