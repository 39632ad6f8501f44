# SPDX-License-Identifier: Apache-2.0
"""A source whose writers stay frozen after its cutover: who holds them, until when, and letting go.

The holder is the freeze's watchdog (`hostlift.replicate.watchdog`). A small file in the state folder
names it; after a restart of the source it names nobody, and nothing is frozen.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.files import atomic_write
from hostlift.ports.clock import Clock
from hostlift.replicate.freezing.processes import ProcessId, read_process

_RELEASE_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Held:
    """Writers are frozen until a time, in seconds since 1970, by a process."""

    holder: ProcessId
    until: float


def note(file: Path, held: Held) -> None:
    """Remember who holds."""
    words = {"pid": held.holder.pid, "start": held.holder.start, "until": held.until}
    atomic_write(file, json.dumps(words).encode() + b"\n")


def held(file: Path) -> Held | None:
    """Who holds now; None when nobody does."""
    try:
        words = json.loads(file.read_text(encoding="utf-8"))
        found = Held(ProcessId(int(words["pid"]), int(words["start"])), float(words["until"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _lives(found.holder) else None


def release(file: Path, clock: Clock) -> bool:
    """Thaw what is held; False when nothing is.

    Raises:
        HostError: The holder does not let go.
    """
    now = held(file)
    if now is not None:
        os.kill(now.holder.pid, signal.SIGUSR1)
        end = clock.monotonic() + _RELEASE_SECONDS
        while _lives(now.holder):
            if clock.monotonic() > end:
                raise HostError(
                    f"still holds after {_RELEASE_SECONDS:g} s",
                    subject=f"watchdog, process {now.holder.pid}",
                    hint="Run 'hostlift thaw' again; 'kill -KILL' ends the watchdog, then"
                    " 'echo 0 > cgroup.freeze' in each frozen control group and 'kill -CONT' thaw.",
                )
            clock.sleep(_LOOK_SECONDS)
    file.unlink(missing_ok=True)
    return now is not None


def _lives(process: ProcessId) -> bool:
    found = read_process(Path("/proc"), process.pid)
    return found is not None and found.id == process and found.state != "Z"
