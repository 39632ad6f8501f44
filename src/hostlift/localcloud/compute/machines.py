# SPDX-License-Identifier: Apache-2.0
"""What every real machine has: a folder, a process remembered across restarts of the daemon, a console."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.base import Nic, Power
from hostlift.localcloud.linux.processes import Mark

_CONSOLE_TAIL = 1 << 20
_REMOVE_TIMEOUT = 120.0


class Ports(Protocol):
    """What compute needs from the fabric: the port of a plugged card, in one of two shapes."""

    def open_tap(self, nic: Nic) -> int:
        """As a tap descriptor; the port lives as long as it is open."""
        ...

    def open_namespace(self, instance: str, nic: Nic) -> Path:
        """As ``eth0`` of a new network namespace; returns the namespace's file."""
        ...


class MachineFolder:
    """The folder of one instance.

    Args:
        folder: ``instances/ID`` below the cloud's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.console_file = folder / "console.log"
        self.mark_file = folder / "process.json"

    def make(self) -> None:
        """Make it, readable by root only: user data may hold keys."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def mark(self) -> Mark | None:
        """Its process, if that lives."""
        mark = Mark.load(self.mark_file)
        return mark if mark is not None and mark.alive() else None

    def write_mark(self, mark: Mark) -> None:
        """Remember its process."""
        new = self.mark_file.with_suffix(".new")
        new.write_text(mark.dump())
        new.replace(self.mark_file)

    def open_console(self) -> int:
        """A descriptor that appends to the console log; the caller closes it."""
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        return os.open(self.console_file, flags, 0o600)

    def console(self) -> bytes:
        """The end of the console log, a mebibyte at most."""
        try:
            with self.console_file.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - _CONSOLE_TAIL))
                return log.read()
        except FileNotFoundError:
            return b""

    def remove(self) -> None:
        """Drop it with everything in it; gone already is fine."""
        SystemCommands().run(
            ["rm", "-rf", "--one-file-system", "--", str(self.path)], timeout=_REMOVE_TIMEOUT
        )


class Machines(ABC):
    """The machines of one cloud, each in a folder, whatever a machine is.

    Args:
        folder: The cloud's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()

    @abstractmethod
    def stop(self, instance: str, *, force: bool) -> None:
        """See `Compute`."""

    def delete(self, instance: str) -> None:
        """See `Compute`."""
        with self._lock:
            self.stop(instance, force=True)
            self._machine(instance).remove()

    def power(self, instance: str) -> Power:
        """See `Compute`."""
        return Power.ON if self._machine(instance).mark() else Power.OFF

    def console(self, instance: str) -> bytes:
        """See `Compute`."""
        return self._machine(instance).console()

    def close(self) -> None:
        """See `Compute`."""
        with self._lock:
            for folder in self._machines():
                self.stop(folder.path.name, force=True)

    def _machine(self, instance: str) -> MachineFolder:
        return MachineFolder(self._folder / "instances" / instance)

    def _machines(self) -> list[MachineFolder]:
        """Of all instances that have a folder."""
        return [self._machine(name) for name in machines_in(self._folder / "instances")]


def machines_in(folder: Path) -> tuple[str, ...]:
    """Ids of the instances that have a folder."""
    return tuple(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else ()
