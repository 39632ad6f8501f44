# SPDX-License-Identifier: Apache-2.0
"""Sender and receiver under changes between passes and faults during them: the trees end equal."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import tempfile
import time
from pathlib import Path

import pytest
from fakes.replication import CutLink, Rig, rig
from fakes.trees import look
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostlift.errors import TargetLost
from hostlift.replicate.reread import reread
from hostlift.replicate.wire import Link

MIB = 1 << 20
NAMES = ("a", "b", "c", "d")
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


class Killed(BaseException):
    """The sender's process ends here."""


class KillLink(CutLink):
    """Kills the sender instead of the connection."""

    def _spend(self, count: int) -> None:
        self.budget -= count
        if self.budget < 0:
            raise Killed


class Mutator:
    """Changes a tree at random, repeatably."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)

    def path(self) -> Path:
        depth = self.random.randint(1, 3)
        return self.root.joinpath(*(self.random.choice(NAMES) for _ in range(depth)))

    def clear(self, path: Path) -> bool:
        """Make room for something at a path; False when a parent is no directory (or a link)."""
        if any(p.is_symlink() for p in path.parents if p.is_relative_to(self.root)):
            return False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            return False
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or path.exists():
            path.unlink()
        return True

    def one(self) -> None:
        choices = [
            self.small, self.small, self.small, self.large, self.folder, self.symlink, self.fifo,
            self.link, self.link, self.rename, self.rename, self.remove, self.touch, self.mode,
            self.patch, self.patch, self.patch, self.resize, self.attribute, self.punch,
        ]  # fmt: skip
        self.random.choice(choices)()

    def small(self) -> None:
        path = self.path()
        if self.clear(path):
            path.write_bytes(self.random.randbytes(self.random.choice([0, 1, 100, 5000, 70_000])))

    def large(self) -> None:
        path = self.path()
        if self.clear(path):
            with path.open("wb") as file:
                file.truncate(8 * MIB + self.random.choice([0, 1, MIB, 3 * MIB + 77]))
            self.write_some(path)

    def write_some(self, path: Path) -> None:
        size = path.stat().st_size
        with path.open("r+b") as file:
            for _ in range(self.random.randint(1, 3)):
                file.seek(self.random.randrange(max(1, size)))
                file.write(self.random.randbytes(self.random.choice([1, 4096, 300_000])))

    def files(self) -> list[Path]:
        return sorted(p for p in self.root.rglob("*") if p.is_file() and not p.is_symlink())

    def anything(self) -> list[Path]:
        return sorted(p for p in self.root.rglob("*") if not p.is_symlink())

    def some(self, paths: list[Path]) -> Path | None:
        return self.random.choice(paths) if paths else None

    def patch(self) -> None:
        if path := self.some(self.files()):
            self.write_some(path)

    def resize(self) -> None:
        if path := self.some(self.files()):
            os.truncate(path, self.random.choice([0, 10, 8 * MIB, 9 * MIB + 5, 8 * MIB - 1]))

    def punch(self) -> None:
        large = [p for p in self.files() if p.stat().st_size >= 8 * MIB]
        if path := self.some(large):
            size = path.stat().st_size
            at = self.random.randrange(8) * MIB
            os.truncate(path, at)
            os.truncate(path, size)

    def folder(self) -> None:
        path = self.path()
        if self.clear(path):
            path.mkdir()

    def symlink(self) -> None:
        path = self.path()
        if self.clear(path):
            path.symlink_to(self.random.choice(["/nonexistent", "..", "b", "missing"]))

    def fifo(self) -> None:
        path = self.path()
        if self.clear(path):
            os.mkfifo(path)

    def link(self) -> None:
        old, new = self.some(self.files()), self.path()
        if old and old != new and new not in old.parents and self.clear(new) and old.exists():
            os.link(old, new)

    def rename(self) -> None:
        old, new = self.some(self.anything()), self.path()
        if old is None or new == old or new in old.parents or old in new.parents:
            return
        if self.clear(new) and old.exists():
            old.rename(new)

    def remove(self) -> None:
        if path := self.some(self.anything()):
            self.clear(path)

    def touch(self) -> None:
        if path := self.some(self.anything()):
            when = self.random.randrange(-(10**18), 2 * 10**18)
            os.utime(path, ns=(when, when))

    def mode(self) -> None:
        if path := self.some(self.anything()):
            path.chmod(self.random.choice([0o755, 0o700, 0o4711, 0o1777]))

    def attribute(self) -> None:
        if path := self.some(self.files()):
            with contextlib.suppress(OSError):
                os.setxattr(path, "trusted.t", self.random.randbytes(self.random.randrange(20)))


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
@given(seed=st.integers(0, 2**32), rounds=ROUNDS)
def test_trees_end_equal_whatever_happens_between(
    seed: int, rounds: list[tuple[int, str, int]]
) -> None:
    """Changes, cuts, kills and restarts in any order; after one quiet pass nothing differs."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        it = rig(Path(folder))
        mutator = Mutator(it.source, seed)
        for changes, fault, budget in rounds:
            for _ in range(changes):
                mutator.one()
            _faulty_pass(it, fault, budget)
        time.sleep(0.03)
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
