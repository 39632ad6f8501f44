# SPDX-License-Identifier: Apache-2.0
"""Reading small files while they change: what is sent is what the name leads to, whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostlift.model.entry import Entry
from hostlift.replicate.fs.content import digest_of
from hostlift.replicate.sending.outcomes import Todo
from hostlift.replicate.sending.reader import Reader, Small
from hostlift.replicate.source import SourceVolume, TreeRoot


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    volume = SourceVolume("v", (TreeRoot(tmp_path),))
    made = Reader({1: volume}, {(1, 0): 4e9}, 2)
    yield made
    made.close()


def seen(path: Path) -> Todo:
    """A file as the scan sees it."""
    st = path.lstat()
    name = os.fsencode(path.name)
    return Todo(1, name, 1, 0, st.st_dev, st.st_ino, st.st_ctime_ns, st.st_size, 0, None, 0)


def agrees(small: Small | None, path: Path) -> bool:
    """Whether a reading is the file as it is now."""
    assert small is not None
    st, entry, data = path.stat(), Entry.unpack(small.entry), path.read_bytes()
    meta = entry.meta
    return (
        bytes(small.data) == data
        and entry.content == digest_of(data)
        and (entry.size, meta.mode, meta.mtime_ns)
        == (len(data), st.st_mode & 0o7777, st.st_mtime_ns)
        and small.st.st_ctime_ns == st.st_ctime_ns
        and not small.hot
    )


def rename_over(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(b"newer")
    new.rename(path)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "replaced": rename_over,
    "rewritten": lambda path: path.write_bytes(b"NEW"),
    "grown": grow,
    "emptied": lambda path: path.write_bytes(b""),
    "mode": lambda path: path.chmod(0o600),
    "holes": lambda path: os.truncate(path, 1 << 20),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("ahead", [True, False])
def test_a_file_is_read_as_it_is(
    reader: Reader, tmp_path: Path, change: str, *, ahead: bool
) -> None:
    """Changed since the scan, and also since it was opened."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    todo = seen(path)
    fd = reader.ahead(todo) if ahead else -1
    CHANGES[change](path)
    found = reader.small(todo, fd)
    if change == "holes":
        assert found is not None
        assert (found.ranges is not None, found.st.st_size) == (True, 1 << 20)
    else:
        assert agrees(found, path)


@pytest.mark.parametrize("ahead", [True, False])
def test_what_is_no_file_any_more_is_gone(reader: Reader, tmp_path: Path, *, ahead: bool) -> None:
    """Removed, or a directory, a pipe, a link by now."""
    path = tmp_path / "file"
    for make in (lambda: None, path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("/")):
        path.write_bytes(b"old")
        todo = seen(path)
        fd = reader.ahead(todo) if ahead else -1
        path.unlink()
        make()
        with pytest.raises(FileNotFoundError):
            reader.small(todo, fd)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def test_what_cannot_be_opened_ahead_is_told_when_it_is_its_turn(
    reader: Reader, tmp_path: Path
) -> None:
    """No descriptor is kept, and the error is that of the file itself."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    todo = seen(path)
    path.unlink()
    before = len(os.listdir("/proc/self/fd"))
    assert reader.ahead(todo) == -1
    with pytest.raises(FileNotFoundError):
        reader.small(todo, -1)
    assert len(os.listdir("/proc/self/fd")) - before <= 1  # the tree's root
