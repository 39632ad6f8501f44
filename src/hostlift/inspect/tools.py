# SPDX-License-Identifier: Apache-2.0
"""Asking the source's own programs, where /sys and /proc do not know.

Inspection must end soon on a slow machine too: all questions share one budget of time, and a
program that is missing or fails has simply said nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hostlift.errors import CommandFailed, ToolMissing
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands

BUDGET = 120.0
_LONGEST = 30.0


@dataclass(frozen=True, slots=True)
class Tools:
    """Programs to ask until ``deadline`` (monotonic seconds)."""

    commands: Commands
    clock: Clock
    deadline: float

    def optional(self, argv: Sequence[str]) -> str:
        """What a program printed; empty when it is missing, fails, or time has run out."""
        return self.output(argv).decode("utf-8", "replace")

    def output(self, argv: Sequence[str]) -> bytes:
        """The same, as bytes."""
        left = min(_LONGEST, self.deadline - self.clock.monotonic())
        if left <= 0:
            return b""
        try:
            return self.commands.run(argv, timeout=left, check=False).stdout
        except (ToolMissing, CommandFailed):
            return b""
