# SPDX-License-Identifier: Apache-2.0
"""What a built-in hook is, and what it is given.

A hook may make recovery of the copy quicker, or spare files that know no recovery the cut in the
middle of a write. It must not be needed for the copy to be right: its failure is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands


class Client(Protocol):
    """A client program of a service that stays connected until it is closed, or until we die."""

    def ask(self, line: str, answer: str, timeout: float) -> None:
        """Send a line and wait until ``answer`` comes as a line of its own.

        Raises:
            HostError: It ended, or did not answer within ``timeout`` seconds.
        """
        ...

    def close(self) -> None:
        """End the connection, and with it whatever the service holds for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a hook works.

    Attributes:
        connect: Starts a client program that stays; the watchdog will end it if we do not.
        held: Released after the thaw; for clients that must stay through the freeze.
        proc: Where running services are found.
    """

    commands: Commands
    clock: Clock
    connect: Callable[[Sequence[str]], Client]
    held: ExitStack = field(default_factory=ExitStack)
    proc: Path = Path("/proc")


Action: TypeAlias = Callable[[Site], None]


def nothing(_site: Site) -> None:
    """An action that a hook does not need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """What a service wants done. Each action raises `hostlift.errors.HostError` when it fails.

    Attributes:
        check: Whether the service runs here, so that there is something to do.
        pre_pass: Before a pass while the service goes on: write out what is in memory, so that it
            travels with that pass and not in the freeze.
        prepare: Before a freeze while the service goes on; may take its time.
        freeze: Right before processes stop; short, because writers may have to wait from here.
        thaw: Undoes ``freeze``, also when that failed half-way, also in another process than it
            (the watchdog's), also twice. What closing `Site.held` undoes needs none.
    """

    name: str
    check: Callable[[Site], bool]
    pre_pass: Action = nothing
    prepare: Action = nothing
    freeze: Action = nothing
    thaw: Action = nothing
