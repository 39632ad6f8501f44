# SPDX-License-Identifier: Apache-2.0
"""Services as data: recognised by files and processes, measured, and what ties them to a place."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.clock import FakeClock

from hostlift.inspect import workloads
from hostlift.inspect.activity import COUNTING, measured
from hostlift.inspect.guest import Guest
from hostlift.inspect.servicetable import SIGNATURES
from hostlift.inspect.ties import ties
from hostlift.model.machine import Tie, Workload
from hostlift.replicate import hooks


def _put(root: Path, name: str, text: str = "") -> None:
    path = root / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_table_is_whole() -> None:
    """Kinds are unique, process names fit into comm, hooks exist, every row can match something."""
    kinds = [s.kind for s in SIGNATURES]
    assert len(kinds) == len(set(kinds)) >= 60
    assert all(len(p.rstrip("*")) <= 15 for s in SIGNATURES for p in s.processes)
    built_in = {path.stem for path in Path(hooks.__file__).parent.glob("*.py")}
    assert {s.hook for s in SIGNATURES if s.hook} <= built_in
    assert all(s.processes or (s.marks and s.places) for s in SIGNATURES)
    assert all(place.startswith("/") for s in SIGNATURES for place in s.places)


@pytest.mark.parametrize("sign", [s for s in SIGNATURES if s.marks], ids=lambda s: s.kind)
def test_a_service_is_known_by_its_files(tmp_path: Path, sign: workloads.Signature) -> None:
    place = sign.places[0].replace("*", "x")
    for mark in sign.marks:
        _put(tmp_path, f"{place}/{mark.replace('*', 'x')}/inside")
    found = workloads.detect(Guest(tmp_path), ())
    assert sign.kind in {w.kind for w in found}
    assert place in {w.data_dir for w in found}


def test_a_process_is_known_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    _put(tmp_path, "proc/7/comm", "ora_pmon_ORCL\n")
    (tmp_path / "proc/7/cwd").symlink_to("/")
    (tmp_path / "root").mkdir()
    running = workloads.processes(tmp_path / "proc")
    (found,) = workloads.detect(Guest(tmp_path / "root"), running)
    assert (found.kind, found.pids) == ("oracle", (7,))


class Writing(FakeClock):
    """A second in which process 7 writes 3000 bytes."""

    def __init__(self, io: Path) -> None:
        super().__init__()
        self.io = io

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.io.write_text("write_bytes: 5000\n")


def test_sizes_and_write_rates_are_measured(tmp_path: Path) -> None:
    _put(tmp_path, "root/var/lib/mysql/ibdata1", "x" * 10_000)
    _put(tmp_path, "proc/7/io", "write_bytes: 2000\n")
    clock = Writing(tmp_path / "proc/7/io")
    wanted = Workload(kind="mysql", name="mysql", data_dir="/var/lib/mysql", pids=(7,))
    (found,) = measured(
        [wanted], root=tmp_path / "root", proc=tmp_path / "proc", clock=clock, live=True
    )
    assert found.write_rate == 3000.0
    assert found.bytes is not None
    assert 10_000 <= found.bytes < 1 << 20


def test_counting_ends_in_time(tmp_path: Path) -> None:
    class Slow(FakeClock):
        def monotonic(self) -> float:
            self.time += 2 * COUNTING
            return self.time

    for number in range(600):
        _put(tmp_path, f"data/{number}")
    wanted = Workload(kind="x", name="x", data_dir="/data")
    (found,) = measured([wanted], root=tmp_path, proc=tmp_path, clock=Slow(), live=False)
    assert found.bytes is None


def test_what_ties_a_server_to_its_place_is_named(tmp_path: Path) -> None:
    root, proc, sys = tmp_path / "root", tmp_path / "proc", tmp_path / "sys"
    _put(root, "/etc/watchdog.conf", "#watchdog-device = /dev/x\nwatchdog-device = /dev/watchdog\n")
    _put(sys, "bus/usb/devices/1-2/idVendor", "0529\n")
    _put(proc, "5/comm", "lmgrd\n")
    _put(proc, "5/maps", "")
    _put(proc, "6/comm", "store\n")
    maps = (
        "7f00-7f01 rw-s 00000000 08:01 4711                       /var/lib/store/data.db\n"
        "7f02-7f03 rw-s 00000000 00:05 12                         /dev/zero (deleted)\n"
        "7f04-7f05 r--s 00000000 08:01 99                         /usr/share/x\n"
    )
    _put(proc, "6/maps", maps)
    found = ties(Guest(root), proc, sys, live=True)
    assert [t.kind for t in found] == ["watchdog", "dongle", "licence", "mapped-writer"]
    assert found[3] == Tie(
        kind="mapped-writer", what="store (6) writes /var/lib/store/data.db by mmap"
    )
    assert [t.kind for t in ties(Guest(root), proc, sys, live=False)] == ["watchdog"]
