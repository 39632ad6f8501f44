# SPDX-License-Identifier: Apache-2.0
"""The pins: exactly one peer on each side."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest
from cryptography import x509

from hostlift.remote.tls import (
    Identity,
    PinnedContext,
    client_context,
    make_identity,
    server_context,
)

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def agent() -> Identity:
    return _identity("agent")


@pytest.fixture(scope="module")
def client() -> Identity:
    return _identity("client")


@pytest.fixture(scope="module")
def stranger() -> Identity:
    return _identity("stranger")


def _identity(name: str) -> Identity:
    return make_identity(name, not_before=time.time(), days=1)


def _talk(client_side: ssl.SSLContext | None, server_side: ssl.SSLContext) -> bytes:
    """What the client hears from a server that says ``welcome`` after its handshake."""
    near, far = socket.socketpair()

    def serve() -> None:
        with far:
            try:
                with server_side.wrap_socket(far, server_side=True) as secured:
                    secured.sendall(b"welcome")
                    secured.recv(1)
            except (ssl.SSLError, OSError):
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with near:
            if client_side is None:
                near.sendall(b"GET / HTTP/1.1\r\n\r\n")
                return near.recv(100)
            with client_side.wrap_socket(near) as secured:
                return secured.recv(100)
    finally:
        thread.join()


def test_the_pinned_peers_talk(agent: Identity, client: Identity) -> None:
    """Both sides hold what the other expects."""
    ours = client_context(client, agent.certificate_pem)
    theirs = server_context(agent, client.certificate_pem)
    assert _talk(ours, theirs) == b"welcome"


def test_another_client_hears_nothing(
    agent: Identity, client: Identity, stranger: Identity
) -> None:
    """A client with another key is refused before the first byte of an answer."""
    ours = client_context(stranger, agent.certificate_pem)
    theirs = server_context(agent, client.certificate_pem)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _talk(ours, theirs)


def test_another_server_is_refused(agent: Identity, client: Identity, stranger: Identity) -> None:
    """A server with another key is refused in the handshake."""
    ours = client_context(client, agent.certificate_pem)
    theirs = server_context(stranger, client.certificate_pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        _talk(ours, theirs)


def test_the_certificate_itself_is_compared(
    agent: Identity, client: Identity, stranger: Identity
) -> None:
    """A certificate that the trust store would accept is refused when it is not the pinned one."""
    ours = client_context(client, agent.certificate_pem)
    ours.load_verify_locations(cadata=stranger.certificate_pem.decode())
    theirs = server_context(stranger, client.certificate_pem)
    with pytest.raises(ssl.SSLCertVerificationError, match="not pinned"):
        _talk(ours, theirs)


def test_the_certificate_is_compared_for_asyncio_too(
    agent: Identity, client: Identity, stranger: Identity
) -> None:
    """`SSLObject`, which asyncio uses, has the same pin."""
    theirs = server_context(agent, client.certificate_pem)
    theirs.load_verify_locations(cadata=stranger.certificate_pem.decode())
    ours = client_context(stranger, agent.certificate_pem)
    with pytest.raises(ssl.SSLCertVerificationError, match="not pinned"):
        _handshake_in_memory(ours, theirs)
    _handshake_in_memory(client_context(client, agent.certificate_pem), theirs)


def _handshake_in_memory(ours: PinnedContext, theirs: PinnedContext) -> None:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = ours.wrap_bio(down, up)
    far = theirs.wrap_bio(up, down, server_side=True)
    waiting = [near, far]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)


def test_plain_text_is_not_answered(agent: Identity, client: Identity) -> None:
    """A request without TLS gets an alert at most."""
    try:
        answer = _talk(None, server_context(agent, client.certificate_pem))
    except ConnectionResetError:
        answer = b""
    assert b"welcome" not in answer
    assert not answer.startswith(b"HTTP")


def test_older_tls_is_refused(agent: Identity, client: Identity) -> None:
    """A peer that speaks TLS 1.2 at most is refused, whatever its certificate."""
    ours = client_context(client, agent.certificate_pem)
    ours.minimum_version = ssl.TLSVersion.TLSv1_2
    ours.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _talk(ours, server_context(agent, client.certificate_pem))


def test_the_server_sends_no_session_tickets(agent: Identity, client: Identity) -> None:
    """Unread tickets would turn the client's close into a reset that loses data."""
    assert server_context(agent, client.certificate_pem).num_tickets == 0


def test_an_identity_is_valid_before_its_time_and_for_its_days() -> None:
    """The start is a day early for clocks that lag; the end is where it was asked for."""
    made = make_identity("m" * 100, not_before=NOW, days=3)
    certificate = x509.load_pem_x509_certificate(made.certificate_pem)
    assert certificate.not_valid_before_utc.timestamp() == NOW - 86_400
    assert certificate.not_valid_after_utc.timestamp() == NOW + 3 * 86_400


def test_an_identity_does_not_show_its_key() -> None:
    """Neither a log line nor a traceback can hold the key by accident."""
    made = make_identity("agent", not_before=NOW, days=1)
    assert "PRIVATE" not in repr(made)
