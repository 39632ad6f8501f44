# SPDX-License-Identifier: Apache-2.0
"""Real mounts."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import pytest

from hostlift.errors import HostError
from hostlift.host.mounts import bind_mount, mount_table, mounted

pytestmark = pytest.mark.root


def points() -> list[str]:
    return [m.mount_point for m in mount_table()]


def test_a_failing_block_leaves_nothing_mounted(tmp_path: Path) -> None:
    """Both kinds of mount are gone although the block raised, and a file was open on one."""
    target, shown = tmp_path / "t", tmp_path / "s"
    target.mkdir()
    shown.mkdir()
    held: list[TextIO] = []

    def work() -> None:
        with mounted("tmpfs", target, kind="tmpfs", options=("nodev", "size=1m")):
            (target / "x").write_text("x")
            with bind_mount(target, shown):
                assert (shown / "x").read_text() == "x"
                assert {str(target), str(shown)} <= set(points())
                held.append((shown / "x").open())
                raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    held[0].close()
    assert not {str(target), str(shown)} & set(points())


def test_a_refusal_names_the_device(tmp_path: Path) -> None:
    """A device that is not there is one clear error."""
    with pytest.raises(HostError) as error, mounted("/dev/none", tmp_path, kind="ext4"):
        pass
    assert error.value.subject == "/dev/none"
