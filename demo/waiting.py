# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions, never for time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

_BETWEEN = 0.3


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Seconds until ``condition`` held.

    Raises:
        TimeoutError: It did not within ``seconds``.
    """
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        Event().wait(_BETWEEN)
    return time.monotonic() - started
