# SPDX-License-Identifier: Apache-2.0
"""The service on sockets: one Starlette app at ``/`` for ECS, VPC and STS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hostlift.errors import HostError
from hostlift.localcloud.service import Service
from hostlift.localcloud.wire.message import HttpRequest

_BACKLOG = 128


def make_app(service: Service) -> Starlette:
    """The app: every request at the root is an API call; ``/ready`` says that it listens."""

    async def answer(request: Request) -> Response:
        done = await run_in_threadpool(service.handle, await _taken_apart(request))
        return Response(done.body, done.status, media_type=done.content_type)

    async def ready(request: Request) -> Response:
        del request
        return Response("ready\n", media_type="text/plain")

    return Starlette(
        routes=[Route("/", answer, methods=["GET", "POST"]), Route("/ready", ready)],
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

    def __init__(self, service: Service) -> None:
        super().__init__(
            uvicorn.Config(
                make_app(service),
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


async def _taken_apart(request: Request) -> HttpRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return HttpRequest(
        method=request.method,
        path=request.url.path,
        query_string=request.scope["query_string"].decode("latin-1"),
        headers=headers,
        body=await request.body(),
    )
