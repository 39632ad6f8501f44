# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL under load is copied; the copy is whole and lacks nothing committed before the freeze."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.cgroups import private_group
from fakes.databases import Postgres, Recorder, ext4, launch, members, reaped, scratch
from fakes.replication import Rig

from hostlift.events import Event, Note
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.replicate.freeze import FreezePlan, before_pass, frozen

pytestmark = [pytest.mark.root, pytest.mark.slow]

GIB = 1 << 30
CLIENTS = 4
SCALE = 5
WITH = {"commands": SystemCommands(), "clock": SystemClock()}
BALANCES = "SELECT " + ", ".join(
    f"(SELECT sum({column}) FROM {table})"
    for table, column in {
        "pgbench_accounts": "abalance",
        "pgbench_tellers": "tbalance",
        "pgbench_branches": "bbalance",
        "pgbench_history": "delta",
    }.items()
)


@dataclass
class Site:
    """A server under load, and where its copy goes."""

    folder: Path
    group: Path
    server: Postgres
    rig: Rig
    recorders: list[Recorder]
    notes: list[Event] = field(default_factory=list)

    @property
    def plan(self) -> FreezePlan:
        return FreezePlan(scope=self.group / "source", hooks=("postgresql",))

    def warnings(self) -> list[str]:
        return [n.text for n in self.notes if isinstance(n, Note)]


@pytest.fixture
def site() -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch())
        group = stack.enter_context(private_group("postgresql"))
        disk = stack.enter_context(ext4(folder, 4 * GIB))
        stack.enter_context(reaped(group))
        (group / "source").mkdir()
        server = Postgres(disk / "db", folder / "run", group / "source" / "server")
        server.create()
        server.start()
        server.query("CREATE EXTENSION amcheck")
        server.query("CREATE TABLE ledger (who int, n int, PRIMARY KEY (who, n))")
        server.tool("pgbench", "-i", "-q", "-s", str(SCALE), *server.place())
        load = [f"{server.bin}/pgbench", "-n", "-c", str(CLIENTS), "-j", "2", "-T", "900"]
        launch(group / "source" / "load", folder / "load.log", [*load, *server.place()])
        recorders = [Recorder(folder / f"{i}.log", i, "ledger") for i in (1, 2)]
        for recorder in recorders:
            recorder.start(group / "source" / "load", server.client())
        rig = Rig(disk, folder / "target", folder / "state.db")
        rig.target.mkdir()
        yield Site(folder, group, server, rig, recorders)
        rig.restart_receiver()


def test_a_copy_taken_under_load_starts_whole(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    """Warm passes, a frozen one; checksums, amcheck and balances hold; the source goes on."""
    for recorder in site.recorders:
        recorder.goes_on()
    before_pass(site.plan, sink=site.notes.append, **WITH)
    for _ in range(3):
        site.rig.run()
        for recorder in site.recorders:
            recorder.goes_on()
    with frozen(site.plan, sink=site.notes.append, **WITH) as ice:
        committed = [recorder.acknowledged() for recorder in site.recorders]
        report = site.rig.run(final=True)
        assert [recorder.acknowledged() for recorder in site.recorders] == committed
    with frozen(site.plan, sink=site.notes.append, **WITH) as empty:
        pass
    record_property("stopped", ice.seconds)
    record_property("stopped without a pass", empty.seconds)
    record_property("pass", report.seconds)
    assert site.warnings() == []
    assert (report.findings, report.hot) == ((), ())
    for recorder in site.recorders:
        recorder.goes_on()
    assert len(members(site.group / "source" / "load")) > CLIENTS
    check_copy(site, committed)


def check_copy(site: Site, committed: list[int]) -> None:
    """By the database's own means."""
    copy = Postgres(site.rig.target / "db", site.folder / "copy", site.group / "copy")
    (copy.data / "postmaster.pid").unlink()  # names a process of the source's
    copy.start()
    for recorder, last in zip(site.recorders, committed, strict=True):
        assert last > 10
        rows = copy.query(
            f"SELECT count(*), max(n) FROM ledger WHERE who = {recorder.name} AND n <= {last}"
        )
        assert rows == f"{last} {last}"
    balances = copy.query(BALANCES).split(" ")
    assert len(set(balances)) == 1, balances
    words = ["--install-missing", "--heapallindexed", "--parent-check"]
    assert copy.tool("pg_amcheck", *words, *copy.place()) == ""
    copy.stop()
    said = copy.tool("pg_checksums", "--check", "-D", str(copy.data))
    assert "Bad checksums:  0" in said
    assert int(said.split("Blocks scanned:")[1].split()[0]) > 1000


def test_a_checkpoint_is_asked_for_before_a_pass(site: Site) -> None:
    """The hook finds the server by its socket, and is its user."""
    before = site.server.query("SELECT checkpoint_lsn FROM pg_control_checkpoint()")
    before_pass(site.plan, sink=site.notes.append, **WITH)
    assert site.warnings() == []
    assert site.server.query("SELECT checkpoint_lsn FROM pg_control_checkpoint()") != before
