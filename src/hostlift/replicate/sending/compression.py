# SPDX-License-Identifier: Apache-2.0
"""How hard a stream compresses: what the link makes worth it, batch by batch.

A byte costs its stream either processor time or time on the link, whichever is longer, so that rung
of the ladder is taken whose larger part is smallest; between equals the one that computes less.
The link's rate is only learnt while the link is what everybody waits for: the sender has bytes that
do not go out, and the receiver had nothing to do. Otherwise the link is faster than what was seen
of it, and is believed to be faster and faster until not compressing has had its chance again.

Measured on text files of 1-8 KiB in batches (2 cores, zstandard 0.25), microseconds a file of 4.4
KiB: level -7 10.0 (ratio 2.1), -1 11.7 (2.8), 1 11.3 (3.5), 3 14.0 (5.4); TLS of what is saved 1-2.
So negative levels give up half the ratio and no less time: the ladder is nothing, 1, 3 and more.
Random data are left alone by zstd itself (8,800 MB/s) and need no probe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zstandard

from hostlift.ports.clock import Clock
from hostlift.replicate import ops
from hostlift.replicate.protocol import Body, Codec

Squeeze = Callable[[Body, int], tuple[Codec, Body]]
"""Compresses at a level; level 0 does nothing."""

_LADDER: Final = ((1, 1.0), (3, 1.7), (6, 3.0), (9, 2.0), (15, 7.0))
"""Level; how much more time it takes than the one below."""
_FIRST_COST = 3e-9
_FIRST_RATIO = 0.5
"""Of level 1: seconds a byte, and what is left of it."""
_BETTER = 0.9
"""What a level is believed to leave of what the one below it does, until that is measured."""
_MEMORY = 50
"""Looks at the clock after which a measurement is too old: the files may be others by now."""
_FIRST_RATE = 50e6
"""Bytes a second that a link is believed to carry at first: too few to go without compression."""
_GROWTH = 0.5
"""By how much more it is believed to carry after a look at it that did not show its limit."""
_CAUTION = 0.01
"""The same right after its limit was seen, and how that grows from look to look."""
_IMPATIENCE = 1.1
_FASTEST = 1e12
_NEW = 0.3
"""Weight of the latest measurement."""
_WAITING = 0.1
"""Part of the time: less of it spent waiting says nothing."""
_GAIN = 0.95
"""A higher rung must take less than this of the time."""
_LEAST_SECONDS = 0.05


@dataclass(slots=True)
class _Rung:
    """A level; seconds that it was seen to take for a byte, and what it left of it.

    Attributes:
        factor: How much more time than the level below it may take.
        fresh: For how long what was seen will be believed.
    """

    level: int
    factor: float
    cost: float = 0.0
    ratio: float = 1.0
    fresh: int = 0

    def learn(self, cost: float, ratio: float) -> None:
        """It was used."""
        weight = _NEW if self.fresh else 1.0
        self.cost += (cost - self.cost) * weight
        self.ratio += (ratio - self.ratio) * weight
        self.fresh = _MEMORY


class Compression:
    """The level of one stream; used by its thread only.

    Args:
        most: The highest level that may be taken; 0 never compresses.
        clock: Measures what compressing costs and how long the link is waited for.
        squeeze: Compresses.
    """

    def __init__(self, most: int, clock: Clock, squeeze: Squeeze | None = None) -> None:
        self._rungs = [_Rung(0, 0.0)]
        self._rungs += [_Rung(*rung) for rung in _LADDER if rung[0] <= most]
        self._at = min(1, len(self._rungs) - 1)
        self._clock = clock
        self._squeeze = squeeze or _Zstandard()
        self._rate = _FIRST_RATE
        self._growth = _GROWTH
        self._starved = True
        self._begin(clock.monotonic())

    @property
    def level(self) -> int:
        """The level of the next batch, as far as is known by now."""
        return self._rungs[self._at].level

    def body(self, payload: Body) -> tuple[Codec, Body]:
        """A batch's body, compressed as is worth it."""
        start = self._clock.monotonic()
        if start - self._since >= _LEAST_SECONDS and self._raw:
            self._judge(start)
        rung = self._rungs[self._at]
        codec, body = self._squeeze(payload, rung.level)
        took = self._clock.monotonic() - start
        if rung.level and payload:
            rung.learn(took / len(payload), len(body) / len(payload))
        self._raw += len(payload)
        self._out += len(body)
        self._computing += took
        return codec, body

    def waited(self, seconds: float) -> None:
        """There was something to send, and the link did not take it."""
        self._waiting += seconds

    def answered(self, idle: float, elapsed: float) -> None:
        """Of the last ``elapsed`` seconds the receiver had nothing to do for ``idle``."""
        if elapsed > 0:
            self._starved = idle / elapsed >= _WAITING

    def _begin(self, now: float) -> None:
        self._since = now
        self._raw = self._out = 0
        self._waiting = self._computing = 0.0

    def _judge(self, now: float) -> None:
        elapsed = now - self._since
        seen = self._out / elapsed
        if self._starved and self._waiting >= _WAITING * elapsed:
            self._rate = seen if seen < self._rate else self._rate + (seen - self._rate) * _NEW
            self._growth = _CAUTION
        else:
            self._rate = min(_FASTEST, max(seen, self._rate) * (1 + self._growth))
            self._growth = min(_GROWTH, self._growth * _IMPATIENCE)
        for rung in self._rungs:
            rung.fresh = max(0, rung.fresh - 1)
        other = max(0.0, elapsed - self._waiting - self._computing) / self._raw
        best = max(0, self._at - 1)
        for candidate in range(best + 1, min(len(self._rungs), self._at + 2)):
            if self._seconds(candidate, other) < _GAIN * self._seconds(best, other):
                best = candidate
        self._at = best
        self._begin(now)

    def _seconds(self, at: int, other: float) -> float:
        """What a byte takes on a rung; ``other``: reading it and all else that is computed."""
        cost, ratio = self._believed(at)
        return max(other + cost, ratio / self._rate)

    def _believed(self, at: int) -> tuple[float, float]:
        rung = self._rungs[at]
        if at == 0 or rung.fresh:
            return rung.cost, rung.ratio
        if at == 1:
            return _FIRST_COST, _FIRST_RATIO
        cost, ratio = self._believed(at - 1)
        return cost * rung.factor, ratio * _BETTER


class _Zstandard:
    """Compressors, made when they are first wanted."""

    def __init__(self) -> None:
        self._made: dict[int, zstandard.ZstdCompressor] = {}

    def __call__(self, payload: Body, level: int) -> tuple[Codec, Body]:
        if not level:
            return Codec.RAW, payload
        if level not in self._made:
            self._made = {level: zstandard.ZstdCompressor(level=level)}
        return ops.compress(payload, self._made[level])
