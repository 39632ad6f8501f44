# SPDX-License-Identifier: Apache-2.0
"""Differences that the adaptation wrote down, and those that it did not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from blake3 import blake3

from hostlift.model.adaptation import Edit, EditKind
from hostlift.model.entry import Entry, Kind, Meta
from hostlift.model.receipt import VolumeReceipt
from hostlift.verify.recheck import Edits, Found, recheck

META = Meta(mode=0o644, uid=0, gid=0, mtime_ns=1)
BEFORE = VolumeReceipt(
    volume="v", mount_point="/boot", entries=0, bytes=0, source_root="", target_root=""
)


def digest(data: bytes) -> str:
    return blake3(data).hexdigest()


def a_file(path: bytes, data: bytes, **meta: object) -> Entry:
    return Entry(
        path=path,
        kind=Kind.FILE,
        meta=replace(META, **meta),  # type: ignore[arg-type]
        size=len(data),
        content=blake3(data).digest(),
    )


def a_folder(path: bytes, mtime: int = 1, mode: int = 0o755) -> Entry:
    return Entry(path=path, kind=Kind.DIRECTORY, meta=replace(META, mtime_ns=mtime, mode=mode))


def an_edit(path: str, kind: EditKind, after: bytes | None) -> Edit:
    said = "" if after is None else digest(after)
    return Edit(adaptation="fstab", kind=kind, path=path, why="a test", after=said)


def judged(here: list[Entry], there: list[Entry], *edits: Edit, files: bytes = b"") -> Found:
    """A recheck of the volume at /boot; every file that is read has the bytes ``files``."""
    known = Edits(edits, "/boot", lambda _path: digest(files))
    return recheck(BEFORE, here, there, known, most=10)


def a_link(path: bytes, first: bytes) -> Entry:
    return Entry(path=path, kind=Kind.FILE, meta=replace(META, mode=0, mtime_ns=0), link_of=first)


def test_other_names_of_an_edited_file_keep_what_it_was() -> None:
    """The tie is lost as the edit says; content that is not the old one is an open difference."""
    edit = an_edit("/boot/a", EditKind.CHANGED, b"new")
    here = [a_file(b"a", b"old"), a_link(b"b", b"a"), a_link(b"c", b"a")]
    edited = a_file(b"a", b"new")
    found = judged(here, [edited, a_file(b"b", b"old"), a_link(b"c", b"b")], edit, files=b"new")
    assert (found.equal, found.counts) == (True, {"recorded content": 3})
    found = judged(here, [edited, a_file(b"b", b"odd"), a_link(b"c", b"b")], edit, files=b"new")
    assert [d.path for d in found.open] == ["b"]
    found = judged(here, [edited, a_file(b"b", b"old"), a_link(b"c", b"x")], edit, files=b"new")
    assert [d.path for d in found.open] == ["c"]
    found = judged(here, [a_file(b"a", b"old"), a_file(b"b", b"old"), a_link(b"c", b"b")], edit)
    assert [d.path for d in found.open] == ["b", "c"]


def test_a_changed_file_is_recorded_when_it_is_what_the_edit_says() -> None:
    """The edit's absolute path is found in the volume that is mounted there."""
    edit = an_edit("/boot/grub.cfg", EditKind.CHANGED, b"new")
    here, there = [a_file(b"grub.cfg", b"old")], [a_file(b"grub.cfg", b"new")]
    found = judged(here, there, edit, files=b"new")
    assert (found.equal, found.counts) == (True, {"recorded content": 1})
    assert [d.path for d in found.recorded] == ["grub.cfg"]
    found = judged(here, there, edit, files=b"newer")
    assert (found.equal, found.counts) == (False, {"open content": 1})


def test_an_edited_file_that_gained_privileges_is_open() -> None:
    """Content alone does not explain a suid bit or a capability."""
    edit = an_edit("/boot/tool", EditKind.CHANGED, b"new")
    here = [a_file(b"tool", b"old")]
    for gained in ({"mode": 0o4755}, {"xattrs": ((b"security.capability", b"x"),)}):
        assert not judged(here, [a_file(b"tool", b"new", **gained)], edit, files=b"new").equal


@pytest.mark.parametrize("kind", [EditKind.CREATED, EditKind.LINKED])
def test_a_created_name_is_recorded_with_its_folder_s_time(kind: EditKind) -> None:
    """The directory that got the name has another time, and nothing else that is new."""
    link = Entry(path=b"d/new", kind=Kind.SYMLINK, meta=META, target=b"new")
    made = a_file(b"d/new", b"new") if kind is EditKind.CREATED else link
    edit = an_edit("/boot/d/new", kind, b"new")
    found = judged([a_folder(b"d")], [a_folder(b"d", mtime=9), made], edit, files=b"new")
    assert found.counts == {"recorded metadata": 1, "recorded extra": 1}
    found = judged([a_folder(b"d")], [a_folder(b"d", mode=0o777), made], edit, files=b"new")
    assert found.counts == {"open metadata": 1, "recorded extra": 1}


def test_a_created_folder_is_recorded() -> None:
    """Also one at the volume's root, whose own entry is the mount point."""
    edit = an_edit("/boot/efi", EditKind.CREATED, b"")
    found = judged([a_folder(b".")], [a_folder(b".", mtime=2), a_folder(b"efi")], edit)
    assert found.counts == {"recorded metadata": 1, "recorded extra": 1}


def test_a_removed_name_is_recorded_only_when_it_is_gone() -> None:
    """And a name that is gone without an edit that removed it is open."""
    edit = an_edit("/boot/old", EditKind.REMOVED, None)
    old = a_file(b"old", b"x")
    assert judged([old], [], edit).counts == {"recorded missing": 1}
    assert judged([old], [a_file(b"old", b"y")], edit).counts == {"open content": 1}
    changed = an_edit("/boot/old", EditKind.CHANGED, b"y")
    assert judged([old], [], changed).counts == {"open missing": 1}


def test_boot_code_explains_nothing() -> None:
    """It lies outside of every file, whatever its path says."""
    edit = an_edit("/boot/x", EditKind.BOOT_CODE, b"new")
    assert not judged([], [a_file(b"x", b"new")], edit, files=b"new").equal


def test_only_some_are_listed_but_all_are_counted() -> None:
    """Of each sort."""
    there = [a_file(b"%02d" % n, b"x") for n in range(30)]
    found = judged([], there)
    assert len(found.open) == 10
    assert found.counts == {"open extra": 30}
    assert found.receipt.target_root != found.receipt.source_root


def test_what_the_target_could_not_hold_is_recorded_as_it_was_found() -> None:
    """The same path with yet another difference is open."""
    here, there = [a_file(b"f", b"x", flags=0x40)], [a_file(b"f", b"x")]
    (known,) = judged(here, there).open
    edits = Edits((), "/boot", lambda _path: "")
    assert recheck(BEFORE, here, there, edits, known=[known], most=9).equal
    worse = [a_file(b"f", b"x", mode=0o777)]
    assert not recheck(BEFORE, here, worse, edits, known=[known], most=9).equal
