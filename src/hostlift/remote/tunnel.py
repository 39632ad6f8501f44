# SPDX-License-Identifier: Apache-2.0
"""The way to the intermediate instance through an HTTP proxy: CONNECT (RFC 9110, section 9.3.6).

TLS with both pins runs inside; the proxy sees an address, a port and noise.
"""

from __future__ import annotations

import base64
import re
import socket
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from hostlift.errors import ConfigError

_LONGEST_ANSWER = 1 << 16
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_MAY_PASS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An HTTP proxy that is asked for connections.

    Attributes:
        login: ``user:password``, or empty; never shown.
    """

    host: str
    port: int
    login: str = field(default="", repr=False)

    @classmethod
    def of(cls, proxy: str) -> Tunnel:
        """The one of a ``proxy`` setting: ``host:port`` or ``http://user:password@host:port``."""
        where = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        user, _, _ = where.netloc.rpartition("@")
        return cls(where.hostname or "", where.port or 0, unquote(user))

    def connect(self, address: str, port: int, *, seconds: float) -> socket.socket:
        """A connection to ``address`` on which nothing has been said yet.

        Args:
            seconds: The longest silence of the proxy.

        Raises:
            ConfigError: It never will: it wants another login, or forbids this.
            OSError: It did not now.
        """
        plain = socket.create_connection((self.host, self.port), timeout=seconds)
        try:
            plain.sendall(self._request(address, port))
            self._judge(_status(plain), f"{address}:{port}")
        except BaseException:
            plain.close()
            raise
        return plain

    def _request(self, address: str, port: int) -> bytes:
        target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.login:
            login = base64.b64encode(self.login.encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {login}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _judge(self, status: int, target: str) -> None:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        name = f"the proxy {self.host}:{self.port}"
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            said = "does not take the login" if self.login else "demands a login"
            raise ConfigError(
                f"{name} {said} (407)",
                subject="proxy",
                hint="Give the proxy as http://user:password@host:port (it must accept Basic), or"
                " set proxy_data to false and allow tcp 8080 and 8703 directly, then rerun.",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _MAY_PASS:
            raise ConnectionError(f"{name} could not connect ({status})")
        raise ConfigError(
            f"{name} does not let connections to {target} through ({status})",
            subject="proxy_data",
            hint="Have the proxy admit CONNECT to tcp 8080 and 8703, or set proxy_data to false and"
            " allow both ports directly, then rerun.",
        )


def _status(plain: socket.socket) -> int:
    """Octet after octet: what follows the empty line belongs to somebody else."""
    answer = bytearray()
    while not answer.endswith((b"\r\n\r\n", b"\n\n")):
        octet = plain.recv(1)
        if not octet or len(answer) == _LONGEST_ANSWER:
            raise ConnectionError("the proxy gave no complete answer")
        answer += octet
    found = _STATUS.match(answer)
    if found is None:
        raise ConnectionError("what answered is not an HTTP proxy")
    return int(found[1])
