# SPDX-License-Identifier: Apache-2.0
"""Sender and receiver under changes between passes and faults during them: the trees end equal."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.mutator import Mutator
from fakes.replication import CutLink, Rig, rig
from fakes.trackers import Oracle
from fakes.trees import look
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostlift.errors import TargetLost
from hostlift.replicate.reread import reread
from hostlift.replicate.wire import Link

FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


class Killed(BaseException):
    """The sender's process ends here."""


class KillLink(CutLink):
    """Kills the sender instead of the connection."""

    def _spend(self, count: int) -> None:
        self.budget -= count
        if self.budget < 0:
            raise Killed


FAULTS = st.sampled_from(["none", "cut", "cut", "kill", "kill", "restart", "anew"])
ROUNDS = st.lists(
    st.tuples(st.integers(0, 12), FAULTS, st.integers(0, 2**22)), min_size=1, max_size=5
)


def _faulty_pass(it: Rig, fault: str, budget: int) -> None:
    cut = iter([budget, budget // 3, budget // 7])

    def wrap(sock: socket.socket) -> Link:
        left = next(cut, None)
        if left is None or fault == "none":
            return sock
        it.restarts = int(fault == "restart")
        return (KillLink if fault == "kill" else CutLink)(sock, left)

    it.wrap = wrap
    it.connections = 0
    if fault == "anew":
        it.restart_receiver()
        shutil.rmtree(it.target)
        it.target.mkdir()
        it.generation += "x"
        it.wrap = None
    with contextlib.suppress(Killed):
        it.run(streams=2)
    it.wrap = None
    it.restarts = 0


@settings(
    max_examples=int(os.environ.get("HOSTLIFT_EXAMPLES", "8")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=False,
)
@given(seed=st.integers(0, 2**32), rounds=ROUNDS, tracked=st.booleans())
def test_trees_end_equal_whatever_happens_between(
    seed: int, rounds: list[tuple[int, str, int]], *, tracked: bool
) -> None:
    """Changes, cuts, kills and restarts in any order; after one quiet pass nothing differs."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        it = rig(Path(folder))
        if tracked:
            it.options = replace(it.options, tracker=Oracle)
        mutator = Mutator(it.source, seed, maps=False)
        for changes, fault, budget in rounds:
            for _ in range(changes):
                mutator.one()
            _faulty_pass(it, fault, budget)
        it.rest()
        it.run()
        assert look(it.source) == look(it.target)
        with it.opened() as manifest:
            known = list(manifest.entries("v"))
            assert manifest.totals("v").entries == len(known)
        assert known == list(reread(it.target, drop_caches=False))


def test_a_target_made_anew_is_noticed(tmp_path: Path) -> None:
    """The receiver's volume has another generation than the manifest's."""
    it = rig(tmp_path)
    it.run()
    it.restart_receiver()
    it.receiver = it.make_receiver()
    it.generation = "other"
    with pytest.raises(TargetLost):
        it.run()
