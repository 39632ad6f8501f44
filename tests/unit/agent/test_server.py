# SPDX-License-Identifier: Apache-2.0
"""The control API without its network: requests in, answers out."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hostlift.agent.jobs import JobStore
from hostlift.agent.server import ControlServer
from hostlift.remote.messages import (
    Hello,
    JobKind,
    JobOrder,
    JobState,
    JobStatus,
    Refusal,
    Sealed,
    SealOrder,
    Stage,
)
from hostlift.remote.seed.depot import DIGEST_HEADER, Depot
from hostlift.remote.wire import ATTEMPT_HEADER, from_json, to_json

ORDER = JobOrder(kind=JobKind.SEAL, seal=SealOrder(nonce="1"))


@dataclass(frozen=True)
class Heard:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class World:
    """A control server over temporary folders."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self.files.mkdir()
        self.hello = Hello(stage=Stage.AGENT, migration="m", archive="a" * 64, python="3.11")
        self.control = ControlServer(
            hello=self.hello,
            jobs=JobStore(folder / "jobs", lambda *_: Sealed(checks={"v": "clean"})),
            depot=Depot(folder / "home"),
            entries=lambda job: folder / f"{job}.zst",
            files=self.files,
        )
        self.folder = folder

    def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Heard:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
        }
        return asyncio.run(_exchange(self.control.app(), scope, body))


async def _exchange(app: Any, scope: dict[str, Any], body: bytes) -> Heard:
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not incoming:
            await asyncio.Event().wait()  # the client stays until it has the answer
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return Heard(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _posted(world: World) -> JobStatus:
    heard = world.ask("POST", "/v1/jobs", to_json(ORDER), {ATTEMPT_HEADER: "a"})
    assert heard.status == 200
    return from_json(JobStatus, heard.body)


def test_hello_says_who_answers(world: World) -> None:
    """Stage, archive and migration."""
    assert from_json(Hello, world.ask("GET", "/v1/hello").body) == world.hello


def test_a_job_is_posted_and_waited_for(world: World) -> None:
    """The wait answers as soon as it is done."""
    job = _posted(world).id
    done = from_json(JobStatus, world.ask("GET", f"/v1/jobs/{job}?wait=10").body)
    assert done.state is JobState.DONE
    assert done.sealed == Sealed(checks={"v": "clean"})


def test_what_is_no_order_is_refused(world: World) -> None:
    """A refusal of our own, not a server error."""
    heard = world.ask("POST", "/v1/jobs", b'{"kind": "dance"}')
    assert heard.status == 400
    assert from_json(Refusal, heard.body).code == "replicate.protocol"


def test_entries_go_on_from_an_offset(world: World) -> None:
    """A download that broke off continues where it was."""
    job = _posted(world).id
    world.ask("GET", f"/v1/jobs/{job}?wait=10")
    (world.folder / f"{job}.zst").write_bytes(b"0123456789")
    assert world.ask("GET", f"/v1/jobs/{job}/entries").body == b"0123456789"
    rest = world.ask("GET", f"/v1/jobs/{job}/entries", headers={"Range": "bytes=4-"})
    assert (rest.status, rest.body) == (206, b"456789")


def test_files_are_served_by_plain_names_only(world: World) -> None:
    """A name that could lead elsewhere is not looked up."""
    (world.files / "backup-1").write_bytes(b"before")
    (world.folder / "secret").write_bytes(b"secret")
    assert world.ask("GET", "/v1/files/backup-1").body == b"before"
    for name in ("..", ".hidden", "absent", "a/../../secret", "../secret"):
        heard = world.ask("GET", f"/v1/files/{name}")
        assert heard.status == 404
        assert from_json(Refusal, heard.body).code in ("agent.none", "agent.http")


def test_an_archive_that_is_not_as_announced_is_refused(world: World) -> None:
    """The agent keeps running from its own."""
    headers = {DIGEST_HEADER: hashlib.sha256(b"x").hexdigest(), "Content-Length": "7"}
    heard = world.ask("PUT", "/v1/archive", b"archive", headers)
    assert heard.status == 400
    assert from_json(Refusal, heard.body).code == "agent.digest"
    assert not world.control.replaced


def test_an_unknown_path_or_method_is_refused_in_words(world: World) -> None:
    """Every error has the same form."""
    for method, path, status in (("GET", "/elsewhere", 404), ("DELETE", "/v1/hello", 405)):
        heard = world.ask(method, path)
        assert heard.status == status
        assert from_json(Refusal, heard.body).code == "agent.http"
