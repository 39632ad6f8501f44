# SPDX-License-Identifier: Apache-2.0
"""One attempt of one call, signed and sent by the vendor's SDK. No retries here.

What the SDK raises holds the whole request: the signature, a session token, the user data with
the agent's key. So nothing of it leaves this module but the plain words of `Refused`, and that is
raised only after the SDK's exception is forgotten, lest it ride along as ``__context__``.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, quote_plus, unquote, urlsplit

from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_tea_openapi.client import Client

# The package's __all__ holds classes where names belong, so a type checker sees no exports.
from alibabacloud_tea_openapi.utils_models import (  # type: ignore[attr-defined]
    Config,
    OpenApiRequest,
    Params,
)
from darabonba.exceptions import ResponseException, UnretryableException
from darabonba.runtime import RuntimeOptions

from hostlift.clouds.alibaba import codes
from hostlift.clouds.alibaba.actions import Action, Service
from hostlift.clouds.alibaba.endpoints import Endpoint, endpoint
from hostlift.clouds.alibaba.fields import Json, text

if TYPE_CHECKING:
    from hostlift.clouds.access import CloudAccess

CONNECT_SECONDS = 10
READ_SECONDS = 30
LONGEST_MESSAGE = 600

# With DEBUG=sdk in the environment the SDK logs whole requests, signature and tokens included.
logging.getLogger("darabonba-core").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; ``date`` is the cloud's time, seconds since 1970, None when not told."""

    body: Json
    date: float | None = None


@dataclass(slots=True, eq=False)
class Refused(Exception):
    """An attempt that failed, in plain words without secrets.

    Attributes:
        code: The cloud's ``Code``, or a word of `codes`.
        status: HTTP status; 0 when there was no answer.
        retry_after: Seconds the cloud asks to wait.
        missing: The permission that was missing, when the cloud says so.
    """

    code: str
    message: str
    request_id: str = ""
    status: int = 0
    retry_after: float = 0
    missing: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Transport(Protocol):
    """The seam under the gateway: tests answer from recordings."""

    def call(self, action: Action, params: Mapping[str, str]) -> Answer:
        """One attempt.

        Raises:
            Refused: It failed, in whatever way.
        """
        ...

    def date(self) -> float:
        """The cloud's time from the ``Date`` header of an unsigned answer.

        Raises:
            Refused: The endpoint cannot be reached, or tells no date.
        """
        ...

    def elsewhere(self, region: str) -> Transport:
        """The same way into another region."""
        ...


@dataclass(slots=True)
class SdkTransport:
    """The real one. One SDK client per service; connections are kept alive between calls."""

    access: CloudAccess
    read_seconds: float = READ_SECONDS
    _clients: dict[Service, Client] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """See that every service has an address.

        Raises:
            ConfigError: Region or endpoint cannot be what they are meant to be.
        """
        for service in Service:
            endpoint(self.access, service)

    def call(self, action: Action, params: Mapping[str, str]) -> Answer:
        """See `Transport`."""
        try:
            raw: object = self._client(action.service).call_api(
                _rpc(action), OpenApiRequest(query=dict(params)), RuntimeOptions()
            )
        except ResponseException as error:
            refused = _refusal(error, self._secrets(params))
        except (UnretryableException, CredentialException) as error:
            refused = _loss(error, endpoint(self.access, action.service).host)
        else:
            return _answer(raw)
        raise refused

    def date(self) -> float:
        """See `Transport`."""
        try:
            told = _head(endpoint(self.access, Service.ECS), self.access.proxy)
            return parsedate_to_datetime(told or "").timestamp()
        except OSError:
            refused = Refused(codes.UNREACHABLE, "no connection")
        except (HTTPException, ValueError):
            refused = Refused(codes.UNREADABLE, "the endpoint tells no date")
        raise refused

    def elsewhere(self, region: str) -> SdkTransport:
        """See `Transport`."""
        return SdkTransport(replace(self.access, region=region), self.read_seconds)

    def proxy(self) -> str:
        """``host:port`` that the SDK sends its calls to, by settings or environment; or empty."""
        protocol = endpoint(self.access, Service.ECS).protocol
        names = (f"{protocol}_PROXY", f"{protocol}_proxy".lower())
        found = self.access.proxy or next(filter(None, map(os.environ.get, names)), "")
        return urlsplit(_proxy_url(found)).netloc.rpartition("@")[2]

    def credential_source(self) -> str:
        """Where the key in use was found, for a person; nothing of the key itself."""
        if self.access.access_id:
            kind = "temporary key" if self.access.security_token else "key"
            return f"{kind} of the settings or the environment"
        try:
            found = CredentialClient().get_credential()
        except CredentialException:
            return "none found"
        return f"{found.provider_name or found.type or 'default'} (the SDK's own chain)"

    def _client(self, service: Service) -> Client:
        if service not in self._clients:
            self._clients[service] = Client(self._config(service))
        return self._clients[service]

    def _config(self, service: Service) -> Config:
        where, access = endpoint(self.access, service), self.access
        proxy = _proxy_url(access.proxy)
        config = Config(
            access_key_id=access.access_id,
            access_key_secret=access.secret_key,
            security_token=access.security_token,
            region_id=access.region,
            endpoint=where.host,
            protocol=where.protocol,
            http_proxy=proxy,
            https_proxy=proxy,
            connect_timeout=CONNECT_SECONDS * 1000,
            read_timeout=int(self.read_seconds * 1000),
            user_agent="hostlift",
        )
        if not access.access_id:
            config.credential = CredentialClient()
        return config

    def _secrets(self, params: Mapping[str, str]) -> tuple[str, ...]:
        ours = [self.access.secret_key, self.access.security_token]
        ours += [params.get(name, "") for name in ("UserData", "Password")]
        return tuple(s for s in ours if s)


def _rpc(action: Action) -> Params:
    return Params(
        action=action.api_name,
        version=action.service.version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )


def _answer(raw: object) -> Answer:
    body = raw.get("body") if isinstance(raw, Mapping) else None
    headers = raw.get("headers") if isinstance(raw, Mapping) else None
    if not isinstance(body, Mapping):
        raise Refused(codes.UNREADABLE, "the answer is not a JSON object")
    try:
        told = (
            parsedate_to_datetime(text(headers, "date")) if isinstance(headers, Mapping) else None
        )
    except ValueError:
        told = None
    return Answer(body, told.timestamp() if told else None)


def _refusal(error: ResponseException, secrets: tuple[str, ...]) -> Refused:
    data: Json = error.data if isinstance(error.data, Mapping) else {}
    message = text(data, "Message") or text(data, "message") or "no message"
    detail = "AccessDeniedDetail"
    return Refused(
        code=str(error.code or codes.UNREADABLE),
        message=plain(message, secrets),
        request_id=text(data, "RequestId") or text(data, "requestId"),
        status=int(error.status_code or 0),
        retry_after=float(error.retry_after or 0) / 1000,
        missing=text(data, detail, "AuthAction") or text(data, detail, "authAction"),
    )


def plain(message: str, secrets: tuple[str, ...]) -> str:
    """``message`` without secrets, in one line of bearable length.

    A signature error quotes the whole request as the server saw it; that part is dropped.
    """
    message = re.split(r"(?i)\bserver (?:string|canonical)", message, maxsplit=1)[0]
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            message = message.replace(form, "***")
    message = " ".join(message.split()).rstrip(" ,;:")
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


_LOSSES = {
    "SSLError": (codes.UNTRUSTED, "TLS failed"),
    "ProxyError": (codes.PROXY, "no connection through the proxy"),
    "ReadTimeout": (codes.NO_ANSWER, "no answer in time"),
    "ConnectTimeout": (codes.UNREACHABLE, f"no connection within {CONNECT_SECONDS} s"),
    "ConnectionError": (codes.UNREACHABLE, "no connection, or it was lost"),
    "ChunkedEncodingError": (codes.NO_ANSWER, "the connection was lost"),
    "CredentialException": (codes.NO_CREDENTIALS, "no credentials were found"),
    "RetryError": (codes.NO_ANSWER, "the connection was lost"),
}


def _loss(error: BaseException, host: str) -> Refused:
    """Name a failure without an answer by the types in its chain; texts hold the request."""
    names = []
    cause: BaseException | None = getattr(error, "inner_exception", None) or error
    while cause is not None:
        names.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    known = [code for name, code in _LOSSES.items() if name in names]
    code, message = known[0] if known else (codes.UNREADABLE, "the answer is not JSON")
    return Refused(code, f"{host}: {message}")


def _proxy_url(proxy: str) -> str:
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _head(where: Endpoint, proxy: str) -> str | None:
    user, _, through = urlsplit(_proxy_url(proxy)).netloc.rpartition("@")
    login = base64.b64encode(unquote(user).encode()).decode()
    kind = HTTPSConnection if where.protocol == "HTTPS" else HTTPConnection
    connection = kind(through or where.host, timeout=CONNECT_SECONDS)
    try:
        if through:
            connection.set_tunnel(
                where.host, headers={"Proxy-Authorization": f"Basic {login}"} if user else {}
            )
        connection.request("HEAD", "/")
        return connection.getresponse().getheader("Date")
    finally:
        connection.close()
