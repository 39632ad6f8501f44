# SPDX-License-Identifier: Apache-2.0
"""Processes that outlive the daemon, remembered in a file and never mistaken for another."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _START = 0, 19
"""Fields of /proc/PID/stat counted from the state, which follows the command's name."""
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Mark:
    """A process, told apart from a later one with the same number by its start and the boot."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Mark:
        """The mark of a living process; of a dead one, a mark that is not alive."""
        fields = _stat(pid)
        return cls(pid, int(fields[_START]) if fields else -1, _BOOT_ID.read_text().strip())

    @classmethod
    def load(cls, file: Path) -> Mark | None:
        """The mark written to ``file``; None when there is none or it was cut short."""
        try:
            raw = json.loads(file.read_text())
            return cls(int(raw["pid"]), int(raw["start"]), str(raw["boot"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def dump(self) -> str:
        """As text, for `load`."""
        return json.dumps(asdict(self))

    def alive(self) -> bool:
        """True while that very process runs; a zombie does not."""
        if _BOOT_ID.read_text().strip() != self.boot:
            return False
        fields = _stat(self.pid)
        return bool(fields) and int(fields[_START]) == self.start and fields[_STATE] not in "ZX"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it; gone already is fine."""
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(fd, number)
            finally:
                os.close(fd)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after ``seconds``."""
        pause = threading.Event()
        for _ in range(max(1, int(seconds / _POLL))):
            if not self.alive():
                return True
            pause.wait(_POLL)
        return not self.alive()

    def end(self, *, grace: float = 0.0) -> None:
        """End it: with SIGTERM and ``grace`` seconds if given, then with SIGKILL."""
        if grace:
            self.signal(signal.SIGTERM)
            if self.wait(grace):
                return
        self.signal(signal.SIGKILL)
        self.wait(10.0)


def peers(mark: Mark) -> tuple[Mark, ...]:
    """Every process in the process-id namespace of ``mark``, itself included."""
    with contextlib.suppress(OSError):
        space = os.readlink(f"/proc/{mark.pid}/ns/pid")
        numbers = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        return tuple(Mark.of(n) for n in numbers if _space_of(n) == space)
    return ()


def _space_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
