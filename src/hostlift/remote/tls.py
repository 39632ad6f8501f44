# SPDX-License-Identifier: Apache-2.0
"""Who may talk to whom: certificates that live as long as one migration, pinned on both sides.

The source and the intermediate instance each hold one key and know exactly one peer. The peer's
certificate is the only trust anchor of a context, and a context refuses any other certificate
after the handshake as well, whatever a chain may say. Names and addresses prove nothing here.

This module travels inside the user data: it needs the standard library only (making an identity
is the client's business and imports `cryptography` when it is called).
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from typing import TypeVar

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, both PEM; the key is never shown in a ``repr``."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _require(self.context, self.getpeercert(binary_form=True))


class _PinnedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _require(self.context, self.getpeercert(binary_form=True))


class PinnedContext(ssl.SSLContext):
    """A TLS 1.3 context with exactly one acceptable peer, for sockets and for asyncio."""

    pin: bytes = b""


def _require(context: ssl.SSLContext, presented: bytes | None) -> None:
    if not isinstance(context, PinnedContext) or presented != context.pin:
        raise ssl.SSLCertVerificationError("the peer presented a certificate that is not pinned")


def client_context(own: Identity, peer_certificate_pem: bytes) -> PinnedContext:
    """A context that reaches the holder of ``peer_certificate_pem`` only.

    The handshake raises `ssl.SSLError` for anybody else. A server that does not accept *our*
    certificate says so after the handshake (that is how TLS 1.3 works): the first read fails.
    """
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    return _pinned(context, own, peer_certificate_pem)


def server_context(own: Identity, peer_certificate_pem: bytes) -> PinnedContext:
    """A context that serves the holder of ``peer_certificate_pem`` only."""
    context = PinnedContext(ssl.PROTOCOL_TLS_SERVER)
    # A client that closes with unread session tickets resets the connection: what it sent last
    # would be lost.
    context.num_tickets = 0
    return _pinned(context, own, peer_certificate_pem)


_Context = TypeVar("_Context", bound=PinnedContext)


def _pinned(context: _Context, own: Identity, peer_certificate_pem: bytes) -> _Context:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    peer = peer_certificate_pem.decode("ascii")
    context.load_verify_locations(cadata=peer)
    context.sslsocket_class = _PinnedSocket
    context.sslobject_class = _PinnedObject
    context.pin = ssl.PEM_cert_to_DER_cert(peer.strip())
    # OpenSSL's Python binding reads keys from files only; this one is gone right after.
    descriptor, path = tempfile.mkstemp(prefix="hostlift-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(own.key_pem.rstrip() + b"\n" + own.certificate_pem)
        context.load_cert_chain(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return context


def make_identity(common_name: str, *, not_before: float, days: int) -> Identity:
    """Make a P-256 key and a self-signed certificate for it.

    Args:
        common_name: For people who look at the certificate; proves nothing.
        not_before: Seconds since 1970. The certificate is dated a day earlier: the clock of a
            fresh instance may be hours behind (local time in its hardware clock).
        days: How long it is good for, from ``not_before``.
    """
    # Not at the top: the intermediate instance has no `cryptography`.
    from hostlift.remote.certificates import self_signed  # noqa: PLC0415

    certificate, key = self_signed(common_name, not_before - _DAY, not_before + days * _DAY)
    return Identity(certificate, key)
