# SPDX-License-Identifier: Apache-2.0
"""The control port: `hostlift.remote.messages`, served over pinned TLS 1.3."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from uvicorn import Config, Server

from hostlift.agent.jobs import JobStore, refusal
from hostlift.errors import AgentRefused, HostliftError
from hostlift.remote.messages import Hello, JobOrder, Refusal
from hostlift.remote.seed.depot import DIGEST_HEADER, Depot, Refused
from hostlift.remote.wire import ATTEMPT_HEADER, from_json, to_json

if TYPE_CHECKING:
    import socket
    import ssl
    from pathlib import Path

    from starlette.requests import Request

_LONGEST_WAIT = 30.0
_MOST_ORDER_BYTES = 16 << 20
_GRACE_SECONDS = 5
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
_STATUS = {"agent.forgot": 404, "agent.none": 404, "agent.busy": 409, "replicate.protocol": 400}
_Endpoint = Callable[["Request"], Awaitable[Response]]


class ControlServer:
    """The agent's control API.

    Args:
        hello: What the agent says of itself.
        jobs: What it was told to do.
        depot: Takes a newer archive.
        entries: Path of a re-read job's result by the job's id.
        files: Folder of the files an adaptation leaves.
    """

    def __init__(
        self,
        *,
        hello: Hello,
        jobs: JobStore,
        depot: Depot,
        entries: Callable[[str], Path],
        files: Path,
    ) -> None:
        self._hello = hello
        self._jobs = jobs
        self._depot = depot
        self._entries = entries
        self._files = files
        self._server: Server | None = None
        self.replaced = False
        """True when `serve` ended because another archive was installed."""

    def serve(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Answer until SIGTERM, or until another archive is installed."""
        config = Config(
            self.app(),
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        config.load()
        # uvicorn makes contexts from files, with its own idea of versions and trust: ours is pinned.
        config.ssl = context
        self._server = Server(config)
        self._server.run(sockets=[listener])

    def app(self) -> Starlette:
        """The routes; for tests also without TLS."""
        return Starlette(
            routes=[
                Route("/v1/hello", self._get_hello),
                Route("/v1/jobs", self._post_job, methods=["POST"]),
                Route("/v1/jobs/{job}", self._get_job),
                Route("/v1/jobs/{job}/entries", self._get_entries),
                Route("/v1/files/{name}", self._get_file),
                Route("/v1/archive", self._put_archive, methods=["PUT"]),
            ],
            exception_handlers={
                HostliftError: _on_error,
                Refused: _on_refused,
                HTTPException: _on_http,
            },
        )

    async def _get_hello(self, _request: Request) -> Response:
        return _json(self._hello)

    async def _post_job(self, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_ORDER_BYTES:
                raise HTTPException(413, "the order is too long")
        order = from_json(JobOrder, bytes(body))
        attempt = request.headers.get(ATTEMPT_HEADER, "")
        return _json(await run_in_threadpool(self._jobs.submit, order, attempt))

    async def _get_job(self, request: Request) -> Response:
        wait = request.query_params.get("wait", "0")
        seconds = min(float(wait), _LONGEST_WAIT) if wait.isdecimal() else 0.0
        return _json(await run_in_threadpool(self._jobs.wait, request.path_params["job"], seconds))

    async def _get_entries(self, request: Request) -> Response:
        status = await run_in_threadpool(self._jobs.wait, request.path_params["job"], 0.0)
        return _file(self._entries(status.id))

    async def _get_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not _FILE_NAME.fullmatch(name):
            raise HTTPException(404, "no such file")
        return _file(self._files / name)

    async def _put_archive(self, request: Request) -> Response:
        if self._jobs.busy:
            raise AgentRefused(
                "a job is running", hint="Wait for its end.", agent_code="agent.busy"
            )
        length = request.headers.get("content-length", "")
        digest = request.headers.get(DIGEST_HEADER, "")
        with self._depot.upload(digest, int(length) if length.isdecimal() else 0) as upload:
            async for chunk in request.stream():
                upload.write(chunk)
            installed = await run_in_threadpool(upload.install)
        self.replaced = True
        if self._server is not None:
            self._server.should_exit = True
        body = b'{"archive": "%s"}' % installed.sha256.encode()
        return Response(body, media_type="application/json", headers={"Connection": "close"})


def _json(message: object, status: int = 200) -> Response:
    return Response(to_json(message), status, media_type="application/json")


def _file(path: Path) -> Response:
    if not path.is_file():
        raise AgentRefused("no such file", subject=path.name, agent_code="agent.none")
    return FileResponse(path, media_type="application/octet-stream")


async def _on_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HostliftError):
        raise error
    told = refusal(error)
    return _json(told, _STATUS.get(told.code, 500))


async def _on_refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return _json(Refusal(**error.as_refusal()), error.status)


async def _on_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _json(Refusal(code="agent.http", message=error.detail), error.status_code)
