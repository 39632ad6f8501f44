# SPDX-License-Identifier: Apache-2.0
"""What the built-in hooks say to their services, on a drawn /proc with scripted clients."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.commands import Answer, ScriptedCommands

from hostlift.errors import CommandFailed, HostError
from hostlift.events import Event, Note
from hostlift.replicate.freezing.plan import FreezePlan
from hostlift.replicate.hooks import BUILT_IN, mongodb, mysql, postgresql, redis
from hostlift.replicate.hooks.contract import Site
from hostlift.replicate.hooks.rounds import Rounds
from hostlift.replicate.hooks.servers import servers

ACCEPTS, CONNECTED = "00010000", "00000000"


class Machine:
    """A /proc with servers that listen."""

    def __init__(self, root: Path) -> None:
        self.proc = root / "proc"
        self.net = self.proc / "self" / "net"
        self.net.mkdir(parents=True)
        (self.net / "unix").write_text("Num RefCount Protocol Flags Type St Inode Path\n")
        (self.net / "tcp").write_text("sl local_address rem_address st\n")
        self._namespaces(self.proc / "self", "1")
        self._inode = 100

    def _namespaces(self, folder: Path, name: str) -> None:
        (folder / "ns").mkdir(parents=True)
        for kind in ("mnt", "net"):
            (folder / "ns" / kind).symlink_to(f"{kind}:[{name}]")

    def runs(self, pid: int, name: str, *places: str | int, namespace: str = "1") -> None:
        folder = self.proc / str(pid)
        self._namespaces(folder, namespace)
        (folder / "comm").write_text(f"{name}\n")
        (folder / "fd").mkdir()
        (folder / "fd" / "0").symlink_to("/dev/null")
        for place in places:
            self._inode += 1
            (folder / "fd" / str(self._inode)).symlink_to(f"socket:[{self._inode}]")
            if isinstance(place, int):
                row = f"0: 0100007F:{place:04X} 00000000:0000 0A 0:0 0:0 0 0 0 {self._inode} 1\n"
                self._add("tcp", row)
            else:
                self._add("unix", f"0: 00000002 00000000 {ACCEPTS} 0001 01 {self._inode} {place}\n")

    def connects(self, pid: int, name: str, path: str) -> None:
        """A connection that a server has accepted, which is no place to connect to."""
        self.runs(pid, name)
        (self.proc / str(pid) / "fd" / "9").symlink_to("socket:[9]")
        self._add("unix", f"0: 00000003 00000000 {CONNECTED} 0001 03 9 {path}\n")

    def _add(self, name: str, row: str) -> None:
        with (self.net / name).open("a") as file:
            file.write(row)


@dataclass
class FakeClient:
    """A client that answers, or refuses."""

    argv: Sequence[str]
    refuses: bool = False
    lines: list[str] = field(default_factory=list)
    closed: bool = False

    def ask(self, line: str, answer: str, timeout: float) -> None:
        assert answer in line
        assert timeout < 30
        self.lines.append(line)
        if self.refuses:
            raise HostError("lock wait timeout exceeded", subject=self.argv[0])

    def close(self) -> None:
        self.closed = True


@dataclass
class Desk:
    """A site with what it takes to look at it afterwards."""

    commands: ScriptedCommands
    machine: Machine
    refuses: bool = False
    clients: list[FakeClient] = field(default_factory=list)

    def site(self) -> Site:
        return Site(
            commands=self.commands,
            clock=FakeClock(),
            connect=self._connect,
            proc=self.machine.proc,
        )

    def _connect(self, argv: Sequence[str]) -> FakeClient:
        self.clients.append(FakeClient(argv, self.refuses))
        return self.clients[-1]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def desk(machine: Machine, answers: dict[str, Answer] | None = None, *missing: str) -> Desk:
    return Desk(ScriptedCommands(answers, missing), machine)


def test_servers_are_found_where_they_listen(machine: Machine) -> None:
    """Unix sockets and ports; a forked worker adds nothing, a container's server is left out."""
    machine.runs(10, "mysqld", "/run/mysqld/mysqlx.sock", "/run/mysqld/mysqld.sock", 3306)
    machine.connects(11, "mysqld", "/run/mysqld/mysqld.sock")
    machine.runs(12, "mysqld", "/run/mysqld/mysqld.sock", namespace="7")
    machine.runs(13, "nginx", 80)
    found = servers({"mysqld"}, machine.proc)
    assert [(s.pid, s.sockets, s.ports) for s in found] == [
        (10, ("/run/mysqld/mysqld.sock", "/run/mysqld/mysqlx.sock"), (3306,))
    ]


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_no_hook_acts_where_its_service_does_not_run(machine: Machine, name: str) -> None:
    """The program may be installed; nobody listens."""
    assert not BUILT_IN[name].check(desk(machine).site())


def test_postgresql_is_asked_for_a_checkpoint_as_its_own_user(machine: Machine) -> None:
    """Each server once, by the socket it listens on."""
    machine.runs(10, "postgres", "/run/postgresql/.s.PGSQL.5432")
    machine.runs(11, "postgres", "/srv/pg/.s.PGSQL.6000", 6000)
    at = desk(machine, {"runuser": ""})
    assert postgresql.running(at.site())
    postgresql.HOOK.pre_pass(at.site())
    user = pwd.getpwuid(machine.proc.stat().st_uid).pw_name
    start = f"runuser -u {user} -- psql -X -q -h"
    end = "-d postgres -c CHECKPOINT"
    assert at.commands.lines == [
        f"{start} /run/postgresql -p 5432 {end}",
        f"{start} /srv/pg -p 6000 {end}",
    ]


def test_mysql_is_locked_while_it_has_tables_without_recovery(machine: Machine) -> None:
    """The lock is held by a client until the site lets go."""
    machine.runs(10, "mariadbd", "/run/mysqld/mysqlx.sock", "/run/mysqld/mysqld.sock")
    at = desk(machine, {"mysql": "3\n"}, "mariadb")
    site = at.site()
    mysql.lock(site)
    assert [c.argv[:2] for c in at.clients] == [["mysql", "--socket=/run/mysqld/mysqld.sock"]]
    assert "FLUSH TABLES WITH READ LOCK" in at.clients[0].lines[0]
    assert not at.clients[0].closed
    site.held.close()
    assert at.clients[0].closed


def test_mysql_with_nothing_but_innodb_is_not_locked(machine: Machine) -> None:
    """It recovers by itself, and a lock may keep writers waiting."""
    machine.runs(10, "mariadbd", "/run/mysqld/mysqld.sock")
    at = desk(machine, {"mariadb": "0\n"})
    mysql.lock(at.site())
    assert at.clients == []


def test_a_lock_that_mysql_refuses_is_not_held(machine: Machine) -> None:
    """The client goes with the error, and so does its place in the queue for the lock."""
    machine.runs(10, "mysqld", "/run/mysqld/mysqld.sock")
    at = Desk(ScriptedCommands({"mysql": "1\n"}, ["mariadb"]), machine, refuses=True)
    site = at.site()
    with pytest.raises(HostError, match="lock wait"):
        mysql.lock(site)
    site.held.close()
    assert at.clients[0].closed


def saving(*progress: str, status: str = "ok", aof: str = "0") -> Callable[[Sequence[str]], str]:
    """INFO persistence, one answer after the other."""
    left = list(progress)

    def answer(_argv: Sequence[str]) -> str:
        state = left.pop(0) if len(left) > 1 else left[0]
        return (
            f"# Persistence\r\naof_enabled:{aof}\r\nrdb_bgsave_in_progress:{state}\r\n"
            f"rdb_last_bgsave_status:{status}\r\n"
        )

    return answer


SAVE, CONFIG = "redis-cli -s /run/redis.sock BGSAVE", "redis-cli -s /run/redis.sock CONFIG GET save"
INFO = "redis-cli -s /run/redis.sock INFO persistence"


def test_redis_saves_and_is_waited_for(machine: Machine) -> None:
    """A save that was under way began too early: one more follows it."""
    machine.runs(10, "redis-server", "/run/redis.sock", 6379)
    info = saving("1", "1", "0", "1", "1", "0")
    at = desk(machine, {INFO: info, CONFIG: "save\n3600 1 300 100\n", SAVE: "Background\n"})
    redis.save(at.site())
    assert at.commands.lines == [INFO, CONFIG, INFO, INFO, SAVE, INFO, INFO, INFO]


@pytest.mark.parametrize(("aof", "save"), [("1", "3600 1"), ("0", "")])
def test_redis_with_a_log_or_as_a_cache_is_left_alone(
    machine: Machine, aof: str, save: str
) -> None:
    """What it promises to keep is on disk already."""
    machine.runs(10, "redis-server", "/run/redis.sock")
    at = desk(machine, {INFO: saving("0", aof=aof), CONFIG: f"save\n{save}\n"})
    redis.save(at.site())
    assert SAVE not in at.commands.lines


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({INFO: "NOAUTH Authentication required.\n"}, "NOAUTH"),
        ({INFO: saving("0", status="err"), CONFIG: "save\n1 1\n", SAVE: "OK\n"}, "failed"),
        ({INFO: saving("1"), CONFIG: "save\n1 1\n", SAVE: "OK\n"}, "over 30 s"),
    ],
)
def test_redis_that_does_not_save_is_an_error(
    machine: Machine, answers: dict[str, Answer], message: str
) -> None:
    """Refused, failed, or too slow."""
    machine.runs(10, "redis-server", "/run/redis.sock")
    with pytest.raises(HostError, match=message):
        redis.save(desk(machine, answers).site())


def test_mongodb_is_flushed_locked_and_unlocked(machine: Machine) -> None:
    """By the shell that is installed; the script decides whether a lock is needed."""
    machine.runs(10, "mongod", "/tmp/mongodb-27017.sock", 27017)
    at = desk(machine, {"mongo": "hostlift-done\n"}, "mongosh")
    for action in (mongodb.HOOK.pre_pass, mongodb.HOOK.freeze, mongodb.HOOK.thaw):
        action(at.site())
    start = "mongo mongodb://127.0.0.1:27017/admin --quiet --eval "
    assert all(line.startswith(start) for line in at.commands.lines)
    flush, lock, unlock = (line.removeprefix(start) for line in at.commands.lines)
    assert "fsync: 1" in flush
    assert "if (bare) db.fsyncLock()" in lock
    assert "db.fsyncUnlock()" in unlock


def test_mongodb_that_refuses_is_an_error_although_its_shell_is_content(machine: Machine) -> None:
    """The shell may end with status 0; only the last word of the script counts."""
    machine.runs(10, "mongod", 27017)
    at = desk(machine, {"mongosh": "MongoServerError: command fsync requires authentication\n"})
    with pytest.raises(HostError, match="requires authentication"):
        mongodb.flush(at.site())


def test_a_failing_built_in_hook_is_a_warning_and_is_thawed(machine: Machine) -> None:
    """It is not needed for the copy to be right; half a freeze may have happened."""
    machine.runs(10, "mongod", 27017)
    notes: list[Event] = []
    told: list[dict[str, object]] = []
    at = desk(machine, {"mongosh": 1})
    plan = FreezePlan(hooks=("mongodb", "mysql"), limit=7.0)
    with ExitStack() as undo:
        Rounds(plan, at.site(), notes.append).freeze(told.append, undo)
        assert len(at.commands.lines) == 1
    assert len(at.commands.lines) == 2
    assert "fsyncUnlock" in at.commands.lines[1]
    assert [n.level for n in notes if isinstance(n, Note)] == ["warning"] * 2
    assert told == [{"limit": 67.0}, {"built_in": "mongodb"}]


def script(folder: Path, name: str) -> str:
    """An executable file; what it would do is scripted."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/true\n")
    path.chmod(0o700)
    return str(path)


def test_hooks_are_called_in_order_and_back(machine: Machine, tmp_path: Path) -> None:
    """Foreign ones without check; the watchdog hears of each before it is called."""
    own, other = script(tmp_path / "own", "10-app"), script(tmp_path / "qemu", "50-db")
    at = desk(machine, {own: "", other: ""})
    told: list[dict[str, object]] = []
    plan = FreezePlan(hooks_folder=tmp_path / "own", foreign_folders=(tmp_path / "qemu",))
    with ExitStack() as undo:
        Rounds(plan, at.site(), lambda _event: None).freeze(told.append, undo)
    expected = [f"{own} check", f"{other} freeze", f"{own} freeze", f"{own} thaw", f"{other} thaw"]
    assert at.commands.lines == expected
    assert [t for t in told if "hook" in t] == [{"hook": other}, {"hook": own}]


def test_a_hook_is_called_for_what_it_asks_for(machine: Machine, tmp_path: Path) -> None:
    """Its check names the actions; who names none hears of the freeze only."""
    folder = tmp_path / "own"
    first, second, third = (script(folder, name) for name in ("1", "2", "3"))
    answers: dict[str, Answer] = {first: "", second: "", third: "", f"{third} check": 1}
    answers[f"{second} check"] = '{"actions": ["pre-pass", "cutover"], "timeout": 9}'
    at = desk(machine, answers)
    rounds = Rounds(FreezePlan(hooks_folder=folder), at.site(), lambda _event: None)
    rounds.before_pass()
    rounds.cut_over()
    with ExitStack() as undo:
        rounds.freeze(lambda _said: None, undo)
    called = [line for line in at.commands.lines if not line.endswith(" check")]
    assert called == [f"{second} pre-pass", f"{second} cutover", f"{first} freeze", f"{first} thaw"]


def test_a_failing_hook_hinders_a_cutover_and_no_pass(machine: Machine, tmp_path: Path) -> None:
    """A pass is repeated anyway; a cutover must not go on without what the user wants done."""
    path = script(tmp_path / "own", "1")
    answers: dict[str, Answer] = {f"{path} check": '{"actions": ["pre-pass", "cutover"]}', path: 3}
    notes: list[Event] = []
    rounds = Rounds(
        FreezePlan(hooks_folder=tmp_path / "own"), desk(machine, answers).site(), notes.append
    )
    rounds.before_pass()
    assert [n.level for n in notes if isinstance(n, Note)] == ["warning"]
    with pytest.raises(CommandFailed, match="exit status 3"):
        rounds.cut_over()


def test_a_failing_hook_of_qemu_ga_is_a_warning(machine: Machine, tmp_path: Path) -> None:
    """As qemu-ga's own dispatcher has it."""
    path = script(tmp_path / "qemu", "1")
    notes: list[Event] = []
    plan = FreezePlan(foreign_folders=(tmp_path / "qemu",))
    with ExitStack() as undo:
        Rounds(plan, desk(machine, {f"{path} freeze": 1, path: ""}).site(), notes.append).freeze(
            lambda _said: None, undo
        )
    assert [n.level for n in notes if isinstance(n, Note)] == ["warning"]
