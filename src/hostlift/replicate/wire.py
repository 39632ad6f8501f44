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
_ALL_PARTS = 3


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
    """Frames over a link; `ConnectionError` whenever it is no longer usable.

    TLS hands out a record of at most 16 KiB at a time, so many are moved in one call, and what is
    received goes where it stays: a frame's prefix first, then exactly its header and its body.
    """

    def __init__(self, link: Link) -> None:
        link.settimeout(0)
        self._link = link
        self._fd = link.fileno()
        self._lock = threading.Lock()
        self._kind = 0
        self._parts: list[bytearray] = [bytearray(PREFIX.size)]
        self._filling = 0
        self._room = memoryview(self._parts[0])
        self._write_wants = select.POLLOUT
        self._read_wants = select.POLLIN
        self._closed = False

    def try_send(self, view: memoryview) -> int:
        """Send what fits now; 0 when nothing does.

        After 0 the next call must offer at least as much of the same: TLS may have made a record
        of it already.
        """
        done = 0
        most = min(len(view), _SLICE)
        try:
            with self._lock:
                self._alive()
                while done < most:
                    done += self._link.send(view[done:most])
        except ssl.SSLWantReadError:
            self._write_wants = select.POLLIN
        except (ssl.SSLWantWriteError, BlockingIOError):
            self._write_wants = select.POLLOUT
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ConnectionError(f"connection lost: {error}") from error
        return done

    def try_receive(self) -> bool:
        """Take in what is there, up to the end of a message; False when nothing is.

        Raises:
            ConnectionError: It ended or broke.
            ProtocolError: What was received is not the protocol.
        """
        moved = ended = False
        try:
            with self._lock:
                self._alive()
                while self._wanted():
                    got = self._link.recv_into(self._room)
                    if got == 0:
                        ended = True
                        break
                    self._room = self._room[got:]
                    moved = True
        except ssl.SSLWantWriteError:
            self._read_wants = select.POLLOUT
        except (ssl.SSLWantReadError, BlockingIOError):
            self._read_wants = select.POLLIN
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ConnectionError(f"connection lost: {error}") from error
        if ended and not moved:
            raise ConnectionError("connection ended by the peer")
        return moved

    def _wanted(self) -> bool:
        """Whether there is room to receive into; a part that is full leads to the next."""
        while not self._room and self._filling < _ALL_PARTS:
            if self._filling == 0:
                self._kind, header, body = frame_length(self._parts[0])
                self._parts += bytearray(header), bytearray(body)
            self._filling += 1
            if self._filling < _ALL_PARTS:
                self._room = memoryview(self._parts[self._filling])
        return bool(self._room)

    def take(self) -> Message | None:
        """The message that was received whole, if one was.

        Raises:
            ProtocolError: What was received is not the protocol.
        """
        if self._wanted():
            return None
        _, header, body = self._parts
        self._parts = [bytearray(PREFIX.size)]
        self._filling = 0
        self._room = memoryview(self._parts[0])
        return decode(self._kind, header, body)

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
