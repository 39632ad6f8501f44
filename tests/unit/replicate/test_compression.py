# SPDX-License-Identifier: Apache-2.0
"""How hard a stream compresses, on links and machines that are only played."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from fakes.clock import FakeClock

from hostlift.replicate.protocol import Codec
from hostlift.replicate.sending.compression import Compression

MIB = 1 << 20
BATCH = bytes(4 * MIB)
COSTS = {0: 0.0, 1: 1 / 400e6, 3: 1 / 230e6, 6: 1 / 80e6, 9: 1 / 40e6, 15: 1 / 5e6}
RATIOS = {0: 1.0, 1: 0.4, 3: 0.33, 6: 0.31, 9: 0.28, 15: 0.275}


@dataclass
class Play:
    """A sender that reads at ``reads`` bytes a second, a link, and a receiver behind it.

    Bytes wait in the link's buffer while the next batch is read and compressed.
    """

    most: int
    link: float
    reads: float = 150e6
    writes: float = 1e12
    compressible: bool = True
    clock: FakeClock = field(default_factory=FakeClock)
    levels: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.compression = Compression(self.most, self.clock, self.squeeze)

    def squeeze(self, payload: bytes, level: int) -> tuple[Codec, bytes]:
        self.levels.append(level)
        self.clock.time += len(payload) * COSTS[level] * (1 if self.compressible else 0.05)
        ratio = RATIOS[level] if self.compressible else 1.0
        return Codec.RAW, payload[: int(len(payload) * ratio)]

    def send(self, batches: int) -> float:
        """Seconds that it takes."""
        start = self.clock.time
        free = start
        for _ in range(batches):
            begun = self.clock.time
            self.clock.time += len(BATCH) / self.reads
            _, body = self.compression.body(BATCH)
            if free > self.clock.time:
                self.compression.waited(free - self.clock.time)
                self.clock.time = free
            takes = max(len(body) / self.link, len(BATCH) / self.writes)
            free = self.clock.time + takes
            idle = max(0.0, self.clock.time - begun - len(BATCH) / self.writes)
            self.compression.answered(idle, self.clock.time - begun)
        return self.clock.time - start


@pytest.mark.parametrize("most", [1, 3, 19])
def test_a_fast_link_is_not_slowed(most: int) -> None:
    """But for a few batches at first and now and then, nothing is compressed."""
    fast, plain = Play(most, 5e9), Play(0, 5e9)
    assert fast.send(200) < 1.03 * plain.send(200)
    assert fast.levels[-100:].count(0) > 95


def test_a_slow_link_gets_the_most_that_pays() -> None:
    """At 2 MB/s any level is paid back; the limit is a limit."""
    for most, last in ((1, 1), (3, 3), (5, 3), (9, 9)):
        play = Play(most, 2e6)
        play.send(60)
        assert play.compression.level == last


def test_a_middling_link_gets_the_level_that_is_best_for_it() -> None:
    """Nearly as fast as the best of them, whichever that is: the search costs a little."""
    for rate in (20e6, 60e6, 120e6, 300e6):
        adaptive = Play(9, rate).send(400)
        fixed = [
            max(len(BATCH) / 150e6 + len(BATCH) * COSTS[level], len(BATCH) * RATIOS[level] / rate)
            for level in (0, 1, 3, 6, 9)
        ]
        assert adaptive < 1.15 * 400 * min(fixed)


def test_a_slow_receiver_is_no_reason_to_compress() -> None:
    """What waits for the target's disk would wait as long in fewer bytes."""
    play = Play(9, 5e9, writes=60e6)
    play.send(200)
    assert play.levels[-100:].count(0) > 90


def test_a_link_that_becomes_fast_is_found_out() -> None:
    """And one that becomes slow again."""
    play = Play(3, 2e6)
    play.send(60)
    assert play.compression.level == 3
    play.link = 5e9
    play.send(60)
    assert play.compression.level == 0
    play.link = 2e6
    play.send(60)
    assert play.compression.level == 3


def test_level_zero_is_an_order() -> None:
    """Nothing is compressed, however slow the link is."""
    play = Play(0, 1e5)
    play.send(50)
    assert set(play.levels) == {0}


def test_what_does_not_shrink_is_not_pressed_harder() -> None:
    """A slow link and random data: no higher level makes it fewer bytes."""
    play = Play(9, 2e6, compressible=False)
    play.send(100)
    assert play.compression.level <= 3


def test_real_batches_come_back() -> None:
    """With the real compressor: what shrinks is sent as such, what does not is sent as it is."""
    compression = Compression(1, FakeClock())
    codec, body = compression.body(b"all work and no play " * 10_000)
    assert codec is Codec.ZSTD
    assert len(body) < 10_000
