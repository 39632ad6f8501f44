# SPDX-License-Identifier: Apache-2.0
"""Machine folders, process marks, qcow2 headers, the KVM probe's guest."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.localcloud.compute.files import replaced
from hostlift.localcloud.compute.kvm import boot_sector
from hostlift.localcloud.compute.machines import MachineFolder, machines_in
from hostlift.localcloud.compute.qcow import has_clusters, read_header
from hostlift.localcloud.linux.processes import Mark


def test_a_mark_is_alive_only_for_the_very_process() -> None:
    """Another start time or another boot is another process."""
    mine = Mark.of(os.getpid())
    assert mine.alive()
    assert not replace(mine, start=mine.start + 1).alive()
    assert not replace(mine, boot="another").alive()
    assert not Mark.of(2**22 + 5).alive()


def test_a_mark_survives_a_file_and_half_a_file_is_none(tmp_path: Path) -> None:
    """A daemon killed while it wrote leaves no machine that cannot be judged."""
    folder = MachineFolder(tmp_path / "i-1")
    folder.make()
    assert folder.mark() is None
    mine = Mark.of(os.getpid())
    folder.write_mark(mine)
    assert folder.mark() == mine
    folder.mark_file.write_text(mine.dump()[:12])
    assert folder.mark() is None


def test_the_console_is_the_end_of_its_log(tmp_path: Path) -> None:
    """Nothing before the first start; later a mebibyte, the newest."""
    folder = MachineFolder(tmp_path / "i-1")
    assert folder.console() == b""
    folder.make()
    os.close(folder.open_console())
    folder.console_file.write_bytes(b"old" + b"x" * (1 << 20))
    assert folder.console() == b"x" * (1 << 20)
    assert folder.console_file.stat().st_mode & 0o077 == 0
    assert machines_in(tmp_path) == ("i-1",)
    assert machines_in(tmp_path / "none") == ()


def qcow(path: Path, *, backing: str = "", entry: int = 0) -> Path:
    header = struct.pack(">4sIQIIQIIQ", b"QFI\xfb", 3, 512, len(backing), 16, 1 << 30, 0, 2, 1024)
    header = header if backing else header[:8] + bytes(12) + header[20:]
    body = header.ljust(512, b"\0") + backing.encode()
    path.write_bytes(body.ljust(1024, b"\0") + struct.pack(">2Q", 0, entry))
    return path


def test_a_layer_tells_its_base_and_whether_it_was_written(tmp_path: Path) -> None:
    """Read from the header, without a process."""
    fresh = qcow(tmp_path / "a", backing="/base")
    assert read_header(fresh).backing == "/base"
    assert read_header(fresh).size == 1 << 30
    assert not has_clusters(fresh)
    written = qcow(tmp_path / "b", entry=1 << 63 | 65536)
    assert read_header(written).backing == ""
    assert has_clusters(written)


@pytest.mark.parametrize("content", [b"", b"QFI", b"\0" * 4096])
def test_what_is_no_qcow2_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """One error with the file's name."""
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(HostError, match="x: not a qcow2 file"):
        read_header(tmp_path / "x")


def fail_half_way(file: Path) -> None:
    with replaced(file) as draft:
        draft.write_text("half")
        raise RuntimeError


def test_a_draft_replaces_only_when_the_block_ends_well(tmp_path: Path) -> None:
    """A failure keeps the old file and leaves no draft."""
    file = tmp_path / "f"
    file.write_text("old")
    with pytest.raises(RuntimeError):
        fail_half_way(file)
    assert file.read_text() == "old"
    with replaced(file) as draft:
        draft.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert file.read_text() == "new"


def test_the_probe_fits_into_a_boot_sector() -> None:
    """512 bytes with the signature the firmware looks for."""
    assert len(boot_sector()) == 512
    assert boot_sector()[-2:] == b"\x55\xaa"
