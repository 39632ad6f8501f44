# SPDX-License-Identifier: Apache-2.0
"""Real database servers for tests: each in a control group of the test's, as a user of its own.

Nothing here touches a service of the machine: data, sockets and logs lie in a folder of the test's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted, private_namespace

USER, GROUP = "nobody", "nogroup"
"""Neither server runs as root, and this user is everywhere."""
WAIT_SECONDS = 90.0
COMMANDS = SystemCommands()

RECORDER = """
import os, subprocess, sys
log, name, table, client = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
process = subprocess.Popen(client, **pipes)
n = 0
while True:
    n += 1
    process.stdin.write(f"INSERT INTO {table} VALUES ({name}, {n}); SELECT 'done', {n};\\n")
    if process.stdout.readline().split() != ["done", str(n)]:
        sys.exit("not acknowledged")
    os.write(out, b"%d\\n" % n)
"""
"""Commits row after row, and writes down each that the server has acknowledged."""


def program(name: str, *folders: str) -> str:
    """Path of a program; without it the test fails, for it proves nothing then."""
    found = shutil.which(name, path=os.pathsep.join([*folders, "/usr/sbin", "/usr/bin"]))
    if found is None:
        pytest.fail(f"{name} is not installed: run scripts/setup")
    return found


def eventually(true: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not after {seconds:g} s"
        time.sleep(0.02)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that any user can reach (pytest's own are root's alone), with short paths."""
    folder = Path(tempfile.mkdtemp(prefix="hostlift-db-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def ext4(folder: Path, size: int) -> Iterator[Path]:
    """A mounted file system that the databases' user may write to."""
    private_namespace()
    image, where = folder / "disk.img", folder / "disk"
    with image.open("wb") as file:
        file.truncate(size)
    COMMANDS.run(["mkfs.ext4", "-q", "-F", str(image)], timeout=60)
    where.mkdir()
    device = COMMANDS.run(["losetup", "--find", "--show", str(image)], timeout=20).text.strip()
    try:
        with mounted(device, where, kind="ext4"):
            shutil.chown(where, USER, GROUP)
            yield where
    finally:
        COMMANDS.run(["losetup", "--detach", device], timeout=20)


def as_user(argv: Sequence[str], timeout: float = 60.0) -> str:
    """Run a command as the databases' user; its output."""
    return COMMANDS.run([*_switch(), *argv], timeout=timeout, cwd=Path("/")).text


def _switch() -> list[str]:
    return ["setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"]


def launch(group: Path, log: Path, argv: Sequence[str]) -> None:
    """Start a process in a control group, as nobody's descendant but init's.

    What a freezing process has started itself would be spared.
    """
    group.mkdir(exist_ok=True)
    join = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"'
    words = ["sh", "-c", join, "sh", str(group), *_switch(), *argv]
    start = f'"$@" >>{log} 2>&1 &'
    COMMANDS.run(["setsid", "--fork", "sh", "-c", start, "sh", *words], timeout=20, cwd=Path("/"))
    eventually(lambda: bool(members(group)), f"{argv[0]} in {group}")


def members(group: Path) -> list[int]:
    return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]


@contextlib.contextmanager
def reaped(group: Path) -> Iterator[None]:
    """At the end nothing of the control group runs any more."""
    try:
        yield
    finally:
        (group / "cgroup.freeze").write_text("0")
        (group / "cgroup.kill").write_text("1")
        below = [group, *(p.parent for p in group.rglob("cgroup.procs"))]
        eventually(lambda: not any(members(g) for g in below), "the end of the processes")


@dataclass
class Recorder:
    """A client that commits numbered rows into a table, and its record of acknowledgements."""

    log: Path
    name: int
    table: str

    def start(self, group: Path, client: Sequence[str]) -> None:
        words = [str(self.log), str(self.name), self.table, *client]
        self.log.touch()
        shutil.chown(self.log, USER, GROUP)
        launch(group, self.log.with_suffix(".err"), [sys.executable, "-c", RECORDER, *words])

    def acknowledged(self) -> int:
        """All rows up to this one are committed."""
        lines = self.log.read_bytes().split(b"\n")
        return int(lines[-2]) if len(lines) > 1 else 0

    def goes_on(self) -> None:
        """Wait until it has committed more than now."""
        here = self.acknowledged()
        try:
            eventually(lambda: self.acknowledged() > here + 2, f"more rows of {self.table}")
        except AssertionError as error:
            raise AssertionError(self.log.with_suffix(".err").read_text()) from error


@dataclass
class Postgres:
    """A PostgreSQL server."""

    data: Path
    run: Path
    group: Path
    bin: str = field(init=False)

    def __post_init__(self) -> None:
        places = sorted(str(p) for p in Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin = str(Path(program("initdb", *reversed(places))).resolve().parent)
        self.run.mkdir(exist_ok=True)
        shutil.chown(self.run, USER, GROUP)

    def tool(self, name: str, *words: str, timeout: float = 120.0) -> str:
        return as_user([f"{self.bin}/{name}", *words], timeout)

    def create(self) -> None:
        words = ["--data-checksums", "--auth=trust", "--no-sync", f"--username={USER}"]
        self.tool("initdb", *words, "-D", str(self.data))

    def start(self) -> None:
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.run}"]
        server = [f"{self.bin}/postgres", "-D", str(self.data), *options]
        launch(self.group, self.run / "log", server)

        def ready() -> bool:
            with contextlib.suppress(HostError):
                return self.query("SELECT 1") == "1"
            assert members(self.group), (self.run / "log").read_text()[-4000:]
            return False

        eventually(ready, "PostgreSQL")

    def stop(self) -> None:
        self.tool("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w")

    def client(self) -> list[str]:
        return [f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-F", " ", *self.place()]

    def place(self) -> list[str]:
        return ["-h", str(self.run), "-d", "postgres"]

    def query(self, sql: str) -> str:
        return as_user([*self.client(), "-v", "ON_ERROR_STOP=1", "-c", sql]).strip()


@dataclass
class MariaDb:
    """A MariaDB server; its root is this machine's."""

    data: Path
    run: Path
    group: Path

    def __post_init__(self) -> None:
        self.run.mkdir(exist_ok=True)
        shutil.chown(self.run, USER, GROUP)
        self.socket = self.run / "db.sock"

    def create(self) -> None:
        """Fresh system tables, and a user for the clients of the test."""
        words = ["--no-defaults", f"--datadir={self.data}", "--skip-test-db"]
        as_user([program("mariadb-install-db"), *words], 120.0)

    def start(self) -> None:
        options = [
            "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
            f"--pid-file={self.run}/pid", "--skip-networking", "--innodb-buffer-pool-size=64M",
        ]  # fmt: skip
        launch(self.group, self.run / "log", [program("mariadbd"), *options])

        def ready() -> bool:
            with contextlib.suppress(HostError):
                return self.query("SELECT 1") == "1"
            assert members(self.group), (self.run / "log").read_text()[-4000:]
            return False

        eventually(ready, "MariaDB")

    def stop(self) -> None:
        self.query("SHUTDOWN")
        eventually(lambda: not members(self.group), "the end of MariaDB")

    def client(self, user: str) -> list[str]:
        words = ["--no-defaults", f"--socket={self.socket}", f"--user={user}"]
        return [program("mariadb"), *words, "--batch", "--skip-column-names", "--unbuffered"]

    def query(self, sql: str) -> str:
        return COMMANDS.run([*self.client("root"), f"--execute={sql}"], timeout=60.0).text.strip()
