# SPDX-License-Identifier: Apache-2.0
"""The data port on loopback: streams in parallel, ended on demand, closed to strangers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from hostlift.agent.data import DataServer
from hostlift.errors import AgentUnreachable, ProtocolError
from hostlift.host.clock import SystemClock
from hostlift.remote.client import AgentClient
from hostlift.remote.tls import client_context, make_identity, server_context

NOW = SystemClock().now()
AGENT = make_identity("agent", not_before=NOW, days=1)
CLIENT = make_identity("client", not_before=NOW, days=1)
DEADLINE = 20.0


class Echo:
    """Speaks a protocol of one word, until the peer or the server ends the stream."""

    def __init__(self) -> None:
        self.ended = threading.Semaphore(0)

    def __call__(self, stream: ssl.SSLSocket) -> None:
        try:
            while data := stream.recv(100):
                if data == b"bad":
                    raise ProtocolError("not a word")
                stream.sendall(data)
        finally:
            self.ended.release()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[DataServer]:
    made = DataServer(0, server_context(AGENT, CLIENT.certificate_pem))
    with made.serving(echo):
        yield made


def _client(server: DataServer) -> AgentClient:
    return _client_of(server.port)


def _client_of(port: int) -> AgentClient:
    return AgentClient(
        "127.0.0.1",
        context=client_context(CLIENT, AGENT.certificate_pem),
        data_port=port,
        clock=SystemClock(),
    )


def test_streams_are_served_in_parallel(server: DataServer) -> None:
    """A stream that says nothing, or never shook hands, does not stall the others."""
    with socket.create_connection(("127.0.0.1", server.port)), _client(server).open_data():
        streams = [_client(server).open_data() for _ in range(4)]
        for number, stream in enumerate(reversed(streams)):
            stream.sendall(b"%d" % number)
            assert stream.recv(10) == b"%d" % number
        for stream in streams:
            stream.close()


def test_a_bad_stream_ends_alone(server: DataServer, echo: Echo) -> None:
    """An error of the protocol closes its stream; the next one works."""
    with _client(server).open_data() as bad, _client(server).open_data() as good:
        bad.sendall(b"bad")
        assert bad.recv(10) == b""
        good.sendall(b"good")
        assert good.recv(10) == b"good"


def test_streams_can_be_ended_before_volumes_are_unmounted(server: DataServer, echo: Echo) -> None:
    """When `end_streams` returns, nobody is writing any more; new streams are welcome."""
    streams = [_client(server).open_data() for _ in range(3)]
    for stream in streams:
        stream.sendall(b"here")
        assert stream.recv(10) == b"here"
    server.end_streams()
    for stream in streams:
        assert echo.ended.acquire(timeout=0)
        assert stream.recv(10) == b""
        stream.close()
    with _client(server).open_data() as again:
        again.sendall(b"again")
        assert again.recv(10) == b"again"


def test_nothing_is_left_behind(echo: Echo) -> None:
    """After the block the port is free and no thread remains."""
    before = threading.active_count()
    server = DataServer(0, server_context(AGENT, CLIENT.certificate_pem))
    port = server.port
    with server.serving(echo):
        stream = _client(server).open_data()
        stream.sendall(b"here")
        assert stream.recv(10) == b"here"
    assert threading.active_count() == before
    with pytest.raises(AgentUnreachable):
        _client_of(port).open_data()
    stream.close()
