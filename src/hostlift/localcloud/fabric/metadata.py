# SPDX-License-Identifier: Apache-2.0
"""The metadata service ``http://100.100.100.200``, as a guest inside a private network sees it.

`answer` is pure; `MetadataServer` puts it on a socket made inside the network's namespace, where a
guest is known by its private address. Hardened mode: a token is had with PUT and sent with GET, no
proxy may stand between (``X-Forwarded-For``), and the token's answer dies after ``hop_limit``
routers. Which status a refusal has is not documented: 403 here.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from hostlift.localcloud.compute.base import Metadata

ADDRESS = "100.100.100.200"
PORT = 80
_VERSIONS = ("2014-11-05", "2016-01-01", "latest")
_TTL_HEADER = "X-aliyun-ecs-metadata-token-ttl-seconds"
_TOKEN_HEADER = "X-aliyun-ecs-metadata-token"  # noqa: S105 - the name of a header
_LONGEST_TOKEN = 21600
_MANY_TOKENS = 1000
_USUAL_HOPS = 64
_DOCUMENT = {
    "instance-id": "instance-id",
    "image-id": "image-id",
    "region-id": "region-id",
    "zone-id": "zone-id",
    "private-ipv4": "private-ipv4",
    "mac": "mac",
    "serial-number": "serial-number",
    "instance-type": "instance/instance-type",
    "owner-account-id": "owner-account-id",
}
"""Names in the identity document, and the metadata items they show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says: a body of a type."""

    body: bytes
    kind: str = "text/plain; charset=utf-8"


def answer(metadata: Metadata, path: str) -> Answer | None:
    """The answer to ``GET path``; None when there is no such thing.

    Every dated version answers like ``latest``: cloud-init asks ``2016-01-01``.
    """
    words = [w for w in path.partition("?")[0].split("/") if w]
    if not words:
        return Answer("\n".join(_VERSIONS).encode())
    if words[0] not in _VERSIONS and not re.fullmatch(r"\d{4}-\d\d-\d\d", words[0]):
        return None
    match words[1:]:
        case []:
            return Answer(_top(metadata))
        case ["user-data"]:
            user_data = metadata.user_data
            return Answer(user_data, "application/octet-stream") if user_data else None
        case ["meta-data", *below]:
            return _item(metadata.items, "/".join(below))
        case ["dynamic", *below]:
            return _dynamic(metadata.items, below)
        case _:
            return None


def _top(metadata: Metadata) -> bytes:
    names = ["dynamic/", "meta-data/", *(["user-data"] if metadata.user_data else [])]
    return "\n".join(names).encode()


def _item(items: dict[str, str], path: str) -> Answer | None:
    if path in items:
        return Answer(items[path].encode())
    prefix = path + "/" if path else ""
    below = [key[len(prefix) :] for key in items if key.startswith(prefix)]
    names = {head + ("/" if rest else "") for head, rest, _ in (k.partition("/") for k in below)}
    return Answer("\n".join(sorted(names)).encode()) if names else None


def _dynamic(items: dict[str, str], below: list[str]) -> Answer | None:
    listings = {(): b"instance-identity/", ("instance-identity",): b"document"}
    if below == ["instance-identity", "document"]:
        return Answer(_document(items), "application/json")
    listing = listings.get(tuple(below))
    return Answer(listing) if listing else None


def _document(items: dict[str, str]) -> bytes:
    shown = {name: items[key] for name, key in _DOCUMENT.items() if key in items}
    return json.dumps(shown).encode()


class Tokens:
    """Tokens of hardened mode. Each is one guest's, for as long as it asked for.

    Args:
        now: Seconds that never go back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], float] = {}

    def issue(self, guest: str, seconds: int) -> str:
        """A new token."""
        token = secrets.token_urlsafe(40)
        with self._lock:
            if len(self._known) >= _MANY_TOKENS:
                self._known = {k: end for k, end in self._known.items() if end > self._now()}
            self._known[guest, token] = self._now() + seconds
        return token

    def is_good(self, guest: str, token: str) -> bool:
        """Whether the guest was given it and it has not expired."""
        with self._lock:
            return self._known.get((guest, token), 0.0) > self._now()


def read_seconds(text: str | None) -> int | None:
    """How long a token is to live; None when that is missing or out of range."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if 1 <= int(text) <= _LONGEST_TOKEN else None


class MetadataServer:
    """The service of one private network, from construction until `close`.

    Args:
        listening: A listening socket inside the network; closed by us.
        lookup: Private address to what that guest may see; None when there is no such guest.
    """

    def __init__(self, listening: socket.socket, lookup: Callable[[str], Metadata | None]) -> None:
        own = {"lookup": staticmethod(lookup), "tokens": Tokens(time.monotonic)}
        handler = type("Handler", (_Handler,), own)
        address = listening.getsockname()
        self._server = ThreadingHTTPServer(address, handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ECS"
    sys_version = ""
    timeout: ClassVar[float | None] = 30.0
    lookup: Callable[[str], Metadata | None]
    tokens: Tokens

    def do_GET(self) -> None:
        self._hops(_USUAL_HOPS)
        guest = str(self.client_address[0])
        metadata = self.lookup(guest)
        if metadata is not None and not self._may(guest, metadata):
            self._send(HTTPStatus.FORBIDDEN, Answer(b"403 - Forbidden\n"))
            return
        found = answer(metadata, self.path) if metadata else None
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, Answer(b"404 - Not Found\n"))
        else:
            self._send(HTTPStatus.OK, found)

    def do_PUT(self) -> None:
        length = self.headers.get("Content-Length", "0")
        self.rfile.read(min(int(length), 4096) if length.isdigit() else 0)
        guest = str(self.client_address[0])
        metadata = self.lookup(guest)
        if self.path.strip("/") != "latest/api/token" or metadata is None:
            self._send(HTTPStatus.NOT_FOUND, Answer(b"404 - Not Found\n"))
            return
        seconds = read_seconds(self.headers.get(_TTL_HEADER))
        if "X-Forwarded-For" in self.headers:
            self._send(HTTPStatus.FORBIDDEN, Answer(b"403 - Forbidden\n"))
        elif seconds is None:
            self._send(HTTPStatus.BAD_REQUEST, Answer(b"400 - Bad Request\n"))
        else:
            self._hops(metadata.hop_limit)
            token = self.tokens.issue(guest, seconds)
            self._send(HTTPStatus.OK, Answer(token.encode()))

    def _may(self, guest: str, metadata: Metadata) -> bool:
        """A token that is sent counts, whether or not one is required."""
        token = self.headers.get(_TOKEN_HEADER)
        if token is None:
            return not metadata.token_required
        return "X-Forwarded-For" not in self.headers and self.tokens.is_good(guest, token)

    def _hops(self, limit: int) -> None:
        """Routers that the answer may pass."""
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, limit)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing: the daemon's output is for people."""

    def _send(self, status: HTTPStatus, what: Answer) -> None:
        self.send_response(status)
        self.send_header("Content-Type", what.kind)
        self.send_header("Content-Length", str(len(what.body)))
        self.end_headers()
        self.wfile.write(what.body)
