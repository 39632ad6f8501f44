# SPDX-License-Identifier: Apache-2.0
"""Streams with a process each that reads for them: the same copy, and nothing lost with a process."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.replication import Rig, rig
from fakes.trees import look

PROCESS = b"hostlift.replicate.sending.reading.process"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Rig]:
    made = rig(tmp_path)
    made.options = replace(made.options, helpers=True, helpers_after=0)
    chance = random.Random(3)
    for number in range(3000):
        folder = made.source / f"{number % 7}" / f"{number % 11}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}").write_bytes(chance.randbytes(chance.choice([0, 10, 3000, 20_000])))
    (made.source / "link").symlink_to("nowhere")
    os.mkfifo(made.source / "fifo")
    os.link(made.source / "0/0/0", made.source / "further")
    (made.source / "large").write_bytes(chance.randbytes(9 << 20))
    with (made.source / "sparse").open("wb") as file:
        file.truncate(3 << 20)
        file.seek(1 << 20)
        file.write(b"data")
    yield made
    assert not helpers(), "a pass left a process behind"


def helpers() -> list[int]:
    """Reading processes that are children of this one."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_ours(pid)]


def is_ours(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return False
    return PROCESS in words and int(parent) == os.getpid()


def test_the_copy_is_the_source(it: Rig) -> None:
    """First pass and a later one, with everything that is not a plain file."""
    seen: set[int] = set()
    over = threading.Event()
    thread = threading.Thread(target=watch, args=(seen, over, lambda pid: None))
    thread.start()
    it.run()
    over.set()
    thread.join()
    assert len(seen) == 2
    assert look(it.source) == look(it.target)
    for path in sorted((it.source / "3").rglob("*"))[:500]:
        if path.is_file():
            path.write_bytes(b"other")
    it.rest()
    assert it.run().unsettled == 0
    assert look(it.source) == look(it.target)
    assert it.run().bytes_read == 0


def test_what_a_killed_process_did_not_read_is_read_without_it(it: Rig) -> None:
    """Out of memory, say: the pass goes on, and is complete."""
    seen: set[int] = set()
    over = threading.Event()
    thread = threading.Thread(
        target=watch, args=(seen, over, lambda pid: os.kill(pid, signal.SIGKILL))
    )
    thread.start()
    report = it.run()
    over.set()
    thread.join()
    assert seen
    assert report.findings == ()
    assert look(it.source) == look(it.target)


@pytest.mark.parametrize("why", ["final", "limit", "few"])
def test_no_process_is_started(it: Rig, why: str) -> None:
    """While writers stand still, under a limit of processor time, or for little work."""
    seen: set[int] = set()
    over = threading.Event()
    thread = threading.Thread(target=watch, args=(seen, over, lambda pid: None))
    thread.start()
    if why == "final":
        it.run(final=True)
    elif why == "limit":
        it.run(cpu_limit=lambda: 90_000)
    else:
        it.run(helpers_after=1 << 40)
    over.set()
    thread.join()
    assert not seen
    assert look(it.source) == look(it.target)


def watch(seen: set[int], over: threading.Event, then: object) -> None:
    """Note every helper that there is, and do something to it."""
    assert callable(then)
    while not over.wait(0.002):
        for pid in set(helpers()) - seen:
            seen.add(pid)
            time.sleep(0.05)
            then(pid)
