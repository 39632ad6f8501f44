# SPDX-License-Identifier: Apache-2.0
"""Time, as a parameter."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """A source of time that tests can drive."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...
