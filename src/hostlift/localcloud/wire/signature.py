# SPDX-License-Identifier: Apache-2.0
"""Signatures recomputed: ACS3-HMAC-SHA256 (header) and HMAC-SHA1 (parameter).

The server trusts nothing but the secret: it re-encodes what it decoded and signs exactly the
headers the client named. ACS3: https://help.aliyun.com/document_detail/2593177.html.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from hostlift.localcloud.wire.errors import ApiError, missing_parameter
from hostlift.localcloud.wire.message import HttpRequest

ACS3 = "ACS3-HMAC-SHA256"
_ACS3_FORM = re.compile(
    ACS3 + r"\s+Credential=(?P<key>[^,\s]+)\s*,\s*SignedHeaders=(?P<names>[^,\s]+)"
    r"\s*,\s*Signature=(?P<signature>[0-9a-fA-F]+)\s*"
)
_MUST_SIGN = frozenset(
    {
        "host",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request says of itself, before anything is believed.

    Attributes:
        names: Signed headers of ACS3; empty for the older form.
        timestamp: As written by the client.
    """

    access_key_id: str
    signature: str
    nonce: str
    timestamp: str
    security_token: str = ""
    names: tuple[str, ...] = ()


def read_claim(request: HttpRequest) -> Claim:
    """Who a request says it is from.

    Raises:
        ApiError: It carries no complete signature of a known form.
    """
    authorization = request.headers.get("authorization", "")
    if authorization:
        return _acs3_claim(request, authorization)
    return _rpc_claim(request.parameters)


def expected(request: HttpRequest, claim: Claim, secret: str) -> str:
    """The signature the request should have."""
    if claim.names:
        return acs3(request, claim.names, secret)
    return rpc(request.method, request.parameters, secret)


def acs3(request: HttpRequest, names: tuple[str, ...], secret: str) -> str:
    """ACS3-HMAC-SHA256 in hex, over the named headers; the key is the bare secret."""
    canonical = "\n".join(
        (
            request.method,
            request.path,
            "&".join(f"{_encode(k)}={_encode(v)}" for k, v in sorted(request.query)),
            "".join(f"{n}:{request.headers.get(n, '').strip()}\n" for n in names),
            ";".join(names),
            request.headers.get("x-acs-content-sha256", ""),
        )
    )
    to_sign = f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def rpc(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA1 in Base64, over all parameters but the signature itself; the key is secret + &."""
    pairs = sorted((k, v) for k, v in parameters.items() if k != "Signature")
    query = "&".join(f"{_encode(k)}={_encode(v)}" for k, v in pairs)
    to_sign = f"{method}&{_encode('/')}&{_encode(query)}"
    digest = hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def body_digest_is_right(request: HttpRequest) -> bool:
    """Whether ``x-acs-content-sha256`` is the digest of the body."""
    said = request.headers.get("x-acs-content-sha256", "")
    return hmac.compare_digest(said.lower(), hashlib.sha256(request.body).hexdigest())


def _acs3_claim(request: HttpRequest, authorization: str) -> Claim:
    found = _ACS3_FORM.fullmatch(authorization)
    if not found:
        raise ApiError(
            "IncompleteSignature", f"The Authorization header is not of the form {ACS3}."
        )
    names = tuple(found["names"].lower().split(";"))
    lacking = sorted(_MUST_SIGN - set(names)) or sorted(set(names) - set(request.headers))
    if lacking:
        raise ApiError("IncompleteSignature", f"Not sent, or not signed: {', '.join(lacking)}.")
    return Claim(
        access_key_id=found["key"],
        signature=found["signature"].lower(),
        nonce=request.headers["x-acs-signature-nonce"],
        timestamp=request.headers["x-acs-date"],
        security_token=request.headers.get("x-acs-security-token", ""),
        names=names,
    )


def _rpc_claim(parameters: Mapping[str, str]) -> Claim:
    for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp"):
        if not parameters.get(name):
            raise missing_parameter(name)
    if parameters.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1":
        raise ApiError("InvalidSignatureMethod", "Only HMAC-SHA1 signs parameters.")
    if parameters.get("SignatureVersion", "1.0") != "1.0":
        raise ApiError("InvalidSignatureVersion", "Only version 1.0 signs parameters.")
    return Claim(
        access_key_id=parameters["AccessKeyId"],
        signature=parameters["Signature"],
        nonce=parameters["SignatureNonce"],
        timestamp=parameters["Timestamp"],
        security_token=parameters.get("SecurityToken", ""),
    )


def _encode(text: str) -> str:
    return quote(text, safe="~")
