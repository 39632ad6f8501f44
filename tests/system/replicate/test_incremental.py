# SPDX-License-Identifier: Apache-2.0
"""Passes that do not walk, on real file systems with their real trackers."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.mutator import Mutator
from fakes.replication import Rig
from fakes.trees import look

from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted
from hostlift.replicate.changes.written import written_blocks

pytestmark = pytest.mark.root

MIB = 1 << 20
GIB = 1 << 30
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "ext3": ["mkfs.ext3", "-q", "-F", "-I", "128"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
KINDS = ("ext4", "xfs", "btrfs")
COMMANDS = SystemCommands()


@pytest.fixture
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A source of the kind asked for, and a target in memory."""
    image, source = tmp_path / "source.img", tmp_path / "source"
    with image.open("wb") as file:
        file.truncate(GIB)
    COMMANDS.run([*MAKE[request.param], str(image)], timeout=60)
    source.mkdir()
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        with (
            mounted(device, source, kind=request.param.replace("ext3", "ext4")),
            tempfile.TemporaryDirectory(dir="/dev/shm") as target,
        ):
            shutil.rmtree(source / "lost+found", ignore_errors=True)
            yield Rig(source, Path(target), tmp_path / "state.db")
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)


def same(rig: Rig) -> bool:
    """Flags apart: a target in memory has none."""
    return look(rig.source, flags=False) == look(rig.target, flags=False)


def until_settled(rig: Rig) -> None:
    """Passes until nothing is left that was too young to vouch for."""
    for _ in range(10):
        rig.rest()
        if rig.run().unsettled == 0:
            return
    raise AssertionError("never settles")


@pytest.mark.parametrize("it", KINDS, indirect=True)
def test_a_pass_looks_only_at_what_changed(it: Rig) -> None:
    """Of 3,000 files one changed: its directory, the root and itself are looked at."""
    for folder in range(30):
        (it.source / str(folder)).mkdir()
        for name in range(100):
            (it.source / str(folder) / str(name)).write_bytes(b"x")
    until_settled(it)
    assert it.run().looked_at == 1
    (it.source / "7" / "7").write_bytes(b"y")
    it.rest()
    report = it.run()
    assert report.looked_at == 3
    assert report.bytes_read == 1
    assert same(it)


@pytest.mark.parametrize("it", [*KINDS, "ext3"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_changes_before_or_during_passes_is_missed(it: Rig, seed: int) -> None:
    """A tree that changes in every way all the time; one quiet pass makes the target equal."""
    chance = random.Random(seed)
    mutator = Mutator(it.source, seed)
    for _ in range(60):
        mutator.one()
    for _ in range(5):
        with _changing(mutator, chance.randrange(5, 60)):
            it.run()
        for _ in range(chance.randrange(4)):
            mutator.one()
    it.rest()
    it.run()
    assert same(it)


@contextlib.contextmanager
def _changing(mutator: Mutator, changes: int) -> Iterator[None]:
    """Somebody works on the tree for the length of the block."""

    def work() -> None:
        for _ in range(changes):
            with contextlib.suppress(OSError):
                mutator.one()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)


@pytest.mark.parametrize("it", ["ext4"], indirect=True)
def test_a_large_directory_is_compared_by_name_not_by_looking_at_all_of_it(it: Rig) -> None:
    """One more file in a directory of many: what is there already is not looked at again."""
    many = it.source / "many"
    many.mkdir()
    for name in range(3000):
        os.mknod(many / f"{name:0200}")
    until_settled(it)
    (many / "new").write_bytes(b"new")
    (many / f"{17:0200}").unlink()
    it.rest()
    report = it.run()
    assert report.looked_at == 3
    assert report.deleted == 1
    assert same(it)


@pytest.mark.parametrize("it", ["ext4", "xfs"], indirect=True)
def test_of_a_large_file_only_what_was_written_is_read_again(it: Rig) -> None:
    """64 MiB, of which a few bytes change between passes, on traced disks.

    A trace that lost events says nothing for one pass, which then reads all of it.
    """
    read = []
    file = it.source / "large"
    file.write_bytes(random.Random(1).randbytes(64 * MIB))
    with written_blocks({it.source.stat().st_dev}, SystemClock()) as written:
        assert not written.refused
        it.options = replace(it.options, written=written)
        for number in range(4):
            until_settled(it)
            with file.open("r+b") as changing:
                changing.seek(number * 15 * MIB + 5000)
                changing.write(b"changed")
            it.rest()
            read.append(it.run(final=number == 3).bytes_read)
            assert same(it)
        assert sorted(read)[1] <= 3 * MIB
