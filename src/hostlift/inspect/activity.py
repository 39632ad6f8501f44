# SPDX-License-Identifier: Apache-2.0
"""How large the data of services are, and how fast they are written; both bounded in time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hostlift.model.machine import Workload
from hostlift.ports.clock import Clock

WATCHED = 1.0
"""Seconds for which writes are counted."""
COUNTING = 10.0
"""Seconds in which the data directories of all services are counted."""
_LOOK_AT_CLOCK = 500
_WRITTEN = re.compile(r"^write_bytes: (\d+)$", re.MULTILINE)


def measured(
    workloads: Iterable[Workload], *, root: Path, proc: Path, clock: Clock, live: bool
) -> tuple[Workload, ...]:
    """The workloads with sizes, and of a running system with write rates."""
    found = list(workloads)
    end = clock.monotonic() + COUNTING
    sizes = [
        _size(root / w.data_dir.lstrip("/"), clock, end) if w.data_dir else None for w in found
    ]
    rates = _rates(found, proc, clock) if live and any(w.pids for w in found) else {}
    return tuple(
        replace(w, bytes=size, write_rate=sum(rates.get(pid, 0.0) for pid in w.pids))
        for w, size in zip(found, sizes, strict=True)
    )


def _size(folder: Path, clock: Clock, end: float) -> int | None:
    """Allocated bytes on the folder's own file system; None when there was no time to count them."""
    total = count = 0
    waiting = [os.fspath(folder)]
    try:
        device = os.lstat(folder).st_dev
    except OSError:
        return None
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count % _LOOK_AT_CLOCK == 0 and clock.monotonic() > end:
                        return None
                    st = entry.stat(follow_symlinks=False)
                    if st.st_dev != device:
                        continue
                    total += st.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return total


def _rates(workloads: Iterable[Workload], proc: Path, clock: Clock) -> Mapping[int, float]:
    """Bytes a second by process id."""
    pids = {pid for w in workloads for pid in w.pids}
    before, started = {pid: _written(proc, pid) for pid in pids}, clock.monotonic()
    clock.sleep(WATCHED)
    seconds = max(clock.monotonic() - started, WATCHED / 2)
    return {pid: max(_written(proc, pid) - was, 0) / seconds for pid, was in before.items()}


def _written(proc: Path, pid: int) -> int:
    try:
        found = _WRITTEN.search((proc / str(pid) / "io").read_text("ascii"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
