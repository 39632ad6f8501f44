# SPDX-License-Identifier: Apache-2.0
"""The ledger of edits comes home whole, and most of it need not travel."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.homecoming import bring_home
from hostlift.adapt.ledger import Ledger
from hostlift.errors import ProtocolError

FILES: dict[str, bytes | str | tuple[str, str]] = {
    "/etc/fstab": b"old\xff",
    "/etc/grub.cfg": b"menu",
    "/etc/empty": b"",
    "/etc/resolv.conf": ("->", "../run/resolv.conf"),
}


class Abroad:
    """A copy that was edited, and its ledger on another machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = MemoryTree(FILES)
        self.before = self.copy.everything()
        self.fetched: list[str] = []
        edit = Editor(self.copy, Ledger(folder), "test")
        edit.write("/etc/fstab", b"new", "why")
        edit.write("/etc/grub.cfg", b"another menu", "why")
        edit.write("/etc/empty", b"full", "why")
        edit.write("/etc/made", b"made", "why")
        edit.remove("/etc/resolv.conf", "why")

    def fetch(self, name: str) -> bytes:
        self.fetched.append(name)
        return (self.folder / name).read_bytes()


def test_a_ledger_at_home_takes_the_edits_back_byte_for_byte(tmp_path: Path) -> None:
    """Also when the source has changed since, and when its own machine is gone."""
    abroad, home = Abroad(tmp_path / "abroad"), tmp_path / "home"
    source = MemoryTree(FILES)
    source.write("/etc/grub.cfg", b"changed on the source since")
    bring_home(home, abroad.fetch, source)
    for file in abroad.folder.iterdir():
        file.unlink()
    Ledger(home).replay(abroad.copy)
    assert abroad.copy.everything() == abroad.before
    assert home.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.glob("*.new"))


def test_what_the_source_still_has_does_not_travel(tmp_path: Path) -> None:
    """An initramfs may have a hundred MiB; an empty file costs nothing either way."""
    abroad = Abroad(tmp_path / "abroad")
    bring_home(tmp_path / "home", abroad.fetch, MemoryTree(FILES))
    assert len(abroad.fetched) == 2
    assert abroad.fetched[0] == "ledger.json"
    abroad.fetched.clear()
    bring_home(tmp_path / "home", abroad.fetch, MemoryTree())
    assert len(abroad.fetched) == 5


def test_a_newer_ledger_takes_the_place_of_an_older_one_whole(tmp_path: Path) -> None:
    """No backup of the older one is left, and what an interrupted call left does no harm."""
    home = tmp_path / "home"
    abroad = Abroad(tmp_path / "abroad")
    bring_home(home, abroad.fetch, MemoryTree(FILES))
    (tmp_path / "home.new").mkdir()
    (tmp_path / "home.new/junk").write_text("left by a crash")
    Editor(abroad.copy, Ledger(abroad.folder), "test").write("/etc/grub.cfg", b"menu", "back")
    bring_home(home, abroad.fetch, MemoryTree(FILES))
    assert {p.name for p in home.iterdir()} == {p.name for p in abroad.folder.iterdir()}
    assert [e.path for e in Ledger(home).edits] == [e.path for e in Ledger(abroad.folder).edits]


def test_a_damaged_backup_is_refused_and_the_older_ledger_stays(tmp_path: Path) -> None:
    """Half a ledger would restore half a system."""
    home = tmp_path / "home"
    abroad = Abroad(tmp_path / "abroad")
    bring_home(home, abroad.fetch, MemoryTree(FILES))
    kept = {p.name: p.read_bytes() for p in home.iterdir()}
    for file in abroad.folder.glob("*.before"):
        file.write_bytes(b"damaged")
    with pytest.raises(ProtocolError, match="damaged"):
        bring_home(home, abroad.fetch, MemoryTree())
    assert {p.name: p.read_bytes() for p in home.iterdir()} == kept
