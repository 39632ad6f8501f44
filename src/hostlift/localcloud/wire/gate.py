# SPDX-License-Identifier: Apache-2.0
"""Who may pass: a known key, a right clock, a fresh nonce, a signature that matches."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.message import HttpRequest
from hostlift.localcloud.wire.signature import (
    Claim,
    body_digest_is_right,
    expected,
    read_claim,
)
from hostlift.localcloud.wire.times import read_time

TOLERANCE = 15 * 60.0
"""Seconds a request's clock may differ from ours, as the API documents it."""


_MANY_NONCES = 4096
"""From here on old ones are dropped at each request."""


class Who(StrEnum):
    """What kind of caller; the words are those of ``IdentityType``."""

    ACCOUNT = "Account"
    USER = "RAMUser"
    ROLE = "AssumedRoleUser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller.

    Attributes:
        account: Id of its account.
        id: Of the account, the user or the role.
        name: Of the user or the role.
        session: Of an assumed role.
        limits: Policy document that narrows an assumed role; empty: none does.
    """

    account: str
    who: Who = Who.ACCOUNT
    id: str = ""
    name: str = ""
    session: str = ""
    limits: str = ""

    @property
    def title(self) -> str:
        """For people and logs: ``user/mover``, ``role/mover/session``, ``root``."""
        match self.who:
            case Who.ACCOUNT:
                return "root"
            case Who.USER:
                return f"user/{self.name}"
            case Who.ROLE:
                return f"role/{self.name}/{self.session}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An AccessKey; ``token`` and ``expires`` belong to a temporary (STS) one."""

    access_key_id: str
    secret: str = field(repr=False)
    principal: Principal
    token: str = field(default="", repr=False)
    expires: float = 0.0


class Gate:
    """Verifies requests one after another; remembers nonces for as long as they could be replayed."""

    def __init__(self, find: Callable[[str], Key | None], now: Callable[[], float]) -> None:
        self._find = find
        self._now = now
        self._lock = Lock()
        self._nonces: dict[str, float] = {}

    def admit(self, request: HttpRequest) -> Key:
        """The key a request is signed with.

        Raises:
            ApiError: With the documented code of what is wrong.
        """
        claim = read_claim(request)
        now = self._now()
        _check_clock(claim, now)
        key = self._find(claim.access_key_id)
        if key is None:
            raise ApiError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        _check_token(claim, key, now)
        if claim.names and not body_digest_is_right(request):
            raise ApiError(
                "SignatureDoesNotMatch", "x-acs-content-sha256 is not the digest of the body.", 403
            )
        if not hmac.compare_digest(expected(request, claim, key.secret), claim.signature):
            raise ApiError(
                "SignatureDoesNotMatch",
                "Specified signature is not matched with our calculation.",
                403,
            )
        self._use_nonce(claim, now)
        return key

    def _use_nonce(self, claim: Claim, now: float) -> None:
        name = f"{claim.access_key_id} {claim.nonce}"
        with self._lock:
            if len(self._nonces) >= _MANY_NONCES:
                fresh = now - 2 * TOLERANCE
                self._nonces = {n: at for n, at in self._nonces.items() if at >= fresh}
            if self._nonces.get(name, 0.0) >= now - 2 * TOLERANCE:
                raise ApiError("SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[name] = now


def _check_clock(claim: Claim, now: float) -> None:
    try:
        said = read_time(claim.timestamp)
    except ValueError:
        code = "InvalidTimeStamp.Format" if claim.names else "IllegalTimestamp"
        raise ApiError(code, "The timestamp is not of the form YYYY-MM-DDThh:mm:ssZ.") from None
    if abs(said - now) > TOLERANCE:
        code = "InvalidTimeStamp.Expired" if claim.names else "IllegalTimestamp"
        raise ApiError(code, "Specified time stamp or date value is expired.")


def _check_token(claim: Claim, key: Key, now: float) -> None:
    if not hmac.compare_digest(claim.security_token.encode(), key.token.encode()):
        code = "InvalidSecurityToken.MismatchWithAccessKey" if key.token else "InvalidSecurityToken"
        raise ApiError(code, "Specified SecurityToken does not belong to the access key.")
    if key.token and now > key.expires:
        raise ApiError("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
