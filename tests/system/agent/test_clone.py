# SPDX-License-Identifier: Apache-2.0
"""One disk onto another: complete, read back, and nothing written twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.loops import loop_disks

from hostlift.agent.clone import clone
from hostlift.errors import HostError

pytestmark = pytest.mark.root
MIB = 1 << 20


def quiet(_label: str, _done: int, _total: int, _unit: str) -> None:
    """Hears nothing."""


def disk(folder: Path, name: str, mib: int, content: bytes = b"") -> Path:
    path = folder / name
    with path.open("wb") as file:
        file.truncate(mib * MIB)
        file.write(content)
    return path


def test_every_byte_arrives_and_the_rest_of_a_larger_disk_is_left_alone(tmp_path: Path) -> None:
    """What was on the target before is overwritten, holes included."""
    source = disk(tmp_path, "source", 20, os.urandom(9 * MIB))
    target = disk(tmp_path, "target", 24, os.urandom(24 * MIB))
    end = target.read_bytes()[20 * MIB :]
    done = clone(str(source), str(target), quiet)
    assert target.read_bytes() == source.read_bytes() + end
    assert (done.bytes, done.written) == (20 * MIB, 20 * MIB)


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    """An interrupted cloning costs reading only."""
    source = disk(tmp_path, "source", 16, os.urandom(16 * MIB))
    target = disk(tmp_path, "target", 16, source.read_bytes()[: 12 * MIB])
    done = clone(str(source), str(target), quiet)
    assert done.written == 4 * MIB
    assert clone(str(source), str(target), quiet).written == 0
    assert target.read_bytes() == source.read_bytes()


def test_a_smaller_disk_is_refused_and_left_alone(tmp_path: Path) -> None:
    source = disk(tmp_path, "source", 8, b"new")
    target = disk(tmp_path, "target", 4, b"old")
    with pytest.raises(HostError, match="fewer than"):
        clone(str(source), str(target), quiet)
    assert target.read_bytes().startswith(b"old")


def test_a_mounted_disk_is_refused(tmp_path: Path) -> None:
    """Here: one that something else holds exclusively."""
    with loop_disks(tmp_path, {"new": 8 * MIB, "old": 8 * MIB}) as by_id:
        source, target = (str((by_id / f"virtio-{name}").resolve()) for name in ("new", "old"))
        Path(source).write_bytes(b"new")
        holder = os.open(target, os.O_RDONLY | os.O_EXCL)
        try:
            with pytest.raises(HostError, match="in use"):
                clone(source, target, quiet)
        finally:
            os.close(holder)
        assert not any(Path(target).read_bytes())
        assert clone(source, target, quiet).written == 4 * MIB
