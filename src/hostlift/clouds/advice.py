# SPDX-License-Identifier: Apache-2.0
"""What a cloud's error code means: the line that drivers, the CLI and docs/errors.md read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Handling(Enum):
    """What can be done about a refusal, and by whom; the value is how the page words it."""

    FATAL = "a person mends it"
    """Never passes without a person."""
    DENIED = "a person grants the permission"
    """The caller may not do this; the error names the action."""
    SOLD_OUT = "the next offer is tried"
    """There is none of it: another zone, type or category may have some."""
    TRANSIENT = "repeated at once"
    """Passes in seconds: the gateway repeats the call itself."""
    LATER = "waited for"
    """Passes when something else has finished: the caller polls, minutes or longer."""
    OTHER_WAY = "another way is taken"
    """The account may not do it in this way; there is a longer one."""
    GONE = "made anew"
    """The object does not exist."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One line of a catalogue.

    Attributes:
        pattern: A code, or a prefix with ``*``.
        meaning: What happened, for a person; added to the cloud's own message.
        remedy: What to do next.
    """

    pattern: str
    handling: Handling
    meaning: str
    remedy: str = ""

    def fits(self, code: str) -> bool:
        """Whether it is about ``code``; services differ in the case they write."""
        wanted, told = self.pattern.lower(), code.lower()
        return told.startswith(wanted[:-1]) if wanted.endswith("*") else told == wanted


@dataclass(frozen=True, slots=True)
class Topic:
    """Lines that belong together."""

    title: str
    lines: tuple[Advice, ...]
