# SPDX-License-Identifier: Apache-2.0
"""A small real HTTP proxy on loopback: CONNECT only, logins, refusals, a record of what it saw."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ConnectProxy:
    """Serves while `serving`; each connection has a thread of its own.

    Args:
        login: ``user:password`` it demands; empty: none.
        refusal: A status line it answers everybody with; empty: it connects.
    """

    def __init__(self, login: str = "", refusal: str = "") -> None:
        self.login = login
        self.refusal = refusal
        self.asked: list[str] = []
        self.seen = bytearray()
        self.port = 0

    @contextmanager
    def serving(self) -> Iterator[ConnectProxy]:
        """Until the block ends."""
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        with Server(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def _serve(self, near: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            block = near.recv(4096)
            if not block:
                return
            head += block
        first, *headers = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        self.asked.append(f"{method} {target}")
        answer = self.refusal or self._admitted(headers)
        if answer:
            near.sendall(f"{answer}\r\nContent-Length: 3\r\n\r\nno\n".encode())
            return
        host, _, port = target.rpartition(":")
        try:
            far = socket.create_connection((host, int(port)), timeout=5)
        except OSError:
            near.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            return
        with far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
            self._relay(near, far)

    def _admitted(self, headers: list[str]) -> str:
        wanted = base64.b64encode(self.login.encode()).decode()
        if not self.login or f"Proxy-Authorization: Basic {wanted}" in headers:
            return ""
        return 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"'

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        while True:
            for side in select.select(list(other), [], [])[0]:
                block = side.recv(1 << 16)
                if not block:
                    return
                self.seen += block
                other[side].sendall(block)
