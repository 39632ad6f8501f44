# SPDX-License-Identifier: Apache-2.0
"""From generated user data to a running agent, on loopback below a temporary root."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hostlift.errors import AgentRefused, AgentUnreachable, Interrupted
from hostlift.host.clock import SystemClock
from hostlift.remote.archive import Archive, build, build_from
from hostlift.remote.bootstrap import user_data
from hostlift.remote.channel import Channel
from hostlift.remote.client import AgentClient
from hostlift.remote.messages import JobKind, JobOrder, SealOrder, Stage
from hostlift.remote.session import connect_agent
from hostlift.remote.tls import Identity, client_context, make_identity

pytestmark = pytest.mark.slow
DEADLINE = 60.0


@dataclass(frozen=True)
class Instance:
    """A folder that plays the intermediate instance."""

    root: Path
    script: Path
    environment: dict[str, str]
    control_port: int
    data_port: int
    agent: Identity
    client: Identity

    def run_user_data(self) -> None:
        subprocess.run(
            ["/bin/sh", str(self.script)],
            env=self.environment,
            check=True,
            timeout=30,
            stdout=subprocess.DEVNULL,
        )

    def processes(self, word: bytes) -> list[int]:
        """Processes of this instance whose command line has ``word``."""
        lines = {p.name: _cmdline(p) for p in Path("/proc").iterdir() if p.name.isdecimal()}
        root = str(self.root).encode()
        return [int(pid) for pid, line in lines.items() if root in line and word in line]

    def pid(self) -> int:
        """The bootstrap or the agent."""
        (pid,) = self.processes(b"--archive") or self.processes(b"bootstrap.pyz")
        return pid

    def connect(
        self, identity: Identity | None = None, peer: Identity | None = None
    ) -> AgentClient:
        context = client_context(identity or self.client, (peer or self.agent).certificate_pem)
        return AgentClient(
            "127.0.0.1",
            context=context,
            control_port=self.control_port,
            data_port=self.data_port,
            clock=SystemClock(),
        )


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _python() -> str:
    return str(Path(sys.executable).parent)


def _cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return build(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    now = SystemClock().now()
    agent = make_identity("agent", not_before=now, days=2)
    client = make_identity("client", not_before=now, days=2)
    script = tmp_path / "user-data"
    script.write_bytes(
        user_data(migration="m-test", agent=agent, client_certificate_pem=client.certificate_pem)
    )
    control, data = _free_port(), _free_port()
    # "python3" of the instance is the interpreter under test: its archive needs this version.
    environment = {
        "PATH": f"{_python()}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOSTLIFT_PREFIX": str(tmp_path / "root"),
        "HOSTLIFT_CONTROL_PORT": str(control),
        "HOSTLIFT_DATA_PORT": str(data),
    }
    made = Instance(tmp_path / "root", script, environment, control, data, agent, client)
    yield made
    # Loops first: they would start again what is killed.
    while loops := made.processes(b"50-agent"):
        _kill(loops)
    while rest := made.processes(b""):
        _kill(rest)


def test_user_data_grows_into_an_agent_that_survives_its_death(
    instance: Instance, archive: Archive
) -> None:
    """Bootstrap, upload, agent; kill -9 brings the agent back; user data may run twice."""
    instance.run_user_data()
    instance.run_user_data()
    client = instance.connect()
    assert client.wait_for(Stage.BOOTSTRAP, DEADLINE).migration == "m-test"
    assert len(instance.processes(b"bootstrap.pyz")) == 1
    with connect_agent(client, archive, deadline=DEADLINE) as hello:
        assert hello.stage is Stage.AGENT
        assert hello.archive == archive.sha256
    before = instance.pid()
    os.kill(before, signal.SIGKILL)
    hello = client.wait_for(Stage.AGENT, DEADLINE)
    assert hello.archive == archive.sha256
    assert instance.pid() != before
    assert (instance.root / "var/lib/hostlift/agent.log").exists()


def test_bootstrap_refuses_a_wrong_digest_and_lives_on(
    instance: Instance, archive: Archive
) -> None:
    """An archive that is not what was announced is refused and leaves nothing behind."""
    instance.run_user_data()
    client = instance.connect()
    client.wait_for(Stage.BOOTSTRAP, DEADLINE)
    with pytest.raises(AgentRefused) as refused:
        client.upload(replace(archive, sha256=hashlib.sha256(b"other").hexdigest()))
    assert refused.value.agent_code == "agent.digest"
    assert client.hello().stage is Stage.BOOTSTRAP
    assert sorted(p.name for p in (instance.root / "opt/hostlift/agents").iterdir()) == []


def test_bootstrap_survives_a_truncated_upload(instance: Instance, archive: Archive) -> None:
    """A connection that ends in the middle of the archive changes nothing; the next one works."""
    instance.run_user_data()
    client = instance.connect()
    client.wait_for(Stage.BOOTSTRAP, DEADLINE)
    context = client_context(instance.client, instance.agent.certificate_pem)
    with (
        socket.create_connection(("127.0.0.1", instance.control_port)) as plain,
        context.wrap_socket(plain) as secured,
    ):
        head = f"PUT /v1/archive HTTP/1.1\r\nContent-Length: {archive.size}\r\n"
        head += f"Hostlift-Sha256: {archive.sha256}\r\n\r\n"
        secured.sendall(head.encode() + archive.path.read_bytes()[: archive.size // 2])
    assert client.hello().stage is Stage.BOOTSTRAP
    client.upload(archive)
    assert client.wait_for(Stage.AGENT, DEADLINE).archive == archive.sha256


def test_strangers_are_refused_and_hold_up_nobody(instance: Instance, archive: Archive) -> None:
    """Silent, plain and wrongly certified connections fail, at both stages and both ports."""
    instance.run_user_data()
    client = instance.connect()
    client.wait_for(Stage.BOOTSTRAP, DEADLINE)
    stranger = make_identity("stranger", not_before=SystemClock().now(), days=2)
    ports = {Stage.BOOTSTRAP: (instance.control_port,)}
    ports[Stage.AGENT] = (instance.control_port, instance.data_port)
    for stage in (Stage.BOOTSTRAP, Stage.AGENT):
        for port in ports[stage]:
            with socket.create_connection(("127.0.0.1", port)):
                with pytest.raises(AgentUnreachable):
                    instance.connect(identity=stranger).hello()
                with pytest.raises(AgentUnreachable):
                    instance.connect(peer=stranger).hello()
                assert _plain_http(port) == b""
                assert client.hello().stage is stage
        if stage is Stage.BOOTSTRAP:
            client.ensure(archive, deadline=DEADLINE)


def _plain_http(port: int) -> bytes:
    """What a client without TLS gets: nothing but an alert or a closed connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET /v1/hello HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            answer = plain.recv(1000)
        except ConnectionResetError:
            return b""
    return b"" if not answer.startswith(b"HTTP") else answer


def test_a_job_order_at_the_bootstrap_stage_supplies_the_agent_first(
    instance: Instance, archive: Archive
) -> None:
    """A client that knows its archive sends it when the agent is gone; the job is then refused by
    the agent itself, since nothing was prepared."""
    instance.run_user_data()
    client = instance.connect()
    client.ensure(archive, deadline=DEADLINE)
    (instance.root / "opt/hostlift/agents/current").unlink()
    os.kill(instance.pid(), signal.SIGKILL)
    client.wait_for(Stage.BOOTSTRAP, DEADLINE)
    order = JobOrder(kind=JobKind.SEAL, seal=SealOrder(nonce="1"))
    with pytest.raises(AgentRefused) as refused:
        client.run(order)
    assert "not prepared" in refused.value.message
    assert client.hello().stage is Stage.AGENT


def test_a_newer_archive_replaces_a_running_agent(instance: Instance, archive: Archive) -> None:
    """An upgraded client never talks to the old agent: the running one restarts from the upload."""
    instance.run_user_data()
    client = instance.connect()
    client.ensure(archive, deadline=DEADLINE)
    newer = instance.root / "newer.tar.gz"
    newer.write_bytes(gzip.compress(gzip.decompress(archive.path.read_bytes()), 6, mtime=1))
    digest = hashlib.sha256(newer.read_bytes()).hexdigest()
    hello = client.ensure(Archive(newer, digest, newer.stat().st_size), deadline=DEADLINE)
    assert hello.archive == digest
    assert (instance.root / "opt/hostlift/agents" / digest).is_dir()


def test_an_agent_that_never_comes_up_makes_room_for_another_archive(instance: Instance) -> None:
    """A broken archive is given up after a few starts: the bootstrap answers again."""
    instance.run_user_data()
    client = instance.connect()
    client.wait_for(Stage.BOOTSTRAP, DEADLINE)
    empty = instance.root / "empty.py"
    empty.write_bytes(b"")
    broken = build_from(instance.root / "cache", [("lib/hostlift/__init__.py", empty)])
    client.upload(broken)
    assert client.wait_for(Stage.BOOTSTRAP, DEADLINE).archive == ""


def test_many_silent_connections_do_not_exhaust_the_bootstrap(instance: Instance) -> None:
    """Connections beyond the limit are dropped, those within it time out; hello works after."""
    instance.run_user_data()
    client = instance.connect()
    client.wait_for(Stage.BOOTSTRAP, DEADLINE)
    silent = [socket.create_connection(("127.0.0.1", instance.control_port)) for _ in range(40)]
    try:
        assert client.hello().stage is Stage.BOOTSTRAP
    finally:
        for connection in silent:
            connection.close()


def test_interrupting_stops_waiting_at_once(instance: Instance) -> None:
    """Nobody answers; a wish to stop ends the wait."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        instance.connect().wait_for(None, DEADLINE, stop=stop)


def test_unknown_paths_are_refused_in_words(instance: Instance, archive: Archive) -> None:
    """A wrong path, job or file name is a refusal, not a page of HTML."""
    instance.run_user_data()
    client = instance.connect()
    client.ensure(archive, deadline=DEADLINE)
    context = client_context(instance.client, instance.agent.certificate_pem)
    with Channel("127.0.0.1", instance.control_port, context) as channel:
        for path in ("/", "/v1/jobs/00", "/v1/files/..%2Fclient.pem", "/v1/files/absent"):
            answer = channel.call("GET", path)
            assert answer.status == 404
            assert b'"code"' in answer.body
