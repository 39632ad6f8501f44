# SPDX-License-Identifier: Apache-2.0
"""What a tool is to the benchmark: something that makes the target equal to the source, once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Scene:
    """Where things are: both trees, and a folder for keys, logs and state."""

    source: Path
    target: Path
    work: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a link model says at its end: bytes in both directions, its own processor seconds."""

    bytes: int
    cpu: float
    stalls: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A way to a port.

    Attributes:
        port: Where to connect instead.
        finish: Ends it; None when nothing lies between.
    """

    port: int
    finish: Callable[[], Carried | None]


Door = Callable[[int], AbstractContextManager[Opening]]
"""Leads to a port of this machine, directly or through a link model."""


@contextlib.contextmanager
def direct(port: int) -> Iterator[Opening]:
    """Nothing between the two ends."""
    yield Opening(port, lambda: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run: seconds, bytes.

    Attributes:
        wire: Bytes on the wire where they are known, else 0.
        rss_source: Peak memory of the sending side where it is known, else 0.
        link_cpu: What the link model used of the same processors.
        sync: What making the target durable took afterwards; hostlift has done it by then.
    """

    wall: float
    cpu_source: float
    cpu_target: float
    wire: int = 0
    rss_source: int = 0
    rss_target: int = 0
    link_cpu: float = 0.0
    sync: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)


class Tool(Protocol):
    """A competitor."""

    @property
    def name(self) -> str:
        """In tables."""
        ...

    def run(self, door: Door) -> Result:
        """Make the target equal to the source."""
        ...
