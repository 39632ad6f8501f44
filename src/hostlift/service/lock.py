# SPDX-License-Identifier: Apache-2.0
"""One hostlift per state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostlift.errors import StateError
from hostlift.host.clock import SystemClock

_NAME = "client_data.lock"
_PAUSES = (0.05, 0.1, 0.2)
"""Seconds: `is_held` of another process may have the lock for an instant."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it however the process ends.

    Raises:
        StateError: Another hostlift works in this folder.
    """
    fd = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(fd, folder)
        yield
    finally:
        os.close(fd)


def is_held(folder: Path) -> bool:
    """Whether a hostlift works in the folder; looks, and is out of the way at once."""
    try:
        fd = os.open(folder / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def _take(fd: int, folder: Path) -> None:
    clock = SystemClock()
    for pause in (*_PAUSES, None):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if pause is None:
                raise StateError(
                    "another hostlift works in this folder",
                    subject=str(folder),
                    hint="Wait for it, watch it with 'hostlift status', or use another --folder.",
                ) from error
            clock.sleep(pause)
        else:
            return
