# SPDX-License-Identifier: Apache-2.0
"""The data port: a thread per stream, from the TLS handshake to the receiver's last word."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hostlift.errors import HostliftError

if TYPE_CHECKING:
    from collections.abc import Iterator

Serve = Callable[[ssl.SSLSocket], None]
_HANDSHAKE_SECONDS = 60.0
_SILENCE_SECONDS = 300.0
"""A sender that reads a hot file again may be silent for long; a dead one is found by keepalive."""
_END_SECONDS = 60.0
_MOST_STREAMS = 64
_BACKLOG = 64
_PAUSE_SECONDS = 0.2
_log = logging.getLogger(__name__)


class DataServer:
    """Accepts streams from the pinned client while it is `serving`.

    Args:
        port: Where to listen; 0 takes a free one.
        context: Of `hostlift.remote.tls.server_context`.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._listener = socket.create_server(("", port), backlog=_BACKLOG)
        self._context = context
        self._lock = threading.Lock()
        self._streams: dict[threading.Thread, socket.socket] = {}
        self._closing = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @contextlib.contextmanager
    def serving(self, serve: Serve) -> Iterator[None]:
        """Within the block, ``serve`` speaks the data protocol on every stream until it ends."""
        accepting = threading.Thread(target=self._accept, args=(serve,), name="data", daemon=True)
        accepting.start()
        try:
            yield
        finally:
            self._closing.set()
            # Closing alone does not wake a thread that waits in accept().
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()
            self.end_streams()

    def end_streams(self) -> None:
        """End every stream and wait until its files are closed: the volumes can be unmounted."""
        with self._lock:
            streams = dict(self._streams)
        for connection in streams.values():
            # Not SSLSocket's own shutdown: it would let the reader go on without decryption.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in streams:
            thread.join(_END_SECONDS)

    def _accept(self, serve: Serve) -> None:
        while not self._closing.is_set():
            try:
                connection, address = self._listener.accept()
            except OSError as error:
                # Out of descriptors, or the peer was gone again: later ones may be luckier.
                if not self._closing.wait(_PAUSE_SECONDS):
                    _log.warning("data port: %s", error)
                continue
            thread = threading.Thread(
                target=self._stream,
                args=(connection, address[0], serve),
                name="stream",
                daemon=True,
            )
            with self._lock:
                if len(self._streams) >= _MOST_STREAMS:
                    connection.close()
                    continue
                self._streams[thread] = connection
            thread.start()

    def _stream(self, connection: socket.socket, peer: str, serve: Serve) -> None:
        try:
            connection.settimeout(_HANDSHAKE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            with self._context.wrap_socket(connection, server_side=True) as secured:
                secured.settimeout(_SILENCE_SECONDS)
                with self._lock:
                    self._streams[threading.current_thread()] = secured
                serve(secured)
        except (OSError, HostliftError) as error:
            _log.info("stream from %s ended: %s", peer, error)
        finally:
            connection.close()
            with self._lock:
                self._streams.pop(threading.current_thread(), None)
