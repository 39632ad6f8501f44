# SPDX-License-Identifier: Apache-2.0
"""How a pass is to run, and what it says at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


def _unlimited() -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions:
    """The wishes for one pass.

    Attributes:
        migration: Names the migration on the wire.
        streams: Connections, each with a worker of its own.
        level: Zstandard level; 0 sends everything as it is.
        bandwidth: KB/s over all streams at this moment, 0 for no limit; asked while running.
        final: The source is frozen: nothing may change while it is read.
        hot_retries: How often a file that changed while it was read is read again at once.
        patience: Seconds without any connection until the pass gives up.
        stall: Seconds a connection may bring no answer, although one is due.
        window: Bytes that one stream may have sent without an acknowledgement.
        step: Name of the step in progress events.
    """

    migration: str = ""
    streams: int = 2
    level: int = 1
    bandwidth: Callable[[], int] = field(default=_unlimited)
    final: bool = False
    hot_retries: int = 2
    patience: float = 600.0
    stall: float = 300.0
    window: int = 32 << 20
    step: str = "replicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something of a path that did not arrive, and why."""

    volume: str
    path: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """What one pass did.

    Attributes:
        files: Objects sent, of all kinds.
        bytes_read: Content read from the source.
        bytes_sent: Bytes put on the wire.
        deleted: Paths removed from the target.
        hot: ``volume:path`` of files that changed while they were read; they are sent again.
        vanished: Objects that were gone when it was their turn.
        findings: What could not be kept, at most a few thousand.
        unsettled: Paths that the next pass will look at again, hot ones included.
    """

    files: int
    bytes_read: int
    bytes_sent: int
    deleted: int
    hot: tuple[bytes, ...]
    seconds: float
    vanished: int
    findings: tuple[Loss, ...]
    unsettled: int
