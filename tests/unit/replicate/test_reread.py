# SPDX-License-Identifier: Apache-2.0
"""Reading a volume back: several threads read, one order comes out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blake3 import blake3

from hostlift.errors import VerifyError
from hostlift.model.entry import Entry, Kind
from hostlift.replicate.reread import _Files, reread
from hostlift.replicate.source import RESERVED, order_key


def entries(root: Path) -> list[Entry]:
    """What is found, without disturbing the caches of the machine."""
    return list(reread(root, drop_caches=False))


def open_descriptors() -> int:
    """How many this process has."""
    return len(os.listdir("/proc/self/fd"))


def wide_tree(root: Path, *, directories: int, files: int) -> None:
    """Directories between files, so that runs of files are cut by them."""
    for d in range(directories):
        folder = root / f"d{d:03}"
        (folder / "m-below").mkdir(parents=True)
        (folder / "m-below" / "x").write_bytes(b"below")
        for f in range(files):
            name = f"{'a' if f % 2 else 'z'}{f:03}"
            (folder / name).write_bytes(f"{d}.{f}".encode())
        (folder / "n-link").symlink_to("m-below")


def test_more_than_is_read_ahead_comes_out_in_order_and_whole(tmp_path: Path) -> None:
    """Far more runs than may wait; each file with its own content."""
    wide_tree(tmp_path, directories=40, files=45)
    found = entries(tmp_path)
    keys = [order_key(e.path) for e in found]
    assert keys == sorted(keys)
    there = {p.relative_to(tmp_path).as_posix().encode() for p in tmp_path.rglob("*")}
    assert {e.path for e in found} == there | {b"."}
    for entry in found:
        if entry.kind is Kind.FILE:
            data = (tmp_path / os.fsdecode(entry.path)).read_bytes()
            assert (entry.size, entry.content) == (len(data), blake3(data).digest())


def test_the_first_name_in_order_carries_an_inode_of_several_names(tmp_path: Path) -> None:
    """Whichever name a reader happens to open first."""
    (tmp_path / "a").mkdir()
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "made-first").write_bytes(b"same")
    os.link(tmp_path / "z" / "made-first", tmp_path / "a" / "name")
    os.link(tmp_path / "z" / "made-first", tmp_path / "middle")
    found = {e.path: e for e in entries(tmp_path)}
    assert found[b"a/name"].content == blake3(b"same").digest()
    assert found[b"a/name"].link_of == b""
    assert found[b"middle"].link_of == found[b"z/made-first"].link_of == b"a/name"


def test_the_folder_of_half_made_files_is_left_out_at_the_root_only(tmp_path: Path) -> None:
    """The same name further down is the user's."""
    name = os.fsdecode(RESERVED)
    (tmp_path / name).mkdir()
    (tmp_path / name / "half").touch()
    (tmp_path / "d" / name).mkdir(parents=True)
    assert [e.path for e in entries(tmp_path)] == [b".", b"d", b"d/" + RESERVED]


def test_who_stops_asking_gets_every_descriptor_back(tmp_path: Path) -> None:
    """Also those of runs that nobody has read yet."""
    wide_tree(tmp_path, directories=30, files=40)
    before = open_descriptors()
    found = reread(tmp_path, drop_caches=False)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert open_descriptors() == before


def test_what_cannot_be_read_back_is_an_error_about_its_path(tmp_path: Path) -> None:
    """A run's reader opens a name that has become a link since it was listed."""
    wide_tree(tmp_path, directories=1, files=40)
    gone = tmp_path / "d000" / "a001"
    gone.unlink()
    gone.symlink_to("nowhere")
    files = _Files(cold=True)
    folder = os.open(tmp_path / "d000", os.O_RDONLY)
    with pytest.raises(VerifyError) as caught:
        files.run(folder, b"d000/", [b"a001"])
    assert caught.value.subject == "d000/a001"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(folder)
