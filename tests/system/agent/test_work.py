# SPDX-License-Identifier: Apache-2.0
"""Orders on a real disk: prepared, written to by a stream, read back, sealed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.loops import loop_disks

from hostlift.adapt.editor import Editor
from hostlift.adapt.ledger import Ledger
from hostlift.agent.targets import Targets
from hostlift.agent.work import Workshop
from hostlift.errors import HostError, ProtocolError
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount_table, unmount
from hostlift.host.tree import RootTree
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetDisk, TargetPartition, Volume
from hostlift.remote.entries import unpack_entries
from hostlift.remote.messages import (
    JobKind,
    JobOrder,
    Prepared,
    PrepareOrder,
    Reread,
    RereadOrder,
    Restored,
    RestoreOrder,
    Sealed,
    SealOrder,
)
from hostlift.replicate import protocol
from hostlift.replicate.wire import Wire

pytestmark = pytest.mark.root
MIB = 1 << 20
SERIAL = "d-work"
VOLUME = "disk0p1"
PREPARE = JobOrder(
    kind=JobKind.PREPARE,
    prepare=PrepareOrder(
        disks=(
            TargetDisk(
                index=0,
                size_gib=1,
                table=TableKind.MBR,
                table_id="0xfeedbeef",
                partitions=(
                    TargetPartition(
                        number=1,
                        start=MIB,
                        size=64 * MIB,
                        type="83",
                        content=Content.FILES,
                        file_system="ext4",
                        fs_uuid="bbbbbbbb-0000-4000-8000-000000000001",
                        mount_point="/",
                    ),
                ),
            ),
        ),
        volumes=(
            Volume(id=VOLUME, disk=0, partition=1, mount_point="/", file_system="ext4", trees=()),
        ),
        serials={0: SERIAL},
    ),
)
RESTORE = JobOrder(kind=JobKind.RESTORE, restore=RestoreOrder(nonce="1"))
SEAL = JobOrder(kind=JobKind.SEAL, seal=SealOrder(nonce="1"))


def silent(_label: str, _done: int, _total: int, _unit: str) -> None:
    pass


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    commands = SystemCommands()
    with loop_disks(tmp_path / "disks", {SERIAL: 128 * MIB}) as by_id:
        targets = Targets(tmp_path, commands, by_id=by_id, mount_root=tmp_path / "mnt")
        try:
            yield Workshop(
                tmp_path, "m", targets=targets, commands=commands, end_streams=lambda: None
            )
        finally:
            for mount in reversed(mount_table()):
                if Path(mount.mount_point).is_relative_to(tmp_path):
                    unmount(Path(mount.mount_point))


def _prepared(workshop: Workshop) -> str:
    made = workshop.do("job", PREPARE, silent)
    assert isinstance(made, Prepared)
    return made.volumes[0].generation


def _greeted(workshop: Workshop, generation: str, migration: str = "m") -> protocol.Message:
    """What a stream that greets is told."""
    near, far = socket.socketpair()
    thread = threading.Thread(target=workshop.receive, args=(far,))
    thread.start()
    wire = Wire(near)
    try:
        hello = protocol.Hello(migration, "pass-1", 0, ((VOLUME, generation),))
        wire.send(protocol.encode(hello), timeout=20)
        answer = wire.receive(timeout=20)
        if isinstance(answer, protocol.Welcome):
            wire.send(protocol.encode(protocol.Bye()), timeout=20)
            assert isinstance(wire.receive(timeout=20), protocol.Bye)
        return answer
    finally:
        thread.join()
        wire.close()


def test_a_stream_is_welcome_on_the_prepared_volume_only(workshop: Workshop) -> None:
    """The right generation of the right migration is welcomed, before and after a seal."""
    generation = _prepared(workshop)
    assert isinstance(_greeted(workshop, generation), protocol.Welcome)
    assert isinstance(_greeted(workshop, "another"), protocol.Refused)
    assert isinstance(_greeted(workshop, generation, "elsewhere"), protocol.Refused)
    assert isinstance(workshop.do("job", SEAL, silent), Sealed)
    assert isinstance(_greeted(workshop, generation), protocol.Welcome)


def test_preparing_again_keeps_the_volume(workshop: Workshop) -> None:
    """The same order on the same disk is the same generation."""
    assert _prepared(workshop) == _prepared(workshop)


def test_what_is_on_the_disk_is_read_back(workshop: Workshop, tmp_path: Path) -> None:
    """Every object is counted and its entry can be fetched."""
    _prepared(workshop)
    (tmp_path / "mnt" / VOLUME / "hello").write_bytes(b"hello, world")
    order = JobOrder(kind=JobKind.REREAD, reread=RereadOrder(volumes=(VOLUME,), nonce="1"))
    result = workshop.do("job", order, silent)
    assert isinstance(result, Reread)
    found = list(unpack_entries([workshop.entries("job").read_bytes()]))
    assert result.entries == {VOLUME: len(found)}
    assert result.bytes == 12
    assert [e.size for e in found if e.path == b"hello"] == [12]


def test_edits_are_played_backwards_and_named(workshop: Workshop, tmp_path: Path) -> None:
    """After a seal as well, and a second order names the same paths again."""
    _prepared(workshop)
    root = tmp_path / "mnt" / VOLUME
    (root / "etc").mkdir()
    (root / "etc/fstab").write_text("before")
    assert workshop.do("job", RESTORE, silent) == Restored(paths=())
    edit = Editor(RootTree(root), Ledger(workshop.files), "test")
    edit.write("/etc/fstab", b"after", "why")
    edit.write("/etc/made", b"new", "why")
    workshop.do("job", SEAL, silent)
    for _ in range(2):
        result = workshop.do("job", RESTORE, silent)
        assert result == Restored(paths=("/etc/fstab", "/etc/made"))
    assert (root / "etc/fstab").read_text() == "before"
    assert not (root / "etc/made").exists()
    assert workshop.files.stat().st_mode & 0o777 == 0o700


def test_a_sealed_volume_is_not_mounted(workshop: Workshop, tmp_path: Path) -> None:
    """After sealing the disks can be captured."""
    _prepared(workshop)
    sealed = workshop.do("job", SEAL, silent)
    assert isinstance(sealed, Sealed)
    assert set(sealed.checks) == {VOLUME}
    assert not [m for m in mount_table() if Path(m.mount_point).is_relative_to(tmp_path)]


def test_nothing_works_before_it_is_prepared(workshop: Workshop) -> None:
    """Orders out of turn are errors that say why."""
    with pytest.raises(HostError, match="not prepared"):
        workshop.do("job", SEAL, silent)


def test_an_order_without_its_request_is_refused(workshop: Workshop) -> None:
    """Kind and request must fit."""
    with pytest.raises(ProtocolError, match="lacks"):
        workshop.do("job", JobOrder(kind=JobKind.ADAPT, seal=SealOrder(nonce="1")), silent)
