# SPDX-License-Identifier: Apache-2.0
"""The limits of a running pass: as the run was started with, and as the user changes them meanwhile.

``user_config.json`` is looked at once a second. What was said last holds: options of the command
line until the file is written again, from then on the keys that are in it. A file that cannot be
understood changes nothing and is told once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from hostlift.errors import ConfigError
from hostlift.events import EventSink, Note
from hostlift.ports.clock import Clock
from hostlift.settings import source, windows
from hostlift.settings.user_config import Settings

_LOOK_EVERY = 1.0
_KEYS = frozenset(
    {"bandwidth_limit", "bandwidth_window", "bandwidth_limit_outside", "source_cpu_limit"}
)
_Stamp = tuple[int, int, int]


def local_second(now: float) -> float:
    """Second of the day on the clock of this machine."""
    here = time.localtime(now)
    return here.tm_hour * 3600.0 + here.tm_min * 60.0 + here.tm_sec


class Limits:
    """See the module. Safe to ask from several threads.

    Args:
        file: The user's wishes.
        settings: What the run was started with.
        clock: Says when to look again, and what time of the day it is.
        sink: Is told of changes.
        second_of_day: From seconds since 1970.
    """

    def __init__(
        self,
        file: Path,
        settings: Settings,
        clock: Clock,
        sink: EventSink,
        second_of_day: Callable[[float], float] = local_second,
    ) -> None:
        self._file = file
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._second_of_day = second_of_day
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        self._said = self._read() or Settings()
        self._windows = windows.parse(settings.bandwidth_window)
        self._next = clock.monotonic() + _LOOK_EVERY

    def bandwidth(self) -> int:
        """KB/s that may be sent now, 0 for no limit."""
        settings, second = self._now()
        if self._windows.is_open(second):
            return settings.bandwidth_limit
        return settings.bandwidth_limit_outside

    def bandwidth_frozen(self) -> int:
        """KB/s while writers stand still: no window makes them wait."""
        return self._now()[0].bandwidth_limit

    def cpu(self) -> int:
        """Percent of one processor, 0 for no limit."""
        return self._now()[0].source_cpu_limit

    def closed_for(self) -> float:
        """Seconds until anything may be sent; 0 when it may now."""
        settings, second = self._now()
        return 0.0 if settings.bandwidth_limit_outside else self._windows.opens_in(second)

    def _now(self) -> tuple[Settings, float]:
        with self._lock:
            if self._clock.monotonic() >= self._next:
                self._next = self._clock.monotonic() + _LOOK_EVERY
                self._look()
            return self._settings, self._second_of_day(self._clock.now())

    def _look(self) -> None:
        stamp = self._stamped()
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        said = self._read()
        if said is None:
            text = "is not valid any more: the limits stay as they are"
            self._sink(Note(f"{self._file.name} {text}", "warning"))
            return
        # One that was taken out of the file is back at its default.
        told = said.model_fields_set | self._said.model_fields_set
        changed = {
            key: getattr(said, key)
            for key in sorted(told)
            if getattr(said, key) != getattr(self._settings, key)
        }
        self._said = said
        self._settings = self._settings.model_copy(update=changed)
        self._windows = windows.parse(self._settings.bandwidth_window)
        for key, value in changed.items():
            self._sink(Note(f"{key} is now {value!r}"))

    def _read(self) -> Settings | None:
        """The keys of ours in the file; None when it cannot be understood."""
        try:
            values, problems = source.read(self._file, needed=False)
            known = {key: values[key] for key in _KEYS if key in values}
            return None if problems else Settings.model_validate(known)
        except (ConfigError, ValidationError):
            return None

    def _stamped(self) -> _Stamp | None:
        try:
            status = os.stat(self._file)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


class WindowStop(threading.Event):
    """Ends a pass when the user pauses, and when the window closes; ``closed`` says that it did."""

    def __init__(self, user: threading.Event, limits: Limits) -> None:
        super().__init__()
        self._user = user
        self._limits = limits
        self.closed = False

    def is_set(self) -> bool:
        """True once the pass has to end."""
        if not self.closed:
            self.closed = self._limits.closed_for() > 0
        return self.closed or self._user.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """As that of an Event; only the user's wish wakes it."""
        return self._user.wait(timeout) or self.is_set()
