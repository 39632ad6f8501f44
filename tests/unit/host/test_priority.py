# SPDX-License-Identifier: Apache-2.0
"""Giving way: for the thread that asks, and only for the length of the block."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hostlift.host.priority import giving_way

pytestmark = pytest.mark.root


def nice() -> int:
    """Of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def in_thread() -> list[int]:
    """Nice values of a new thread and of the process' first one, seen from the new one."""
    found: list[int] = []

    def look() -> None:
        first = Path(f"/proc/self/task/{os.getpid()}/stat").read_text().rsplit(")", 1)[1].split()
        found.extend((nice(), int(first[16])))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found


def test_threads_started_meanwhile_give_way_too_and_it_ends_with_the_block() -> None:
    """The frozen pass that follows runs at full priority."""
    before = nice()
    assert before < 10
    with giving_way():
        assert nice() == 10
        assert in_thread()[0] == 10
    assert nice() == before
    assert in_thread()[0] == before


def test_other_threads_keep_their_priority() -> None:
    """The keep-alive and the screen are nobody's burden."""
    before = nice()
    during: list[int] = []

    def work() -> None:
        with giving_way():
            during.append(nice())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert during == [10]
    assert nice() == before


def test_it_ends_when_the_block_raises() -> None:
    """A pass that fails does not leave the process slow."""
    before = nice()
    with pytest.raises(RuntimeError), giving_way():
        raise RuntimeError
    assert nice() == before
