# SPDX-License-Identifier: Apache-2.0
"""The record of edits: what it merges, what it forgives, what it restores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.ledger import Ledger
from hostlift.errors import AdaptError, StateError
from hostlift.model.adaptation import EditKind
from hostlift.ports.tree import Attributes


class DyingTree(MemoryTree):
    """Dies when it is told to change something."""

    dying = False

    def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        if self.dying:
            raise KeyboardInterrupt
        super().write(path, data, mode=mode)


def test_all_kinds_of_edits_are_undone_with_modes_links_and_times(tmp_path: Path) -> None:
    """Changed, created with folders, removed, linked over a file, replaced link."""
    tree = MemoryTree(
        {"/a": b"a\xff", "/b": "b", "/c": "c", "/l": ("->", "a"), "/m": ("->", "none")}
    )
    tree.write("/a", b"a\xff", mode=0o600)
    tree.touch("/a", 123)
    before = tree.everything()
    edit = Editor(tree, Ledger(tmp_path), "test")
    edit.write("/a", b"new", "why", mode=0o644)
    edit.write("/new/folder/file", b"x", "why", mode=0o755)
    edit.remove("/b", "why")
    edit.link("/c", "/dev/null", "why")
    edit.link("/m", "other", "why")
    kinds = {e.path: e.kind for e in Ledger(tmp_path).edits}
    assert kinds == {
        "/a": EditKind.CHANGED,
        "/new": EditKind.CREATED,
        "/new/folder": EditKind.CREATED,
        "/new/folder/file": EditKind.CREATED,
        "/b": EditKind.REMOVED,
        "/c": EditKind.LINKED,
        "/m": EditKind.LINKED,
    }
    Ledger(tmp_path).undo(tree)
    assert tree.everything() == before
    assert tree.stat("/a").mtime_ns == 123
    assert Ledger(tmp_path).edits == ()
    assert not list(tmp_path.glob("*.before"))


def test_a_link_at_the_end_of_a_path_is_followed_and_the_real_place_recorded(
    tmp_path: Path,
) -> None:
    """A boot menu that is a link stays one."""
    tree = MemoryTree({"/boot/grub.cfg": "x", "/etc/grub.cfg": ("->", "../boot/grub.cfg")})
    ledger = Ledger(tmp_path)
    Editor(tree, ledger, "test").write("/etc/grub.cfg", b"y", "why")
    assert [e.path for e in ledger.edits] == ["/boot/grub.cfg"]
    assert tree.readlink("/etc/grub.cfg") == "../boot/grub.cfg"


def test_the_first_before_is_kept_over_several_edits(tmp_path: Path) -> None:
    """One record per path, from the first state to the last; both reasons are named."""
    tree = MemoryTree({"/f": "one\n"})
    Editor(tree, Ledger(tmp_path), "a").write("/f", b"two\n", "first")
    ledger = Ledger(tmp_path)
    Editor(tree, ledger, "b").write("/f", b"three\n", "second")
    (edit,) = ledger.edits
    assert (edit.adaptation, edit.why) == ("a, b", "first; second")
    assert "-one\n+three\n" in edit.diff
    assert (tmp_path / edit.backup).read_bytes() == b"one\n"


def test_an_edit_taken_back_is_no_edit(tmp_path: Path) -> None:
    """Its backup goes, too."""
    tree = MemoryTree({"/f": "one"})
    edit = Editor(tree, Ledger(tmp_path), "a")
    edit.write("/f", b"two", "")
    edit.write("/f", b"one", "")
    assert Ledger(tmp_path).edits == ()
    assert not list(tmp_path.glob("*.before"))


def test_a_file_replicated_anew_is_the_new_before(tmp_path: Path) -> None:
    """Undoing must not bring back a state older than the last pass."""
    tree = MemoryTree({"/f": "monday"})
    Editor(tree, Ledger(tmp_path), "a").write("/f", b"adapted", "")
    tree.write("/f", b"tuesday")
    ledger = Ledger(tmp_path)
    Editor(tree, ledger, "a").write("/f", b"adapted", "")
    ledger.undo(tree)
    assert tree.read("/f") == b"tuesday"


def test_an_edit_is_recorded_before_it_is_made(tmp_path: Path) -> None:
    """Killed in between, the record is there; repeating it completes, undoing restores."""
    tree = DyingTree({"/f": "one"})
    tree.dying = True
    with pytest.raises(KeyboardInterrupt):
        Editor(tree, Ledger(tmp_path), "a").write("/f", b"two", "why")
    tree.dying = False
    (edit,) = Ledger(tmp_path).edits
    assert edit.path == "/f"
    Editor(tree, Ledger(tmp_path), "a").write("/f", b"two", "why")
    assert tree.read("/f") == b"two"
    assert len(Ledger(tmp_path).edits) == 1
    Ledger(tmp_path).undo(tree)
    assert tree.read("/f") == b"one"


def test_what_a_tool_wrote_is_found_and_what_it_only_touched_is_not(tmp_path: Path) -> None:
    """Created, changed and removed below the watched folder; equal content gets its time back."""
    tree = MemoryTree({"/g/same": "s", "/g/d/changed": "c", "/g/gone": "g", "/other": "o"})
    tree.touch("/g/same", 5)
    tree.touch("/g", 6)
    before = tree.everything()
    ledger = Ledger(tmp_path)
    with ledger.watching(tree, ["/g", "/single"], adaptation="tool", why="ran"):
        tree.write("/g/same", b"s")
        tree.write("/g/d/changed", b"C")
        tree.remove("/g/gone")
        tree.write("/g/new", b"n")
        tree.mkdir("/g/made")
        tree.write("/g/made/f", b"f")
        tree.write("/single", b"1")
        tree.touch("/g", 99)
    assert {e.path: e.kind for e in ledger.edits} == {
        "/g/d/changed": EditKind.CHANGED,
        "/g/gone": EditKind.REMOVED,
        "/g/made": EditKind.CREATED,
        "/g/made/f": EditKind.CREATED,
        "/g/new": EditKind.CREATED,
        "/single": EditKind.CREATED,
    }
    assert (tree.stat("/g/same").mtime_ns, tree.stat("/g").mtime_ns) == (5, 6)
    ledger.undo(tree)
    assert tree.everything() == before


def test_a_tool_that_was_killed_with_us_is_accounted_for_later(tmp_path: Path) -> None:
    """The watch is on disk; the next ledger settles it."""
    tree = MemoryTree({"/g/f": "old"})
    watching = Ledger(tmp_path).watching(tree, ["/g"], adaptation="tool", why="ran")
    watching.__enter__()
    tree.write("/g/f", b"half")
    later = Ledger(tmp_path)
    later.undo(tree)
    assert tree.read("/g/f") == b"old"


def test_a_damaged_ledger_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Nothing is guessed."""
    (tmp_path / "ledger.json").write_text("{")
    with pytest.raises(StateError) as error:
        Ledger(tmp_path)
    assert "ledger.json" in error.value.subject


def test_what_was_put_back_is_remembered_by_its_real_name(tmp_path: Path) -> None:
    """Whoever copies on must know which paths were touched, also after an interrupted undo."""
    tree = DyingTree({"/usr/lib/a": "a", "/lib": ("->", "usr/lib"), "/up": ("->", "/lib/../lib")})
    edit = Editor(tree, Ledger(tmp_path), "test")
    edit.write("/lib/a", b"new", "why")
    edit.write("/up/made", b"x", "why")
    tree.dying = True
    with pytest.raises(KeyboardInterrupt):
        Ledger(tmp_path).undo(tree)
    tree.dying = False
    Ledger(tmp_path).undo(tree)
    assert Ledger(tmp_path).restored == ("/usr/lib/a", "/usr/lib/made")
    assert tree.read("/usr/lib/a") == b"a"
    assert not tree.exists("/usr/lib/made")
    Ledger(tmp_path).undo(tree)
    assert Ledger(tmp_path).restored == ("/usr/lib/a", "/usr/lib/made")


def test_owner_xattrs_and_flags_come_back_and_are_kept_by_an_edit(tmp_path: Path) -> None:
    """Of a changed file they stay; of a removed and of a linked one they are restored."""
    facts = Attributes(0o600, 5, 6, 7, 0x10, (("security.selinux", b"l"),))
    tree = MemoryTree({"/changed": "a", "/removed": "b", "/linked": "c"})
    for path in ("/changed", "/removed", "/linked"):
        tree.set_attributes(path, facts)
    before = tree.everything()
    edit = Editor(tree, Ledger(tmp_path), "test")
    edit.write("/changed", b"A", "why")
    edit.remove("/removed", "why")
    edit.link("/linked", "/dev/null", "why")
    assert replace(tree.attributes("/changed"), mtime_ns=7) == facts
    Ledger(tmp_path).undo(tree)
    assert tree.everything() == before


def test_protection_that_an_interrupted_edit_did_not_set_again_is_set_by_the_next(
    tmp_path: Path,
) -> None:
    """Killed between lifting and setting it: the same edit repeated mends it."""
    tree = MemoryTree({"/f": "one"})
    tree.set_attributes("/f", Attributes(0o644, flags=0x10))
    Editor(tree, Ledger(tmp_path), "test").write("/f", b"two", "why")
    tree.set_attributes("/f", Attributes(0o644))
    Editor(tree, Ledger(tmp_path), "test").write("/f", b"two", "why")
    assert tree.attributes("/f").flags == 0x10


def test_protection_can_be_taken_off_for_good(tmp_path: Path) -> None:
    """As an edit of its own, that is undone like the others."""
    tree = MemoryTree({"/f": "one"})
    tree.set_attributes("/f", Attributes(0o644, flags=0x10))
    edit = Editor(tree, Ledger(tmp_path), "test")
    edit.unprotect("/f", "why")
    edit.unprotect("/f", "why")
    assert tree.attributes("/f").flags == 0
    assert len(Ledger(tmp_path).edits) == 1
    Ledger(tmp_path).undo(tree)
    assert tree.attributes("/f").flags == 0x10


def test_a_label_is_an_edit_that_is_undone(tmp_path: Path) -> None:
    """Labelling a file that was edited before adds no second edit."""
    tree = MemoryTree({"/f": "one"})
    before = tree.everything()
    edit = Editor(tree, Ledger(tmp_path), "test")
    edit.write("/f", b"two", "why")
    edit.label("/f", "security.selinux", b"etc_t", "its label")
    assert [e.path for e in Ledger(tmp_path).edits] == ["/f"]
    Ledger(tmp_path).undo(tree)
    assert tree.everything() == before


def test_an_edit_leaves_the_other_names_of_a_file_alone_and_says_so(tmp_path: Path) -> None:
    """A hard link may be somebody's backup; that the tie is lost is noted, once."""
    tree = MemoryTree({"/etc/fstab": "old"})
    tree.mkdir("/root")
    tree.hardlink("/root/fstab.kept", "/etc/fstab")
    edit = Editor(tree, Ledger(tmp_path), "fstab")
    edit.write("/etc/fstab", b"new", "names of devices")
    edit.write("/etc/fstab", b"newer", "names of devices")
    assert tree.read("/root/fstab.kept") == b"old"
    (note,) = Ledger(tmp_path).notes
    assert note.startswith("/etc/fstab had more names (hard links)")
    Ledger(tmp_path).undo(tree)
    assert tree.read("/etc/fstab") == tree.read("/root/fstab.kept") == b"old"


ODD = "/etc/B\udcfcro"


def test_a_name_that_is_not_utf8_is_an_error_before_anything_changes(tmp_path: Path) -> None:
    """The record could not be written; the name is shown so that it can be found."""
    tree = MemoryTree({ODD: "x"})
    before = tree.everything()
    with pytest.raises(AdaptError) as error:
        Editor(tree, Ledger(tmp_path), "test").remove(ODD, "why")
    assert error.value.subject == "/etc/B\\udcfcro"
    assert tree.everything() == before
    assert Ledger(tmp_path).edits == ()


def test_files_with_odd_names_beside_those_of_a_tool_do_no_harm(tmp_path: Path) -> None:
    """What the tool changes is recorded all the same."""
    tree = MemoryTree({ODD: "x", "/etc/good": "old", "/etc/d\udcfc/": b""})
    ledger = Ledger(tmp_path)
    with ledger.watching(tree, ["/etc"], adaptation="test", why="why"):
        tree.write("/etc/good", b"new")
    assert [edit.path for edit in ledger.edits] == ["/etc/good"]
    ledger.undo(tree)
    assert tree.read("/etc/good") == b"old"


def test_a_note_may_quote_any_name(tmp_path: Path) -> None:
    """It is for a person, and kept as JSON."""
    tree, ledger = MemoryTree({"/a": "b"}), Ledger(tmp_path)
    ledger.note(f"{ODD} was left alone")
    ledger.note(f"{ODD} was left alone")
    Editor(tree, ledger, "test").remove("/a", "why")
    assert Ledger(tmp_path).notes == ("/etc/B\\udcfcro was left alone",)
