# SPDX-License-Identifier: Apache-2.0
"""Finding the block device under a file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostlift.replicate.changes import Untrackable
from hostlift.replicate.changes.device import open_device

NOBODY = os.makedev(4000, 77)  # no driver has this number


def test_a_file_system_without_a_device_is_refused() -> None:
    """tmpfs, btrfs, network file systems have major number 0."""
    with pytest.raises(Untrackable, match="not on a block device"):
        open_device(os.makedev(0, 40))


@pytest.mark.parametrize("uevent", [None, "MAJOR=4000\n", "DEVNAME=gone\n", "DEVNAME=file\n"])
def test_a_name_that_leads_nowhere_is_not_believed(tmp_path: Path, uevent: str | None) -> None:
    """No entry, no name, no such node, or one that is something else; nothing stays behind."""
    sys, dev = tmp_path / "sys", tmp_path / "dev"
    entry = sys / "dev" / "block" / "4000:77"
    entry.mkdir(parents=True)
    dev.mkdir()
    (dev / "file").write_bytes(b"not a device")
    if uevent is not None:
        (entry / "uevent").write_text(uevent)
    with pytest.raises(Untrackable, match="4000:77 cannot be opened"):
        open_device(NOBODY, sys=sys, dev=dev)
    assert [p.name for p in dev.iterdir()] == ["file"]
