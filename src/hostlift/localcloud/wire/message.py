# SPDX-License-Identifier: Apache-2.0
"""An HTTP request taken apart, and which action of which service it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from urllib.parse import parse_qsl

from hostlift.localcloud.wire.errors import ApiError, missing_parameter

FORM = "application/x-www-form-urlencoded"


class Product(Enum):
    """A service; the value is the version by which requests name it."""

    ECS = "2014-05-26"
    VPC = "2016-04-28"
    STS = "2015-04-01"
    BSS = "2017-12-14"
    QUOTAS = "2020-05-10"

    @property
    def ram_code(self) -> str:
        """Its name in permissions and resource names."""
        return "bssapi" if self is Product.BSS else self.name.lower()


@dataclass(frozen=True)
class HttpRequest:
    """A request as it came in; header names are lower-case, the query is still encoded.

    ``source`` is the address it came from; empty when that is not known.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes = b""
    source: str = ""

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Decoded pairs of the query, in order."""
        return tuple(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def form(self) -> tuple[tuple[str, str], ...]:
        """Decoded pairs of a form body; nothing for other bodies."""
        if not self.body or not self.headers.get("content-type", "").startswith(FORM):
            return ()
        try:
            text = self.body.decode("utf-8")
        except UnicodeDecodeError:
            raise ApiError("InvalidParameter", "The request body is not UTF-8.") from None
        return tuple(parse_qsl(text, keep_blank_values=True))

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Query and form together; a name given twice is refused."""
        found: dict[str, str] = {}
        for name, value in (*self.query, *self.form):
            if name in found:
                raise ApiError("InvalidParameter", f'The parameter "{name}" is given twice.')
            found[name] = value
        return found


@dataclass(frozen=True, slots=True)
class Call:
    """An action to carry out; ``parameters`` still holds the signature's own (see ``PROTOCOL``)."""

    product: Product
    action: str
    parameters: Mapping[str, str]


PROTOCOL = frozenset(
    {
        "Action",
        "Version",
        "Format",
        "AccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureNonce",
        "SignatureVersion",
        "SignatureType",
        "Timestamp",
        "SecurityToken",
        "BearerToken",
    }
)
"""Parameters of the protocol itself: never an action's own."""

_KEPT_OUT_OF_LOGS = frozenset({"Signature", "SecurityToken", "Password", "UserData"})


def read_call(request: HttpRequest) -> Call:
    """Which action of which service a request asks for.

    Raises:
        ApiError: Action or version is absent or unknown.
    """
    action = request.headers.get("x-acs-action") or request.parameters.get("Action", "")
    version = request.headers.get("x-acs-version") or request.parameters.get("Version", "")
    if not action:
        raise missing_parameter("Action")
    if not version:
        raise missing_parameter("Version")
    try:
        product = Product(version)
    except ValueError:
        raise ApiError(
            "InvalidVersion", f'The specified parameter "Version" is not valid: {version}.'
        ) from None
    return Call(product, action, request.parameters)


def loggable(parameters: Mapping[str, str]) -> dict[str, str]:
    """Parameters without signatures, secrets and bulk."""
    return {
        name: "***" if name.split(".")[-1] in _KEPT_OUT_OF_LOGS else value
        for name, value in parameters.items()
        if name not in PROTOCOL
    }
