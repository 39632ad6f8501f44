# SPDX-License-Identifier: Apache-2.0
"""What answers on the control port before there is an agent: hello, and taking the archive.

    GET /v1/hello      who answers, see `hostlift.remote.messages.Hello`
    PUT /v1/archive    ``Content-Length`` and ``Hostlift-Sha256``: the archive of `remote.archive`

Every connection has a thread of its own from before its TLS handshake on, so a stranger who
connects and says nothing holds up nobody. This module travels inside the user data: standard
library only.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from hostlift.remote.seed.depot import DIGEST_HEADER, Depot, Refused, Unpacked

if TYPE_CHECKING:
    import ssl

HELLO = "/v1/hello"
ARCHIVE = "/v1/archive"
HANDSHAKE_SECONDS = 60.0
_SILENCE_SECONDS = 60.0
_MOST_CONNECTIONS = 64
_BLOCK = 1 << 16
_DRAIN_LIMIT = 1 << 26
_log = logging.getLogger(__name__)


class Service(ThreadingHTTPServer):
    """Serves on ``port`` until an archive is installed."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _MOST_CONNECTIONS

    def __init__(
        self, port: int, context: ssl.SSLContext, depot: Depot, facts: dict[str, str | int]
    ) -> None:
        super().__init__(("", port), _Handler)
        self.depot = depot
        self.facts = facts
        self.installed: Unpacked | None = None
        self._context = context
        self._slots = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def until_installed(self) -> Unpacked:
        """Serve; returns what was installed, after its sender got the answer."""
        with self:
            self.serve_forever(poll_interval=0.2)
        if self.installed is None:
            raise RuntimeError("the service ended without an archive")
        return self.installed

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, unless too many are open."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread of one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()
        if self.installed is not None:
            self.shutdown()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Handshake and serve, in the connection's own thread."""
        request.settimeout(HANDSHAKE_SECONDS)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._context.wrap_socket(request, server_side=True) as secured:
            secured.settimeout(_SILENCE_SECONDS)
            _Handler(secured, client_address, self)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class' names
        """Say in one line why a connection ended."""
        _log.info("connection from %s ended: %s", client_address[0], sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def service(self) -> Service:
        """The server, as what it is."""
        if not isinstance(self.server, Service):
            raise TypeError(type(self.server))
        return self.server

    def do_GET(self) -> None:
        if self.path == HELLO:
            self._answer(200, self.service.facts)
        else:
            self._refuse_stage()

    def do_POST(self) -> None:
        self._drain()
        self._refuse_stage()

    def do_PUT(self) -> None:
        if self.path != ARCHIVE:
            self.do_POST()
            return
        try:
            installed = self._receive()
        except Refused as refused:
            _log.warning("archive refused: %s", refused.message)
            self._answer(refused.status, refused.as_refusal())
            return
        self._answer(200, {"archive": installed.sha256})
        # After the answer: the moment this is set, the process makes room for the agent.
        self.service.installed = installed

    def _receive(self) -> Unpacked:
        try:
            upload = self.service.depot.upload(self.headers.get(DIGEST_HEADER, ""), self._length())
        except Refused:
            self._drain()
            raise
        with upload:
            while upload.left:
                block = self.rfile.read(min(upload.left, _BLOCK))
                if not block:
                    break
                upload.write(block)
            return upload.install()

    def _length(self) -> int:
        value = self.headers.get("Content-Length", "")
        return int(value) if value.isdecimal() else 0

    def _drain(self) -> None:
        """Read what was sent: closing with unread bytes would reset the answer away."""
        left = min(self._length(), _DRAIN_LIMIT)
        while left > 0:
            block = self.rfile.read(min(left, _BLOCK))
            if not block:
                return
            left -= len(block)

    def _refuse_stage(self) -> None:
        self._answer(
            409,
            {
                "code": "agent.stage",
                "message": "the agent is not there yet, its archive is awaited",
                "subject": self.path,
                "hint": "Run the same command again: the archive is sent first.",
            },
        )

    def _answer(self, status: int, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        _log.info("%s %s", self.client_address[0], format % args)
