# SPDX-License-Identifier: Apache-2.0
"""Freeze hooks: what a service wants done before its processes are held still.

A built-in hook is a module with a `Hook`, and a line in `BUILT_IN`. It may make recovery of the
copy quicker; it must not be needed for the copy to be right, so its failure is a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from hostlift.ports.commands import Commands
from hostlift.replicate.hooks import postgresql

Action: TypeAlias = Callable[[Commands], None]


@dataclass(frozen=True, slots=True)
class Hook:
    """Something to do right before the freeze.

    Attributes:
        freeze: Raises `hostlift.errors.HostError` when it fails.
    """

    name: str
    freeze: Action


BUILT_IN = {"postgresql": Hook("postgresql", postgresql.checkpoint)}
