# SPDX-License-Identifier: Apache-2.0
"""What every `Tree` promises, run on the one in memory and on the real one, both its ways."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.tree import MemoryTree

from hostlift.host import beneath
from hostlift.host.tree import RootTree
from hostlift.ports.tree import Attributes, Tree


@pytest.fixture(params=["memory", "openat2", "walk"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    if request.param == "memory":
        return MemoryTree()
    if request.param == "walk":

        def refuse(*_: object) -> int:
            raise OSError(38, "no openat2 here")

        monkeypatch.setattr(beneath, "_openat2", refuse)
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "root").mkdir()
    return RootTree(tmp_path / "root")


def test_what_is_written_is_read(tree: Tree) -> None:
    """Content and mode of a new file, and of a replaced one."""
    tree.mkdir("/etc/a")
    tree.write("/etc/a/f", b"one", mode=0o640)
    assert tree.read("/etc/a/f") == b"one"
    tree.write("/etc/a/f", b"two\xff")
    assert tree.read("/etc/a/f") == b"two\xff"
    assert tree.stat("/etc/a/f").mode == 0o640
    assert tree.listdir("/etc/a") == ["f"]
    assert tree.listdir("/") == ["etc"]


def test_a_new_file_without_a_mode_is_readable_by_all(tree: Tree) -> None:
    """The usual mode of configuration."""
    tree.write("/f", b"")
    assert tree.stat("/f").mode == 0o644


def test_missing_objects_raise_file_not_found(tree: Tree) -> None:
    """Reading, looking at and listing what is not there; writing without a parent."""
    for act in (tree.read, tree.stat, tree.listdir, tree.readlink):
        with pytest.raises(FileNotFoundError):
            act("/none/f")
        with pytest.raises(FileNotFoundError):
            act("/none")
    with pytest.raises(FileNotFoundError):
        tree.write("/none/f", b"")
    tree.remove("/none/f")
    tree.remove("/none")
    assert not tree.exists("/none/f")


def test_absolute_links_stay_inside(tree: Tree) -> None:
    """An absolute target starts at the guest's root, for reading and for writing."""
    tree.mkdir("/usr/lib")
    tree.write("/usr/lib/os-release", b"ID=x")
    tree.mkdir("/etc")
    tree.symlink("/etc/os-release", "/usr/lib/os-release")
    assert tree.read("/etc/os-release") == b"ID=x"
    tree.write("/etc/os-release", b"ID=y")
    assert tree.read("/usr/lib/os-release") == b"ID=y"
    assert tree.readlink("/etc/os-release") == "/usr/lib/os-release"
    assert tree.stat("/etc/os-release").kind == "file"
    assert tree.stat("/etc/os-release", follow=False).kind == "link"


def test_links_above_the_root_end_at_the_root(tree: Tree) -> None:
    """However many ``..`` a link or a path has."""
    tree.write("/top", b"top")
    tree.symlink("/up", "../../../../../..")
    tree.symlink("/file", "../../outside")
    assert tree.read("/up/top") == b"top"
    assert tree.read("/../../up/../top") == b"top"
    assert tree.exists("/file")
    with pytest.raises(FileNotFoundError):
        tree.read("/file")
    tree.write("/file", b"inside")
    assert tree.read("/outside") == b"inside"


def test_dotdot_after_a_linked_folder_is_the_targets_parent(tree: Tree) -> None:
    """``..`` is not removed by text."""
    tree.mkdir("/a/b/c")
    tree.write("/a/b/f", b"right")
    tree.write("/f", b"wrong")
    tree.symlink("/c", "a/b/c")
    assert tree.read("/c/../f") == b"right"
    tree.symlink("/g", "c/../f")
    assert tree.read("/g") == b"right"


def test_relative_links_chain(tree: Tree) -> None:
    """A link to a link to a file, each relative to its own folder."""
    tree.mkdir("/a/b")
    tree.write("/a/f", b"f")
    tree.symlink("/a/b/l1", "../l2")
    tree.symlink("/a/l2", "f")
    assert tree.read("/a/b/l1") == b"f"


def test_loops_end(tree: Tree) -> None:
    """A link to itself is an error, and can be removed."""
    tree.symlink("/loop", "loop")
    with pytest.raises(OSError, match=r"(?i)too many"):
        tree.read("/loop")
    assert tree.exists("/loop")
    tree.remove("/loop")
    assert not tree.exists("/loop")


def test_dangling_links_exist_and_writing_creates_their_target(tree: Tree) -> None:
    """As open(O_CREAT) does."""
    tree.mkdir("/run")
    tree.symlink("/resolv.conf", "/run/resolv.conf")
    assert tree.exists("/resolv.conf")
    tree.write("/resolv.conf", b"x")
    assert tree.read("/run/resolv.conf") == b"x"


def test_symlink_replaces_files_and_links_but_not_folders(tree: Tree) -> None:
    """Masking a unit twice is harmless; a directory is never lost."""
    tree.write("/u", b"unit")
    tree.symlink("/u", "/dev/null")
    tree.symlink("/u", "/dev/zero")
    assert tree.readlink("/u") == "/dev/zero"
    tree.mkdir("/d")
    with pytest.raises(IsADirectoryError):
        tree.symlink("/d", "x")


def test_folders_are_not_files(tree: Tree) -> None:
    """Reading or writing a directory, entering a file, removing a full directory."""
    tree.mkdir("/d/e")
    tree.write("/f", b"")
    for path in ("/d", "/", "/d/.."):
        with pytest.raises(IsADirectoryError):
            tree.read(path)
        with pytest.raises(IsADirectoryError):
            tree.write(path, b"")
    with pytest.raises(NotADirectoryError):
        tree.read("/f/x")
    with pytest.raises(NotADirectoryError):
        tree.mkdir("/f/x")
    with pytest.raises(NotADirectoryError):
        tree.listdir("/f")
    assert not tree.exists("/f/x")
    with pytest.raises(OSError, match=r"(?i)not empty"):
        tree.remove("/d")
    tree.remove("/d/e")
    tree.remove("/d")
    assert not tree.exists("/d")


def test_mkdir_makes_parents_and_accepts_what_is_there(tree: Tree) -> None:
    """A second call changes nothing; links to directories count."""
    tree.mkdir("/a/b", 0o700)
    tree.mkdir("/a/b")
    assert tree.stat("/a/b").mode == 0o700
    tree.symlink("/l", "a")
    tree.mkdir("/l/c")
    assert tree.listdir("/a") == ["b", "c"]


def test_touch_sets_the_time_of_the_object_itself(tree: Tree) -> None:
    """To the nanosecond; of a link, not of its target."""
    tree.write("/f", b"")
    tree.symlink("/l", "f")
    tree.touch("/f", 1_500_000_000_123_456_789)
    tree.touch("/l", 1_400_000_000_000_000_001)
    assert tree.stat("/f").mtime_ns == 1_500_000_000_123_456_789
    assert tree.stat("/l", follow=False).mtime_ns == 1_400_000_000_000_000_001


def test_editing_does_not_change_the_times_of_the_folder(tree: Tree) -> None:
    """A recorded edit is the only difference between source and copy."""
    tree.mkdir("/etc")
    tree.write("/etc/f", b"")
    tree.touch("/etc", 1_500_000_000_000_000_000)
    tree.write("/etc/f", b"new")
    tree.write("/etc/g", b"new")
    tree.symlink("/etc/l", "g")
    tree.mkdir("/etc/d")
    tree.remove("/etc/g")
    assert tree.stat("/etc").mtime_ns == 1_500_000_000_000_000_000


def test_names_that_are_not_utf8_come_as_surrogates(tree: Tree) -> None:
    """And can be used again."""
    name = os.fsdecode(b"/caf\xe9")
    tree.write(name, b"x")
    assert tree.listdir("/") == [name[1:]]
    assert tree.read(name) == b"x"


def test_attributes_are_set_as_they_were_read(tree: Tree) -> None:
    """Mode, time and xattrs of a file, a folder and a link; unknown ones go."""
    tree.write("/f", b"x")
    tree.symlink("/l", "f")
    tree.mkdir("/d")
    wanted = Attributes(0o640, mtime_ns=1_500_000_000_123_456_789, xattrs=(("user.a", b"\0b"),))
    for path in ("/f", "/d"):
        before = tree.attributes(path)
        tree.set_attributes(path, wanted)
        assert tree.attributes(path) == wanted
        tree.set_attributes(path, before)
        assert tree.attributes(path) == before
    link = replace(tree.attributes("/l"), mtime_ns=5)
    tree.set_attributes("/l", link)
    assert tree.attributes("/l") == link
    assert tree.attributes("/f").mtime_ns != 5


def test_writing_gives_a_file_with_several_names_a_body_of_its_own(
    tree: Tree, tmp_path: Path
) -> None:
    """The other name keeps content and mode; the number of names tells beforehand."""
    tree.mkdir("/d")
    tree.write("/f", b"old", mode=0o640)
    if isinstance(tree, MemoryTree):
        tree.hardlink("/d/g", "/f")
    else:
        (tmp_path / "root/d/g").hardlink_to(tmp_path / "root/f")
    assert (tree.stat("/f").names, tree.stat("/d/g").names) == (2, 2)
    tree.write("/f", b"new")
    assert (tree.read("/f"), tree.stat("/f").mode, tree.stat("/f").names) == (b"new", 0o640, 1)
    assert (tree.read("/d/g"), tree.stat("/d/g").names) == (b"old", 1)
