# SPDX-License-Identifier: Apache-2.0
"""How long writers would stand still if the cutover came now. Pure.

Between the starts of two passes the source changed what the second one read: that is its dirty
rate. The fastest passes tell what the link carries, the small ones what a pass costs before it
carries anything. A cutover makes warm passes first; each leaves for the next what changed while it
ran, and the frozen one carries what the last of them left.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hostlift.flow.results import Pass
from hostlift.model.quantity import size

MOST_WARM_PASSES = 4
SMALL_DELTA = 32 << 20
"""Bytes: a further warm pass over less than this takes longer than it saves in the freeze."""
_BASIS = 3
"""Passes that tell how the source behaves nowadays."""
_KIB = 1024
_TELLING_BYTES = 1 << 20
_TELLING_FILES = 100
"""A pass over less says nothing about rates: its fixed cost hides them."""
_STOP_SECONDS = 0.3
"""To stop and thaw the writers, until a freeze has shown it; hooks run before anything stands."""
_DIVERGES = (
    "the source changes faster than it can be copied: further passes do not get smaller. Raise the"
    " limits, exclude what changes, or cut over at a quieter hour."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeForecast:
    """The forecast; bytes and seconds.

    Attributes:
        dirty_bytes: Bytes a second that the passes have to read because something changed.
        dirty_files: Objects a second, likewise.
        link: Bytes a second that the passes carried at best; 0 while nothing told it.
        overhead: Seconds of the freeze whatever changed: stopping, the scan, thawing.
        data: Seconds of the freeze for what changed.
        converges: False when the source changes faster than passes can follow.
    """

    dirty_bytes: float
    dirty_files: float
    link: float
    overhead: float
    data: float
    converges: bool

    @property
    def seconds(self) -> float:
        """The whole freeze."""
        return self.overhead + self.data


@dataclass(frozen=True, slots=True)
class _Rates:
    link: float
    files: float

    def seconds(self, size: float, count: float) -> float:
        """What this much takes, fixed costs apart: the slower of bytes and objects decides."""
        by_size = size / self.link if self.link else 0.0
        return max(by_size, count / self.files if self.files else 0.0)

    def limited(self, limit: int) -> _Rates:
        """With no more than ``limit`` KB/s on the link, 0 for no limit."""
        return replace(self, link=min(self.link, limit * _KIB)) if limit and self.link else self


def forecast(passes: Sequence[Pass], *, now: float, limit: int = 0) -> FreezeForecast | None:
    """The forecast from the passes onto one target, oldest first; None before the second.

    Args:
        now: Seconds since 1970.
        limit: KB/s that may be sent, 0 for no limit.
    """
    pairs = [(a, b) for a, b in itertools.pairwise(passes) if b.started > a.started]
    if not pairs:
        return None
    recent = pairs[-_BASIS:]
    span = sum(b.started - a.started for a, b in recent)
    dirty_bytes = sum(b.bytes_read for _, b in recent) / span
    dirty_files = sum(b.files + b.deleted for _, b in recent) / span
    shown = _rates(passes)
    fixed = statistics.median(
        max(0.0, b.seconds - shown.seconds(b.bytes_read, b.files + b.deleted)) for _, b in recent
    )
    rates = shown.limited(limit)
    waited = max(0.0, now - passes[-1].started)
    last = _last_warm_pass(dirty_bytes, dirty_files, rates, fixed=fixed, waited=waited)
    return FreezeForecast(
        dirty_bytes=dirty_bytes,
        dirty_files=dirty_files,
        link=rates.link,
        overhead=_stop_seconds(passes) + fixed,
        data=rates.seconds(dirty_bytes * last, dirty_files * last),
        converges=rates.seconds(dirty_bytes, dirty_files) < 1.0,
    )


def lines(foreseen: FreezeForecast) -> list[str]:
    """The forecast for a person."""
    now = (
        f"freeze at cutover now: about {foreseen.overhead:.1f} s + {foreseen.data:.1f} s of data"
        f" (the source changes {size(foreseen.dirty_bytes)}/s, the passes carry"
        f" {size(foreseen.link)}/s)"
    )
    return [now] if foreseen.converges else [now, _DIVERGES]


def _rates(passes: Sequence[Pass]) -> _Rates:
    timed = [p for p in passes if p.seconds > 0]
    sizes = [p.bytes_read / p.seconds for p in timed if p.bytes_read >= _TELLING_BYTES]
    counts = [p.files / p.seconds for p in timed if p.files >= _TELLING_FILES]
    link = max(sizes or [p.bytes_read / p.seconds for p in timed], default=0.0)
    return _Rates(link, max(counts or [p.files / p.seconds for p in timed], default=0.0))


def _last_warm_pass(
    dirty_bytes: float, dirty_files: float, rates: _Rates, *, fixed: float, waited: float
) -> float:
    """Seconds that the last warm pass of a cutover takes, as `Copier.warm` would end."""
    seconds, before = waited, 0.0
    for number in range(MOST_WARM_PASSES):
        changed = dirty_bytes * seconds
        seconds = fixed + rates.seconds(changed, dirty_files * seconds)
        if changed < SMALL_DELTA or (number and changed >= before / 2):
            break
        before = changed
    return seconds


def _stop_seconds(passes: Sequence[Pass]) -> float:
    shown = [p.freeze_seconds - p.seconds for p in passes if p.freeze_seconds > 0]
    return max(0.0, shown[-1]) if shown else _STOP_SECONDS
