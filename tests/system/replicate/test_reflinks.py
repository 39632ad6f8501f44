# SPDX-License-Identifier: Apache-2.0
"""Reflinks of the source are reflinks of the copy; what cannot be shared is copied whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.filesystems import file_system
from fakes.replication import Rig

from hostlift.replicate.fs import kernel
from hostlift.replicate.reread import reread
from hostlift.verify.compare import compare

pytestmark = pytest.mark.root

_FICLONE = 0x40049409
_SHARED = 0x2000
_MIB = 1 << 20


@pytest.fixture(params=["xfs", "btrfs"])
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Source and target of the same kind."""
    with (
        file_system(tmp_path, "source", request.param) as source,
        file_system(tmp_path, "target", request.param) as target,
    ):
        yield Rig(source, target, tmp_path / "state.db")


def _write(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(os.urandom(size))
        os.fsync(file.fileno())


def _clone(old: Path, new: Path) -> None:
    with old.open("rb") as first, new.open("wb") as second:
        fcntl.ioctl(second, _FICLONE, first.fileno())


def _shared(path: Path) -> int:
    """Bytes of a file whose blocks are shared."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
        return sum(e.length for e in kernel.extents(fd) if e.flags & _SHARED)
    finally:
        os.close(fd)


def _is_proved(it: Rig) -> None:
    with it.opened() as manifest:
        there = reread(it.target, drop_caches=False)
        _, differences = compare("v", "/", manifest.entries("v"), there)
    assert not differences


def _blocks_used(root: Path) -> int:
    fd = os.open(root, os.O_RDONLY)
    try:
        kernel.syncfs(fd)
    finally:
        os.close(fd)
    found = os.statvfs(root)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_ten_clones_take_the_room_of_one(it: Rig) -> None:
    before = _blocks_used(it.target)
    _write(it.source / "disk.img", 12 * _MIB)
    for number in range(9):
        _clone(it.source / "disk.img", it.source / f"clone-{number}")
    it.rest()
    it.run()
    assert _shared(it.target / "disk.img") == 12 * _MIB
    assert _shared(it.target / "clone-8") == 12 * _MIB
    assert _blocks_used(it.target) - before < 24 * _MIB
    _is_proved(it)


def test_of_a_clone_that_was_changed_the_rest_is_shared(it: Rig) -> None:
    _write(it.source / "disk.img", 12 * _MIB)
    _clone(it.source / "disk.img", it.source / "clone")
    with (it.source / "clone").open("r+b") as file:
        file.seek(5 * _MIB)
        file.write(os.urandom(_MIB))
        os.fsync(file.fileno())
    it.rest()
    it.run()
    assert _shared(it.target / "clone") >= 11 * _MIB
    _is_proved(it)


def test_a_clone_made_after_the_first_pass_shares_with_a_file_that_did_not_change(it: Rig) -> None:
    _write(it.source / "disk.img", 4 * _MIB)
    it.rest()
    it.run()
    assert _shared(it.target / "disk.img") == 0
    _clone(it.source / "disk.img", it.source / "backup")
    it.rest()
    it.run()
    assert _shared(it.target / "backup") == 4 * _MIB
    _is_proved(it)


def test_a_file_that_changes_before_it_is_shared_keeps_its_content(it: Rig) -> None:
    """The extents are those of a moment; the target's kernel compares."""
    _write(it.source / "a", _MIB)
    _clone(it.source / "a", it.source / "b")
    it.rest()
    it.run()
    with (it.source / "b").open("r+b") as file:
        file.write(os.urandom(_MIB))
    it.rest()
    it.run()
    assert _shared(it.target / "b") == 0
    _is_proved(it)


def test_an_immutable_clone_is_shared_before_it_is_pinned(it: Rig) -> None:
    _write(it.source / "a", _MIB)
    _clone(it.source / "a", it.source / "b")
    with (it.source / "b").open("rb") as file:
        kernel.set_flags(file.fileno(), kernel.get_flags(file.fileno()) | 0x10)
    try:
        it.rest()
        it.run()
        assert _shared(it.target / "b") == _MIB
        _is_proved(it)
    finally:
        for root in (it.source, it.target):
            with (root / "b").open("rb") as file:
                kernel.set_flags(file.fileno(), kernel.get_flags(file.fileno()) & ~0x10)
