# SPDX-License-Identifier: Apache-2.0
"""The service on sockets: one Starlette app at ``/`` for every product, and ``/admin`` for the owner."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from hostlift.errors import HostError
from hostlift.localcloud.service import Service
from hostlift.localcloud.serving.admin import Admin
from hostlift.localcloud.wire.answer import Answer
from hostlift.localcloud.wire.message import HttpRequest

_BACKLOG = 128
_LINE = "hostlift.line"


class _Protocol(H11Protocol):
    """uvicorn's own, with the connection in reach of the app, which may have to cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, _LINE: transport}


def make_app(service: Service, admin: Admin | None = None, token: str = "") -> Starlette:
    """The app: a request at the root is an API call; ``/ready`` says that it listens.

    Args:
        service: Answers the calls.
        admin: Answers the owner; None: nobody is.
        token: What the owner knows.
    """

    async def answer(request: Request) -> Response:
        done = await run_in_threadpool(service.handle, await _taken_apart(request))
        if done.lost:
            await _hang_up(request, done)
        return Response(
            done.body, done.status or 200, headers=dict(done.headers), media_type=done.content_type
        )

    async def ready(request: Request) -> Response:
        del request
        return Response("ready\n", media_type="text/plain")

    async def own(request: Request) -> Response:
        said = request.headers.get("authorization", "").encode()
        if admin is None or not token or not hmac.compare_digest(said, f"Bearer {token}".encode()):
            return Response(status_code=404)
        body = await request.body()
        status, text = await run_in_threadpool(admin.handle, request.path_params["verb"], body)
        return Response(text, status, media_type="application/json")

    return Starlette(
        routes=[
            Route("/", answer, methods=["GET", "POST"]),
            Route("/ready", ready),
            Route("/admin/{verb:path}", own, methods=["POST"]),
        ],
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one.

    Raises:
        HostError: The address is in use, or not ours.
    """
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise HostError(
            f"cannot listen: {error.strerror}",
            subject=f"{host}:{port}",
            hint="Stop what listens there, or choose another port.",
        ) from error


class Server(uvicorn.Server):
    """uvicorn on sockets of ours, without its signal handlers: whoever runs it decides."""

    def __init__(self, service: Service, admin: Admin | None = None, token: str = "") -> None:
        super().__init__(
            uvicorn.Config(
                make_app(service, admin, token),
                http=_Protocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    def serve_on(self, sockets: Sequence[socket.socket]) -> None:
        """Serve until `stop`; returns when the last request is answered."""
        asyncio.run(self.serve(list(sockets)))

    def stop(self) -> None:
        """End `serve_on`; may be called from a signal handler or another thread."""
        self.should_exit = True


async def _hang_up(request: Request, answer: Answer) -> None:
    """End the connection without a word, after a while of silence or when the client gives up."""
    with contextlib.suppress(TimeoutError):
        if answer.hold:
            await asyncio.wait_for(request.receive(), answer.hold)
    line: asyncio.Transport = request.scope["state"][_LINE]
    line.abort()
    await request.receive()


async def _taken_apart(request: Request) -> HttpRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return HttpRequest(
        method=request.method,
        path=request.url.path,
        query_string=request.scope["query_string"].decode("latin-1"),
        headers=headers,
        body=await request.body(),
        source=request.client.host if request.client else "",
    )
