# SPDX-License-Identifier: Apache-2.0
"""MariaDB with concurrent writers is copied; the copy's tables are whole and lack nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.cgroups import private_group
from fakes.databases import MariaDb, Recorder, eventually, ext4, reaped, scratch
from fakes.replication import Rig

from hostlift.events import Event, Note
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands, end_group, spawn
from hostlift.replicate.freeze import FreezePlan, frozen

pytestmark = [pytest.mark.root, pytest.mark.slow]

GIB = 1 << 30
WITH = {"commands": SystemCommands(), "clock": SystemClock()}
TABLES = ("orders", "journal")
"""InnoDB, which recovers; MyISAM, which does not."""


@dataclass
class Site:
    """A server with writers, and where its copy goes."""

    folder: Path
    group: Path
    server: MariaDb
    rig: Rig
    recorders: list[Recorder]
    notes: list[Event] = field(default_factory=list)

    @property
    def plan(self) -> FreezePlan:
        return FreezePlan(scope=self.group / "source", hooks=("mysql",))

    def warnings(self) -> list[str]:
        return [n.text for n in self.notes if isinstance(n, Note)]


def schema(server: MariaDb) -> None:
    """The tables, each with an index of its own, and a user for the writers."""
    server.query("CREATE DATABASE shop")
    for table, engine in zip(TABLES, ("InnoDB", "MyISAM"), strict=True):
        columns = "who INT, n INT, filler CHAR(200) DEFAULT 'x', PRIMARY KEY (who, n), KEY (n)"
        server.query(f"CREATE TABLE shop.{table} ({columns}) ENGINE={engine}")
    server.query("CREATE USER writer@localhost; GRANT ALL ON shop.* TO writer@localhost")


@pytest.fixture
def site() -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch())
        group = stack.enter_context(private_group("mariadb"))
        disk = stack.enter_context(ext4(folder, 2 * GIB))
        stack.enter_context(reaped(group))
        (group / "source").mkdir()
        server = MariaDb(disk / "db", folder / "run", group / "source" / "server")
        server.create()
        server.start()
        schema(server)
        recorders = [
            Recorder(folder / f"{table}{who}.log", who, f"shop.{table} (who, n)")
            for table in TABLES
            for who in (1, 2)
        ]
        for recorder in recorders:
            recorder.start(group / "source" / "load", server.client("writer"))
        rig = Rig(disk, folder / "target", folder / "state.db")
        rig.target.mkdir()
        yield Site(folder, group, server, rig, recorders)
        rig.restart_receiver()


def test_a_copy_taken_under_load_starts_whole(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    """Warm passes, a frozen one; CHECK TABLE finds every table closed and sound."""
    for _ in range(3):
        for recorder in site.recorders:
            recorder.goes_on()
        site.rig.run()
    with frozen(site.plan, sink=site.notes.append, **WITH) as ice:
        committed = [recorder.acknowledged() for recorder in site.recorders]
        report = site.rig.run(final=True)
        assert [recorder.acknowledged() for recorder in site.recorders] == committed
    with frozen(site.plan, sink=site.notes.append, **WITH) as empty:
        pass
    record_property("hooks", ice.hook_seconds)
    record_property("stopped", ice.seconds)
    record_property("stopped without a pass", empty.seconds)
    assert site.warnings() == []
    assert (report.findings, report.hot) == ((), ())
    for recorder in site.recorders:
        recorder.goes_on()
    check_copy(site, committed)


def check_copy(site: Site, committed: list[int]) -> None:
    """By the database's own means, before anything could repair what it finds."""
    copy = MariaDb(site.rig.target / "db", site.folder / "copy", site.group / "copy")
    copy.start()
    for table in TABLES:
        assert copy.query(f"CHECK TABLE shop.{table} EXTENDED").split() == [
            f"shop.{table}", "check", "status", "OK",
        ]  # fmt: skip
    for recorder, last in zip(site.recorders, committed, strict=True):
        assert last > 10
        table, _ = recorder.table.split(" ", 1)
        where = f"FROM {table} WHERE who = {recorder.name}"
        assert copy.query(f"SELECT COUNT(*), MAX(n) {where} AND n <= {last}") == f"{last}\t{last}"
        assert int(copy.query(f"SELECT COUNT(*) {where} AND n > {last}")) <= 1
    sound = copy.query("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop'")
    assert sound == str(len(TABLES))
    copy.stop()


def waiting(server: MariaDb) -> int:
    """How many of the writers wait for the global lock."""
    states = "state LIKE 'Waiting for %lock' AND user = 'writer'"
    return int(server.query(f"SELECT COUNT(*) FROM information_schema.processlist WHERE {states}"))


def test_the_lock_is_held_through_the_freeze_and_let_go_after(site: Site) -> None:
    """Within the block writers wait for the hook's client, not only for the freezer."""
    with frozen(site.plan, sink=site.notes.append, **WITH):
        (site.group / "source" / "cgroup.freeze").write_text("0")
        eventually(lambda: waiting(site.server) == len(site.recorders), "writers at the lock")
    assert site.warnings() == []
    for recorder in site.recorders:
        recorder.goes_on()


def test_a_long_query_keeps_the_hook_from_locking_and_nothing_from_the_copy(site: Site) -> None:
    """A statement that writes for long: the hook gives up soon, with a warning; no lock remains."""
    client = site.server.client("root")
    slow = "INSERT INTO shop.journal (who, n) SELECT 9, SLEEP(60)"
    blocker = spawn([*client, f"--execute={slow}"])
    try:
        busy = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'"
        eventually(lambda: site.server.query(busy) == "1", "the long statement")
        with frozen(site.plan, sink=site.notes.append, **WITH) as ice:
            assert ice.hook_seconds < 10
        assert [w.split(":")[0] for w in site.warnings()] == ["hook mysql"]
        site.recorders[0].goes_on()
    finally:
        end_group(blocker)
