# SPDX-License-Identifier: Apache-2.0
"""Parts of the real tree and of tree removal that need root."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from hostlift.host.files import remove_tree
from hostlift.host.mounts import bind_mount
from hostlift.host.tree import RootTree

pytestmark = pytest.mark.root
GETFLAGS, SETFLAGS = 0x80086601, 0x40086602


def flags(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(fcntl.ioctl(file, GETFLAGS, bytes(8))[:4], "little")


def test_owner_xattrs_and_immutable_flag_survive_an_edit(tmp_path: Path) -> None:
    """The new file is like the old one in all but content."""
    file = tmp_path / "resolv.conf"
    file.write_text("old")
    os.chown(file, 12, 34)
    file.chmod(0o2640)
    os.setxattr(file, "user.note", b"kept")
    with file.open("rb") as opened:
        fcntl.ioctl(opened, SETFLAGS, (flags(file) | 0x10).to_bytes(8, "little"))
    try:
        RootTree(tmp_path).write("/resolv.conf", b"new")
        status = file.stat()
        assert file.read_text() == "new"
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12, 34, 0o2640)
        assert os.getxattr(file, "user.note") == b"kept"
        assert flags(file) & 0x10
    finally:
        RootTree(tmp_path).remove("/resolv.conf")
    assert not file.exists()


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """A guest cannot stop us with a pipe in place of a file."""
    os.mkfifo(tmp_path / "fstab")
    with pytest.raises(OSError, match="not a regular file"):
        RootTree(tmp_path).read("/fstab")


def test_remove_tree_stops_at_a_bind_mount(tmp_path: Path) -> None:
    """The same file system, mounted again below: its content stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("keep")
    (tmp_path / "tree" / "m").mkdir(parents=True)
    with bind_mount(outside, tmp_path / "tree" / "m"), pytest.raises(OSError, match="busy"):
        remove_tree(tmp_path / "tree")
    assert (outside / "f").read_text() == "keep"
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
