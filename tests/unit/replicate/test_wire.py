# SPDX-License-Identifier: Apache-2.0
"""Frames over a connection that takes and gives as much as it likes at a time."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from hostlift.errors import ProtocolError
from hostlift.replicate.protocol import Ack, Batch, Bye, Codec, Flush, Message, Result, encode
from hostlift.replicate.wire import Wire


class Fickle:
    """A socket that sends and receives less than it could, and sometimes nothing at first."""

    def __init__(self, sock: socket.socket, seed: int) -> None:
        self.sock = sock
        self.chance = random.Random(seed)

    def fileno(self) -> int:
        return self.sock.fileno()

    def _some(self, size: int) -> int:
        if self.chance.random() < 0.3:
            raise BlockingIOError
        return min(size, self.chance.choice([1, 7, 1000, 16 << 10]))

    def send(self, data: memoryview) -> int:
        return self.sock.send(data[: self._some(len(data))])

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        return self.sock.recv_into(buffer, self._some(len(buffer)))

    def settimeout(self, value: float | None) -> None:
        self.sock.settimeout(value)

    def shutdown(self, how: int) -> None:
        self.sock.shutdown(how)

    def close(self) -> None:
        self.sock.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("seed", range(5))
def test_messages_of_any_length_arrive_whole_and_in_order(
    ends: tuple[socket.socket, socket.socket], seed: int
) -> None:
    """Headers without a body, bodies of nothing, of one byte, of more than any buffer holds."""
    chance = random.Random(seed)
    sizes = [0, 1, 100, 100_000, *(chance.randrange(300_000) for _ in range(4))]
    batches = [Batch(i, "v", 3, Codec.RAW, n, chance.randbytes(n)) for i, n in enumerate(sizes)]
    messages: list[Message] = [Flush(), *batches, Ack((Result(7),), 5, 1000), Bye()]
    sender, receiver = (Wire(Fickle(end, seed + i)) for i, end in enumerate(ends))

    def send() -> None:
        for message in messages:
            sender.send(encode(message), timeout=20)

    thread = threading.Thread(target=send)
    thread.start()
    found = [receiver.receive(timeout=20) for _ in messages]
    thread.join()
    assert found == messages


def test_what_follows_a_message_stays_for_the_next(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """Nothing is taken from the connection beyond the end of a message."""
    ours, theirs = ends
    ours.sendall(encode(Flush()) + encode(Bye()))
    wire = Wire(theirs)
    assert wire.receive(timeout=5) == Flush()
    assert theirs.recv(100, socket.MSG_PEEK) == encode(Bye())
    assert wire.receive(timeout=5) == Bye()


def test_the_last_message_before_the_end_is_not_lost(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """The peer says its last word and is gone: first the word, then the end."""
    ours, theirs = ends
    ours.sendall(encode(Bye()))
    ours.close()
    wire = Wire(theirs)
    assert wire.receive(timeout=5) == Bye()
    with pytest.raises(ConnectionError, match="ended by the peer"):
        wire.receive(timeout=5)


def test_noise_is_a_protocol_error(ends: tuple[socket.socket, socket.socket]) -> None:
    """Found by the first eleven bytes; no room is made for a message that nobody sent."""
    ours, theirs = ends
    ours.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ProtocolError):
        Wire(theirs).receive(timeout=5)
