# SPDX-License-Identifier: Apache-2.0
"""When a pass may trust its trackers, and what it does when it may not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.replication import Rig, rig
from fakes.trackers import Oracle
from fakes.trees import look

from hostlift.replicate.changes import Changed, Known, Untrackable
from hostlift.replicate.sending.rescan import Bounds, Rescan, TooMuch
from hostlift.replicate.sending.staging import staging
from hostlift.replicate.tracked import doubtful

FILES = 40


class Forgetful(Oracle):
    """Cannot make anything of its marks."""

    def changed(self, mark: bytes, known: Known) -> Changed:
        raise Untrackable("the file system was made anew")


@pytest.fixture
def it(tmp_path: Path) -> Rig:
    """A tree that was copied and has not changed."""
    made = rig(tmp_path)
    made.options = replace(made.options, tracker=Oracle)
    for folder in ("a", "b"):
        (made.source / folder).mkdir()
        for number in range(FILES // 2):
            (made.source / folder / f"{number}").write_bytes(b"x")
    for _ in range(10):
        made.rest()
        if made.run().unsettled == 0:
            return made
    raise AssertionError("never settles")


def test_a_tracked_pass_looks_at_the_root_only_when_nothing_changed(it: Rig) -> None:
    """What the other tests compare with."""
    assert it.run().looked_at == 1


def test_other_excludes_make_a_mark_worthless(it: Rig) -> None:
    """The tree is walked, what is left out now goes, and the next pass is tracked again."""
    it.excludes = ("/a/",)
    report = it.run()
    assert report.looked_at == 2 + FILES // 2
    assert not (it.target / "a").exists()
    it.rest()
    assert it.run().looked_at <= 2


def test_a_tracker_that_gives_up_is_replaced_by_a_walk(it: Rig) -> None:
    """Its reason is no error."""
    (it.source / "a" / "new").write_bytes(b"n")
    it.options = replace(it.options, tracker=Forgetful)
    it.rest()
    assert it.run().looked_at == 4 + FILES
    assert look(it.source) == look(it.target)


def test_a_file_system_that_lost_its_tracker_is_walked(it: Rig) -> None:
    """Another kernel, another privilege: marks are only good for who made them."""
    it.options = replace(it.options, tracker=lambda _root: None)
    assert it.run().looked_at == 3 + FILES
    it.options = replace(it.options, tracker=Oracle)
    assert it.run().looked_at == 3 + FILES


def test_too_many_changes_are_left_to_a_walk(it: Rig) -> None:
    """Nothing of the rescan is used."""
    inodes = [os.stat(it.source / "a" / f"{number}").st_ino for number in range(10)]
    with (
        it.opened() as manifest,
        staging(manifest) as scratch,
        Rescan(1, it.volume(), scratch, lambda: False, Bounds(names=9)) as rescan,
        pytest.raises(TooMuch),
    ):
        rescan.run([inodes])


def test_a_large_directory_is_compared_part_by_part(it: Rig) -> None:
    """Each name once, whichever part it falls into."""
    (it.source / "a" / "0").unlink()
    for number in range(5):
        (it.source / "a" / f"new{number}").write_bytes(b"n")
    directory = os.stat(it.source / "a").st_ino
    with it.opened() as manifest, staging(manifest) as scratch:
        bounds = Bounds(directory=os.stat(it.source / "a").st_size // 3)
        with Rescan(1, it.volume(), scratch, lambda: False, bounds) as rescan:
            rescan.run([[directory]])
        scratch.cover(1, whole=False)
        load = scratch.plan([])
        assert (load.objects, load.gone) == (5 + 2, 1)
        assert [gone.key for gone in scratch.gone()] == [b"a\x000"]
        assert len(doubtful(manifest, 1, 100)) == 5 + 2 + 1
