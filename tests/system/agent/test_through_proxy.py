# SPDX-License-Identifier: Apache-2.0
"""Both ports of the agent through a real HTTP proxy on loopback."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from fakes.connectproxy import ConnectProxy

from hostlift.agent.data import DataServer
from hostlift.errors import AgentUnreachable, ConfigError
from hostlift.host.clock import SystemClock
from hostlift.remote.channel import Channel
from hostlift.remote.client import AgentClient
from hostlift.remote.tls import client_context, make_identity, server_context
from hostlift.remote.tunnel import Tunnel

NOW = SystemClock().now()
AGENT = make_identity("agent", not_before=NOW, days=1)
CLIENT = make_identity("client", not_before=NOW, days=1)
SECRET = "pw/7@x"
LOGIN = f"me:{SECRET}"


def _echo(stream: ssl.SSLSocket) -> None:
    while data := stream.recv(100):
        stream.sendall(data)


class _Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def control() -> Iterator[int]:
    """The port of something that speaks HTTP inside the migration's TLS."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello) as server:
        context = server_context(AGENT, CLIENT.certificate_pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def data() -> Iterator[int]:
    made = DataServer(0, server_context(AGENT, CLIENT.certificate_pem))
    with made.serving(_echo):
        yield made.port


def _client(port: int, proxy: ConnectProxy, login: str = "") -> AgentClient:
    return AgentClient(
        "127.0.0.1",
        context=client_context(CLIENT, AGENT.certificate_pem),
        control_port=port,
        data_port=port,
        clock=SystemClock(),
        tunnel=Tunnel("127.0.0.1", proxy.port, login),
    )


def test_data_goes_through_and_stays_unread(data: int) -> None:
    """The proxy is asked for the data port, with its login, and sees no word of ours."""
    with ConnectProxy(LOGIN).serving() as proxy:
        with _client(data, proxy, LOGIN).open_data() as stream:
            stream.sendall(b"a word of ours")
            assert stream.recv(100) == b"a word of ours"
        assert proxy.asked == [f"CONNECT 127.0.0.1:{data}"]
        assert len(proxy.seen) > 500
        assert b"a word" not in proxy.seen


def test_control_calls_share_one_tunnel(control: int) -> None:
    """The connection is kept; it is asked for once."""
    context = client_context(CLIENT, AGENT.certificate_pem)
    with ConnectProxy().serving() as proxy:
        tunnel = Tunnel("127.0.0.1", proxy.port)
        with Channel("127.0.0.1", control, context, tunnel) as channel:
            assert [channel.call("GET", "/").body for _ in range(3)] == [b"hello"] * 3
        assert proxy.asked == [f"CONNECT 127.0.0.1:{control}"]


def test_the_pins_hold_inside_a_tunnel(data: int) -> None:
    """A proxy that leads to somebody else leads nowhere."""
    stranger = make_identity("stranger", not_before=NOW, days=1)
    with ConnectProxy().serving() as proxy:
        client = AgentClient(
            "127.0.0.1",
            context=client_context(CLIENT, stranger.certificate_pem),
            data_port=data,
            clock=SystemClock(),
            tunnel=Tunnel("127.0.0.1", proxy.port),
        )
        with pytest.raises(AgentUnreachable):
            client.open_data()


@pytest.mark.parametrize(
    ("login", "words"), [("", "demands a login"), (f"me:not{SECRET}", "does not take the login")]
)
def test_a_proxy_that_wants_another_login_ends_the_wait_at_once(login: str, words: str) -> None:
    """407 names the key, and never the login."""
    with ConnectProxy(LOGIN).serving() as proxy:
        client = _client(9, proxy, login)
        with pytest.raises(ConfigError, match=words) as caught:
            client.wait_for(None, 900.0)
        assert len(proxy.asked) == 1
    assert caught.value.subject == "proxy"
    shown = repr(caught.value) + str(caught.value) + caught.value.hint + repr(Tunnel("p", 1, login))
    assert SECRET not in shown


def test_a_proxy_that_forbids_the_port_ends_the_wait_at_once() -> None:
    """403: what many do with CONNECT to anything but 443."""
    with ConnectProxy(refusal="HTTP/1.1 403 Forbidden").serving() as proxy:
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:8080 through \(403\)") as caught:
            _client(8080, proxy).wait_for(None, 900.0)
        assert len(proxy.asked) == 1
    assert caught.value.subject == "proxy_data"
    assert "8703" in caught.value.hint


def test_an_instance_that_is_not_up_yet_is_waited_for() -> None:
    """503 of the proxy is a connection that failed, like any other."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with ConnectProxy().serving() as proxy:
        with pytest.raises(AgentUnreachable, match=r"could not connect \(503\)"):
            _client(port, proxy).open_data()
        with pytest.raises(AgentUnreachable, match="not ready within"):
            _client(port, proxy).wait_for(None, 1.5)
        assert len(proxy.asked) > 1


def test_what_is_no_proxy_is_told(data: int) -> None:
    """Something else listens on that port."""
    with (
        ConnectProxy(refusal="SSH-2.0-x\r\n").serving() as proxy,
        pytest.raises(AgentUnreachable, match="not an HTTP proxy"),
    ):
        _client(data, proxy).open_data()
    with pytest.raises(AgentUnreachable, match="refused"):
        _client(data, proxy).open_data()
