# SPDX-License-Identifier: Apache-2.0
"""One hostlift per state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostlift.errors import StateError


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it however the process ends.

    Raises:
        StateError: Another hostlift works in this folder.
    """
    path = folder / "client_data.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError(
                "another hostlift works in this folder",
                subject=str(folder),
                hint="Wait for it, watch it with 'hostlift status', or use another --folder.",
            ) from error
        yield
    finally:
        os.close(fd)
