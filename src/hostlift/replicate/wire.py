# SPDX-License-Identifier: Apache-2.0
"""Moves frames over a connection, without ever blocking inside the TLS library.

One thread may read while another writes: an SSL object allows neither at the same time, so every
call into it is short, non-blocking and under a lock, and waiting happens outside in poll(2).
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from typing import Protocol

from hostlift.errors import ProtocolError
from hostlift.replicate.protocol import PREFIX, Message, decode, frame_length

_SLICE = 256 << 10
_RECEIVE = 256 << 10


class Link(Protocol):
    """A connected stream socket, plain or TLS; `ssl.SSLSocket` and `socket.socket` are ones."""

    def fileno(self) -> int:
        """For poll(2)."""
        ...

    def send(self, data: memoryview, /) -> int:
        """Send some."""
        ...

    def recv_into(self, buffer: bytearray | memoryview, /) -> int:
        """Receive some; 0 at the end."""
        ...

    def settimeout(self, value: float | None, /) -> None:
        """0 makes it non-blocking."""
        ...

    def shutdown(self, how: int, /) -> None:
        """Wake whoever waits on either end."""
        ...

    def close(self) -> None:
        """Give it up."""
        ...


class Wire:
    """Frames over a link; `ConnectionError` whenever it is no longer usable."""

    def __init__(self, link: Link) -> None:
        link.settimeout(0)
        self._link = link
        self._fd = link.fileno()
        self._lock = threading.Lock()
        self._buffer = bytearray(_RECEIVE)
        self._pending = bytearray()
        self._write_wants = select.POLLOUT
        self._read_wants = select.POLLIN
        self._closed = False

    def try_send(self, view: memoryview) -> int:
        """Send what fits now; 0 when nothing does."""
        try:
            with self._lock:
                self._alive()
                return self._link.send(view[:_SLICE])
        except ssl.SSLWantReadError:
            self._write_wants = select.POLLIN
        except (ssl.SSLWantWriteError, BlockingIOError):
            self._write_wants = select.POLLOUT
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ConnectionError(f"connection lost: {error}") from error
        return 0

    def try_receive(self) -> bool:
        """Take in what is there; False when nothing is.

        Raises:
            ConnectionError: It ended or broke.
        """
        try:
            with self._lock:
                self._alive()
                got = self._link.recv_into(self._buffer)
        except ssl.SSLWantWriteError:
            self._read_wants = select.POLLOUT
            return False
        except (ssl.SSLWantReadError, BlockingIOError):
            self._read_wants = select.POLLIN
            return False
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ConnectionError(f"connection lost: {error}") from error
        if got == 0:
            raise ConnectionError("connection ended by the peer")
        self._pending += memoryview(self._buffer)[:got]
        return True

    def take(self) -> Message | None:
        """The next whole message among what was received.

        Raises:
            ProtocolError: What was received is not the protocol.
        """
        if len(self._pending) < PREFIX.size:
            return None
        with memoryview(self._pending) as view:
            kind, header, body = frame_length(view[: PREFIX.size])
            at = PREFIX.size
            end = at + header + body
            if len(view) < end:
                return None
            head = bytes(view[at : at + header])
            rest = bytes(view[at + header : end])
        del self._pending[:end]
        return decode(kind, head, rest)

    def wait(self, *, read: bool, write: bool, timeout: float) -> bool:
        """Wait until one of them may go on; False when the time is over."""
        events = (self._read_wants if read else 0) | (self._write_wants if write else 0)
        poll = select.poll()
        poll.register(self._fd, events)
        return bool(poll.poll(int(timeout * 1000)))

    def send(self, frame: bytes, *, timeout: float) -> None:
        """Send a whole frame; for a thread that only writes.

        Raises:
            ConnectionError: It broke, or took nothing for ``timeout`` seconds.
        """
        view = memoryview(frame)
        while view:
            done = self.try_send(view)
            view = view[done:]
            if not done and not self.wait(read=False, write=True, timeout=timeout):
                raise ConnectionError(f"the peer took nothing for {timeout:g} s")

    def receive(self, *, timeout: float) -> Message:
        """The next message; for a thread that only reads.

        Raises:
            ConnectionError: It ended or broke, or brought nothing for ``timeout`` seconds.
            ProtocolError: What came is not the protocol.
        """
        while True:
            message = self.take()
            if message is not None:
                return message
            if not self.try_receive() and not self.wait(read=True, write=False, timeout=timeout):
                raise ConnectionError(f"nothing came for {timeout:g} s")

    def abort(self) -> None:
        """Make every use of it fail from now on, from any thread; `close` still has to be called."""
        self._closed = True
        with contextlib.suppress(OSError, ValueError):
            socket_shutdown(self._link)

    def close(self) -> None:
        """Give the connection up."""
        self._closed = True
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._link.close()

    def _alive(self) -> None:
        if self._closed:
            raise ConnectionError("closed")


def socket_shutdown(link: Link) -> None:
    """End both directions below any TLS, which wakes a poll on it."""
    link.shutdown(socket.SHUT_RDWR)


__all__ = ["Link", "ProtocolError", "Wire"]
