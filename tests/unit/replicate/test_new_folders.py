# SPDX-License-Identifier: Apache-2.0
"""Folders in which a first pass makes nothing but a further name, or nothing at all."""

from __future__ import annotations

import os
from pathlib import Path

from fakes.replication import rig
from fakes.trees import look


def test_a_folder_that_holds_nothing_but_a_link_is_made_for_it(tmp_path: Path) -> None:
    """The file itself is elsewhere: no file of its own makes the folder beforehand."""
    it = rig(tmp_path)
    for name in ("a", "b", "c/deep"):
        (it.source / name).mkdir(parents=True)
    (it.source / "a/first").write_bytes(b"linked")
    os.link(it.source / "a/first", it.source / "b/second")
    os.link(it.source / "a/first", it.source / "c/deep/third")
    assert it.run().findings == ()
    assert look(it.source) == look(it.target)


def test_empty_folders_below_empty_folders_are_made_by_any_number_of_streams(
    tmp_path: Path,
) -> None:
    """Whichever stream is first."""
    it = rig(tmp_path)
    for number in range(300):
        (it.source / f"n{number}" / "below" / "deeper").mkdir(parents=True)
    assert it.run(streams=4).findings == ()
    assert look(it.source) == look(it.target)
