# SPDX-License-Identifier: Apache-2.0
"""How a pass is to run, and what it says at its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from hostlift.replicate.changes import Tracker
from hostlift.replicate.changes.catalogue import tracker_of
from hostlift.replicate.changes.written import Written


def _unlimited() -> int:
    return 0


def _has_several_processors() -> bool:
    return len(os.sched_getaffinity(0)) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions:
    """The wishes for one pass.

    Attributes:
        migration: Names the migration on the wire.
        streams: Connections, each with a worker of its own.
        level: The highest zstandard level that may be used, see `sending.compression`; 0 sends
            everything as it is.
        bandwidth: KB/s over all streams at this moment, 0 for no limit; asked while running.
        cpu_limit: Percent of one processor that the pass may use at this moment, 0 for no limit;
            asked while running, see `sending.pace`.
        final: The source is frozen: nothing may change while it is read.
        hot_retries: How often a file that changed while it was read is read again at once.
        patience: Seconds without any connection until the pass gives up.
        stall: Seconds a connection may bring no answer, although one is due.
        window: Bytes that one stream may have sent without an acknowledgement; less when there are
            many streams.
        step: Name of the step in progress events.
        tracker: Gives the change tracker of a mounted file system, if it has one.
        helpers: Streams may have processes to read for them, see `sending.reading.job`.
        helpers_after: Objects that a pass has sent before they start.
        written: Tells which chunks of large files were not written to; one for all passes.
    """

    migration: str = ""
    streams: int = 2
    level: int = 1
    bandwidth: Callable[[], int] = field(default=_unlimited)
    cpu_limit: Callable[[], int] = field(default=_unlimited)
    final: bool = False
    hot_retries: int = 2
    patience: float = 600.0
    stall: float = 300.0
    window: int = 32 << 20
    step: str = "replicate"
    tracker: Callable[[int], Tracker | None] = field(default=tracker_of)
    helpers: bool = field(default_factory=_has_several_processors)
    helpers_after: int = 5000
    written: Written | None = None


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
        looked_at: Objects of the source that were looked at to find what changed.
        files: Objects sent, of all kinds.
        bytes_read: Content read from the source.
        bytes_sent: Bytes put on the wire.
        deleted: Paths removed from the target.
        hot: ``volume:path`` of files that changed while they were read; they are sent again.
        vanished: Objects that were gone when it was their turn.
        findings: What could not be kept, at most a few thousand.
        unsettled: Paths that the next pass will look at again, hot ones included.
    """

    looked_at: int
    files: int
    bytes_read: int
    bytes_sent: int
    deleted: int
    hot: tuple[bytes, ...]
    seconds: float
    vanished: int
    findings: tuple[Loss, ...]
    unsettled: int
