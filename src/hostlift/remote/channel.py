# SPDX-License-Identifier: Apache-2.0
"""Connections to the intermediate instance: TLS, keep-alive, deadlines, one kind of error."""

from __future__ import annotations

import contextlib
import http.client
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from hostlift.errors import AgentUnreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import IO, Self

    from hostlift.remote.tunnel import Tunnel

CONNECT_SECONDS = 15.0
HANDSHAKE_SECONDS = 60.0
"""An emulated processor under load takes its time for a P-256 signature."""
ANSWER_SECONDS = 120.0
_IDLE_SECONDS = 20
_PROBES = 4
_SILENCE_MS = 120_000
_BLOCK = 1 << 16


def dial(
    address: str, port: int, context: ssl.SSLContext, tunnel: Tunnel | None = None
) -> ssl.SSLSocket:
    """A TLS connection after its handshake, without delays and with a notion of a dead peer.

    Args:
        tunnel: The proxy to go through; None: directly.

    Raises:
        ConfigError: The proxy refuses for good.
        AgentUnreachable: No connection, or the peer is not the pinned one.
    """
    try:
        plain = _plain(address, port, tunnel)
        try:
            _tune(plain)
            plain.settimeout(HANDSHAKE_SECONDS)
            secured = context.wrap_socket(plain)
        except BaseException:
            plain.close()
            raise
    except (OSError, ValueError) as error:
        raise unreachable(address, port, error) from error
    secured.settimeout(ANSWER_SECONDS)
    return secured


def _plain(address: str, port: int, tunnel: Tunnel | None) -> socket.socket:
    if tunnel is None:
        return socket.create_connection((address, port), timeout=CONNECT_SECONDS)
    # The proxy waits for the other side before it answers: its patience may be longer than ours.
    return tunnel.connect(address, port, seconds=2 * CONNECT_SECONDS)


def _tune(plain: socket.socket) -> None:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _IDLE_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE_MS)


def unreachable(address: str, port: int, error: BaseException) -> AgentUnreachable:
    """The error that a lost or impossible connection becomes."""
    why = str(error) or type(error).__name__
    return AgentUnreachable(f"no usable connection: {why}", subject=f"{address}:{port}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes


class Channel:
    """HTTP requests to one port, one after the other, over a connection kept while it lasts.

    Every failure of the connection is `AgentUnreachable`; the next request dials again.
    """

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, tunnel: Tunnel | None = None
    ) -> None:
        self._address = address
        self._port = port
        self._context = context
        self._tunnel = tunnel
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Answer:
        """One request with its whole answer; ``timeout`` is the longest silence."""
        with self._lost_is_unreachable():
            response = self._send(method, path, body, headers, timeout)
            return Answer(response.status, response.read())

    def stream(self, path: str, *, offset: int = 0) -> Iterator[Answer]:
        """The octets of ``path`` from ``offset`` on, in pieces.

        A refusal is the only item of the iteration; its status is not 2xx.

        Raises:
            AgentUnreachable: The connection was lost; what was given out is correct.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self._lost_is_unreachable():
            response = self._send("GET", path, b"", headers, ANSWER_SECONDS)
            if response.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                yield Answer(response.status, response.read())
                return
            while block := response.read(_BLOCK):
                yield Answer(response.status, block)
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes],
        headers: Mapping[str, str] | None,
        timeout: float,
    ) -> http.client.HTTPResponse:
        connection = self._connection
        if connection is None or connection.sock is None:
            connection = http.client.HTTPConnection(self._address, self._port, blocksize=_BLOCK)
            connection.sock = dial(self._address, self._port, self._context, self._tunnel)
            self._connection = connection
        connection.sock.settimeout(timeout)
        # A refusal may overtake a body that nobody wants to read: look before giving up.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body=body or None, headers=dict(headers or {}))
        return connection.getresponse()

    @contextlib.contextmanager
    def _lost_is_unreachable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unreachable(self._address, self._port, error) from error
        except BaseException:
            self.close()
            raise
