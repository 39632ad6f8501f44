# SPDX-License-Identifier: Apache-2.0
"""Disk files and the image cache, with the real tools but without privileges or devices."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.localcloud.images import cache, diskfile

UUID = "11111111-2222-3333-4444-555555555555"
SIZE = 64


def run(*line: str) -> str:
    return SystemCommands().run(line, timeout=60).text


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk with one file system made from a tree with a hole and a hard link in it."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "one").write_text("two names")
    os.link(tree / "one", tree / "two")
    with (tree / "hole").open("wb") as file:
        file.truncate(16 << 20)
    disk = tmp_path / "disk.raw"
    slots = (diskfile.Slot(1, 48, bootable=True), diskfile.Slot(49, 0, kind="82"))
    diskfile.partition(disk, SIZE, slots, "0x12345678")
    diskfile.fill_ext4(disk, tree=tree, start_mib=1, size_mib=48, uuid=UUID, label="root")
    return disk


def test_the_partition_table_is_what_was_asked_for(disk: Path) -> None:
    """Signature, starts, sizes, kinds and the boot flag, as sfdisk reads them back."""
    table = json.loads(run("sfdisk", "--json", str(disk)))["partitiontable"]
    first, second = table["partitions"]
    assert (table["label"], table["id"]) == ("dos", "0x12345678")
    assert (first["start"], first["size"], first["type"], first["bootable"]) == (
        2048,
        98304,
        "83",
        True,
    )
    assert (second["start"], second["type"]) == (49 * 2048, "82")
    assert second["start"] + second["size"] == SIZE * 2048


def test_the_file_system_is_sound_and_holds_the_tree(disk: Path, tmp_path: Path) -> None:
    """e2fsck has no complaint; identity, hard link and hole are kept."""
    part = tmp_path / "part.raw"
    run(
        "dd",
        f"if={disk}",
        f"of={part}",
        "bs=1M",
        "skip=1",
        "count=48",
        "conv=sparse",
        "status=none",
    )
    run("e2fsck", "-fn", str(part))
    assert UUID in run("dumpe2fs", "-h", str(part))
    names = {n: run("debugfs", "-R", f"stat {n}", str(part)) for n in ("one", "two", "hole")}
    assert names["one"].split()[1] == names["two"].split()[1]
    assert "Links: 2" in names["one"]
    assert "Blockcount: 0" in names["hole"]


def test_grub_goes_where_the_firmware_looks_and_the_table_stays(disk: Path, tmp_path: Path) -> None:
    """Boot code before the table, the second stage right behind it, nothing else touched."""
    table = disk.read_bytes()[440:512]
    boot, core = tmp_path / "boot.img", tmp_path / "core.img"
    boot.write_bytes(b"\x11" * 512)
    core.write_bytes(b"\x22" * 4000)
    diskfile.embed_grub(disk, boot_image=boot, core_image=core)
    written = disk.read_bytes()[: 1 << 20]
    assert written[:0x5C] == b"\x11" * 0x5C
    assert int.from_bytes(written[0x5C:0x64], "little") == 1
    assert written[440:512] == table
    assert written[512 : 512 + 0x1F4] == b"\x22" * 0x1F4
    assert int.from_bytes(written[512 + 0x1F4 : 512 + 0x1FC], "little") == 2
    assert not any(written[512 + 4000 :])


def test_a_second_stage_that_does_not_fit_is_refused(disk: Path, tmp_path: Path) -> None:
    """It would overwrite the first partition."""
    boot, core = tmp_path / "boot.img", tmp_path / "core.img"
    boot.write_bytes(bytes(512))
    core.write_bytes(bytes(1 << 20))
    before = disk.read_bytes()
    with pytest.raises(ValueError, match="does not fit"):
        diskfile.embed_grub(disk, boot_image=boot, core_image=core)
    assert disk.read_bytes() == before


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty image cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hostlift" / "images"


def test_a_failed_build_leaves_nothing_and_the_next_one_starts_afresh(images: Path) -> None:
    """Also what a killed builder left is removed first."""
    images.mkdir(parents=True)
    (images / ".x-1.4711").mkdir()
    (images / ".x-1.4711" / "half").write_text("half")

    def fail(draft: Path) -> None:
        (draft / "half").write_text("half")
        raise HostError("disk full")

    with pytest.raises(HostError, match="disk full"):
        cache.build_once("x-1", fail)
    assert [p for p in images.iterdir() if p.is_dir()] == []
    place = cache.build_once("x-1", lambda draft: (draft / "whole").touch())
    assert [p.name for p in place.iterdir()] == ["whole"]


def test_two_builders_make_one_image(images: Path) -> None:
    """The second waits and gets the first one's."""
    made: list[str] = []
    entered, go_on = threading.Event(), threading.Event()

    def slow(draft: Path) -> None:
        entered.set()
        assert go_on.wait(30)
        (draft / "whole").touch()
        made.append("first")

    first = threading.Thread(target=cache.build_once, args=("x-1", slow))
    second = threading.Thread(
        target=cache.build_once, args=("x-1", lambda _draft: made.append("second"))
    )
    first.start()
    assert entered.wait(30)
    second.start()
    go_on.set()
    first.join(30)
    second.join(30)
    assert made == ["first"]
    assert (images / "x-1" / "whole").exists()


def test_a_cache_that_cannot_be_written_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is named, with a way out."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(HostError, match="cannot be written") as caught:
        cache.build_once("x-1", lambda _draft: None)
    assert "XDG_CACHE_HOME" in caught.value.hint
