# SPDX-License-Identifier: Apache-2.0
"""Redis without an append-only file has in memory what a copy needs on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.cgroups import private_group
from fakes.databases import as_user, eventually, launch, program, reaped, scratch

from hostlift.errors import HostError
from hostlift.events import Event
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.replicate.freeze import FreezePlan, frozen

pytestmark = pytest.mark.root


class Redis:
    """A server on a Unix socket; its snapshots go to ``folder``."""

    def __init__(self, folder: Path, group: Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        self.folder, self.group = folder, group
        self.socket = folder / "redis.sock"

    def start(self, *options: str) -> None:
        # The checker's program is the server's under another name; it comes without a service.
        server = self.folder / "redis-server"
        server.symlink_to(program("redis-check-rdb"))
        words = [str(server), "--port", "0", "--unixsocket", str(self.socket)]
        launch(self.group, self.folder / "log", [*words, "--dir", str(self.folder), *options])

        def ready() -> bool:
            with contextlib.suppress(HostError):
                return self.say("PING") == "PONG"
            return False

        eventually(ready, "Redis")

    def say(self, *words: str) -> str:
        return as_user([program("redis-cli"), "-s", str(self.socket), *words]).strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


@pytest.fixture
def group() -> Iterator[Path]:
    with private_group("redis") as path, reaped(path):
        yield path


def test_what_is_only_in_memory_is_saved_for_the_freeze(folder: Path, group: Path) -> None:
    """The snapshot on disk within the block holds the newest key."""
    (group / "source").mkdir()
    source = Redis(folder / "source", group / "source" / "server")
    source.start("--save", "3600 1")
    source.say("SET", "order", "17")
    assert not (source.folder / "dump.rdb").exists()
    plan = FreezePlan(scope=group / "source", hooks=("redis",))
    copy = Redis(folder / "copy", group / "copy")
    notes: list[Event] = []
    with frozen(plan, commands=SystemCommands(), clock=SystemClock(), sink=notes.append):
        (copy.folder / "dump.rdb").write_bytes((source.folder / "dump.rdb").read_bytes())
    assert notes == []
    copy.start()
    assert copy.say("GET", "order") == "17"


def test_one_that_logs_what_it_is_told_needs_no_snapshot(folder: Path, group: Path) -> None:
    """Its log is on disk already."""
    (group / "source").mkdir()
    source = Redis(folder / "source", group / "source" / "server")
    source.start("--appendonly", "yes", "--save", "3600 1")
    source.say("SET", "order", "17")
    plan = FreezePlan(scope=group / "source", hooks=("redis",))
    notes: list[Event] = []
    with frozen(plan, commands=SystemCommands(), clock=SystemClock(), sink=notes.append):
        assert not (source.folder / "dump.rdb").exists()
        logs = list((source.folder / "appendonlydir").glob("*.incr.aof"))
        assert any(b"order" in log.read_bytes() for log in logs)
    assert notes == []
