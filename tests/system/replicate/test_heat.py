# SPDX-License-Identifier: Apache-2.0
"""What never goes quiet is named, with who does it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.cgroups import WRITER
from fakes.databases import ext4

from hostlift.host.clock import SystemClock
from hostlift.host.command import end_group, spawn
from hostlift.host.mounts import mounted
from hostlift.replicate.changes.heat import Hot, heat

pytestmark = pytest.mark.root

CLOCK = SystemClock()


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with ext4(tmp_path, 64 << 20) as path:
        yield path


@contextlib.contextmanager
def running(code: str, *words: str) -> Iterator[int]:
    """A process of Python's; its number."""
    process = spawn([sys.executable, "-c", code, *words])
    try:
        yield process.pid
    finally:
        end_group(process)


def at(found: tuple[Hot, ...], path: Path) -> Hot | None:
    return next((h for h in found if h.path == os.fsencode(path)), None)


def test_a_file_that_is_appended_to_is_named_with_its_writer(disk: Path) -> None:
    """Path, number and name of the process; what was written once comes after it."""
    (disk / "logs").mkdir()
    log, once = disk / "logs" / "busy", disk / "once"
    with heat([disk], CLOCK) as found:
        once.write_bytes(b"by us, so not counted")
        with running("import sys; open(sys.argv[1], 'w').write('x')", str(disk / "quiet")):
            assert eventually(lambda: at(found.hottest(9), disk / "quiet") is not None)
        with running(WRITER, str(log)) as pid:
            assert eventually(lambda: bool(h := at(found.hottest(9), log)) and h.seconds > 1)
    busiest = found.hottest(1)[0]
    assert busiest.path == os.fsencode(log)
    assert [w.pid for w in busiest.processes] == [pid]
    assert busiest.processes[0].name.startswith("python")
    assert busiest.processes[0].events == busiest.events > 1
    assert found.unwatched == ()
    assert not found.lost
    assert at(found.hottest(99), once) is None


CHURN = """
import os, sys, itertools
for n in itertools.count():
    path = f"{sys.argv[1]}/{n}"
    os.close(os.open(path, os.O_CREAT))
    os.unlink(path)
"""


def test_a_folder_in_which_files_come_and_go_is_named(disk: Path) -> None:
    """Each file is there for a moment only; the folder is what never goes quiet."""
    spool = disk / "spool"
    spool.mkdir()
    with heat([disk], CLOCK) as found, running(CHURN, str(spool)) as pid:
        assert eventually(lambda: bool(h := at(found.hottest(3), spool)) and h.events > 50)
        hot = at(found.hottest(3), spool)
    assert hot is not None
    assert hot.processes[0].pid == pid


def test_what_is_gone_or_elsewhere_is_not_named(disk: Path) -> None:
    """A file system is watched whole, but only what lies below the given directory counts."""
    inside, outside = disk / "inside", disk / "outside"
    for folder in (inside, outside, inside / "gone"):
        folder.mkdir()
    with heat([inside], CLOCK) as found:
        with (
            running(WRITER, str(outside / "log")),
            running(WRITER, str(inside / "gone" / "log")),
            running(WRITER, str(inside / "log")),
        ):
            paths = [inside / "log", inside / "gone" / "log"]
            assert eventually(lambda: all(at(found.hottest(9), p) for p in paths))
            assert at(found.hottest(9), outside / "log") is None
        (inside / "gone" / "log").unlink()
        (inside / "gone").rmdir()
        paths = [h.path for h in found.hottest(9)]
    assert os.fsencode(inside / "log") in paths
    assert not any(b"/gone/" in path for path in paths)


def test_a_file_system_without_such_events_is_listed_as_unwatched(disk: Path) -> None:
    """Nothing is claimed of it; the others are watched."""
    where = disk / "proc"
    where.mkdir()
    with mounted("proc", where, kind="proc"), heat([where, disk], CLOCK) as found:
        assert found.unwatched == (where,)
        with running(WRITER, str(disk / "log")):
            assert eventually(lambda: at(found.hottest(9), disk / "log") is not None)
