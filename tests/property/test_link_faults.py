# SPDX-License-Identifier: Apache-2.0
"""One pass over a link that breaks, stalls or damages bytes at any place: nothing wrong arrives."""

from __future__ import annotations

import os
import random
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

from fakes.clock import HastyClock
from fakes.replication import CutLink, Rig, rig
from fakes.trees import look
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hostlift.replicate.wire import Link

MIB = 1 << 20
LARGE = 24
WINDOW = 4 * MIB
LONGEST_BATCH = 9 * MIB // 2
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


class FlipLink(CutLink):
    """One bit is another on its way to the receiver."""

    def send(self, data: memoryview) -> int:
        if 0 <= self.budget < len(data):
            damaged = bytearray(data)
            damaged[self.budget] ^= 0x10
            data = memoryview(damaged)
        done = self.sock.send(data)
        self.budget -= done
        return done

    def _spend(self, count: int) -> None:
        """Nothing of what comes back counts."""


class DeafLink(FlipLink):
    """One bit is another on its way back."""

    def send(self, data: memoryview) -> int:
        return self.sock.send(data)

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        got = self.sock.recv_into(buffer)
        if 0 <= self.budget < got:
            buffer[self.budget] ^= 0x10
        self.budget -= got
        return got


class HoleLink(CutLink):
    """Takes everything, and from some byte on nothing of it goes anywhere."""

    def send(self, data: memoryview) -> int:
        if self.budget <= 0:
            return len(data)
        done = self.sock.send(data[: self.budget])
        self.budget -= done
        return done

    def _spend(self, count: int) -> None:
        """Nothing of what comes back counts."""


FAULTS: dict[str, type[CutLink]] = {
    "cut": CutLink,
    "flip": FlipLink,
    "flip back": DeafLink,
    "stall": HoleLink,
}
PLACES = st.integers(0, 3000) | st.integers(0, (LARGE + 2) * MIB)
FAULTY = st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), PLACES), min_size=1, max_size=3)


@settings(
    max_examples=int(os.environ.get("HOSTLIFT_EXAMPLES", "8")),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(seed=st.integers(0, 2**32), faults=FAULTY)
def test_one_pass_survives_whatever_happens_to_its_link(
    seed: int, faults: list[tuple[str, int]]
) -> None:
    """New files and changed ones; the trees end equal in that pass, and the bytes add up."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        it = rig(Path(folder), clock=HastyClock())
        it.options = replace(it.options, streams=1, level=0, window=WINDOW, stall=0.4)
        chance = random.Random(seed)
        size = _tree(it.source, chance)
        it.rest()
        _pass_with(it, faults, size)
        with (it.source / "large").open("r+b") as file:
            for index in range(0, LARGE, 2):
                file.seek(index * MIB)
                file.write(chance.randbytes(MIB))
        (it.source / "small3").write_bytes(b"other")
        it.rest()
        _pass_with(it, faults, LARGE // 2 * MIB)


def _tree(root: Path, chance: random.Random) -> int:
    (root / "large").write_bytes(chance.randbytes(LARGE * MIB))
    for index in range(20):
        (root / f"small{index}").write_bytes(chance.randbytes(50_000))
    return (LARGE + 1) * MIB


def _pass_with(it: Rig, faults: list[tuple[str, int]], news: int) -> None:
    left = iter(faults)

    def wrap(sock: socket.socket) -> Link:
        kind, place = next(left, ("", 0))
        return FAULTS[kind](sock, place) if kind else sock

    it.wrap = wrap
    report = it.run()
    assert look(it.source) == look(it.target)
    assert report.bytes_sent <= news + 50_000 + len(faults) * (WINDOW + LONGEST_BATCH)
