# SPDX-License-Identifier: Apache-2.0
"""No space left, on either side: one clear error, nothing lost, an exact continuation."""

from __future__ import annotations

import os
import random
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import HastyClock
from fakes.replication import CutLink, Rig, rig
from fakes.trees import allocated, look

from hostlift.errors import ReplicationError, StateError
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount, mounted

pytestmark = pytest.mark.root

MIB = 1 << 20
WINDOW = 4 * MIB
IN_FLIGHT = WINDOW + 9 * MIB // 2
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
COMMANDS = SystemCommands()
RANDOM = random.Random(3)


class Counting(CutLink):
    """Adds what is sent to a list."""

    def __init__(self, sock: socket.socket, counts: list[int]) -> None:
        super().__init__(sock, 1 << 60)
        self.counts = counts

    def send(self, data: memoryview) -> int:
        done = super().send(data)
        self.counts.append(done)
        return done


class Full(Rig):
    """A rig whose target is an ext4 of 160 MiB."""

    sent: list[int]

    def leave(self, room: int) -> None:
        """Fill the target but for ``room`` bytes."""
        ballast = self.target / "ballast"
        ballast.unlink(missing_ok=True)
        os.sync()
        free = os.statvfs(self.target)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - room)

    def make_room(self) -> None:
        (self.target / "ballast").unlink()

    def large(self, name: str, size: int) -> Path:
        path = self.source / name
        path.write_bytes(RANDOM.randbytes(size))
        return path


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Full]:
    image, target, source = tmp_path / "image", tmp_path / "target", tmp_path / "source"
    target.mkdir()
    source.mkdir()
    with image.open("wb") as file:
        file.truncate(160 * MIB)
    COMMANDS.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], timeout=60)
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        with mounted(device, target, kind="ext4"):
            made = Full(source, target, tmp_path / "state.db", clock=HastyClock())
            made.options = replace(made.options, streams=1, level=0, window=WINDOW)
            made.sent = []
            made.wrap = lambda sock: Counting(sock, made.sent)
            yield made
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)


def change(path: Path, chunks: range) -> int:
    with path.open("r+b") as file:
        for index in chunks:
            file.seek(index * MIB)
            file.write(RANDOM.randbytes(MIB))
    return len(chunks) * MIB


def test_a_target_that_is_full_names_itself_and_is_continued(it: Full) -> None:
    """Large files and small ones; after room was made nothing acknowledged is sent again."""
    for index in range(3):
        it.large(f"large{index}", 12 * MIB)
    for index in range(200):
        (it.source / f"small{index}").write_bytes(RANDOM.randbytes(20_000))
    it.rest()
    it.leave(20 * MIB)
    with pytest.raises(ReplicationError, match="full") as caught:
        it.run()
    assert caught.value.subject == "v"
    assert "Make the target disk larger" in caught.value.hint
    it.make_room()
    it.run()
    assert look(it.source) == look(it.target)
    assert sum(it.sent) <= 40 * MIB + 100_000 + IN_FLIGHT


def test_without_room_for_a_journal_a_file_is_changed_in_place(it: Full) -> None:
    """It says so, once, and the copy is complete."""
    path = it.large("large", 60 * MIB)
    it.rest()
    it.run()
    change(path, range(0, 60, 2))
    it.rest()
    it.leave(12 * MIB)
    report = it.run()
    assert [(f.path, "no room" in f.reason) for f in report.findings] == [(b"large", True)]
    it.make_room()
    assert report.unsettled == 0
    assert (it.target / "large").read_bytes() == path.read_bytes()


def test_filling_holes_leaves_room_for_what_the_journal_says(it: Full) -> None:
    """A journal that took all the room could never be carried out."""
    path = it.source / "large"
    path.write_bytes(b"x")
    os.truncate(path, 60 * MIB)
    it.rest()
    it.run()
    change(path, range(0, 60, 2))
    it.rest()
    it.leave(40 * MIB)
    it.run()
    it.make_room()
    assert (it.target / "large").read_bytes() == path.read_bytes()
    assert allocated(it.target / "large") <= 32 * MIB


def test_a_full_state_folder_is_one_clear_error() -> None:
    """Wherever in the pass the manifest cannot grow: the folder is named; with room it goes on."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        where = Path(folder) / "state"
        where.mkdir()
        it = rig(Path(folder), clock=HastyClock())
        it.database = where / "state.db"
        for index in range(3000):
            (it.source / f"{index:050}").write_bytes(b"%d" % index)
        it.rest()
        room, errors = 100, []
        with mounted("tmpfs", where, kind="tmpfs", options=(f"size={room}k",)):
            while (error := state_error(it)) is not None:
                errors.append(error)
                room += 200
                mount("tmpfs", where, kind="tmpfs", options=("remount", f"size={room}k"))
            it.restart_receiver()
        assert look(it.source) == look(it.target)
    assert len(errors) > 3
    for error in errors:
        assert error.subject.startswith(str(where))
        assert "full" in error.message
        assert "free space" in error.hint


def state_error(it: Rig) -> StateError | None:
    """What a pass says, if anything."""
    try:
        it.run()
    except StateError as error:
        return error
    return None
