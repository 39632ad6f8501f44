# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.gate import Gate, Key, Principal
from hostlift.localcloud.wire.message import HttpRequest, read_call
from hostlift.localcloud.wire.signature import acs3, rpc
from hostlift.localcloud.wire.times import read_time, to_second

NOW = read_time("2023-10-26T10:22:32Z")
KEY = Key(
    access_key_id="YourAccessKeyId", secret="YourAccessKeySecret", principal=Principal(account="1")
)
NAMES = (
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
)


def _request(body: bytes = b"", **changes: str) -> HttpRequest:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-version": "2014-05-26",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    } | {k.replace("_", "-"): v for k, v in changes.items()}
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    return HttpRequest("POST", "/", query, headers, body)


def _signed(
    request: HttpRequest, key: str = KEY.access_key_id, secret: str = KEY.secret
) -> HttpRequest:
    signature = acs3(request, NAMES, secret)
    line = (
        f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={';'.join(NAMES)},Signature={signature}"
    )
    headers = {**request.headers, "authorization": line}
    return HttpRequest(request.method, request.path, request.query_string, headers, request.body)


def _gate(now: float = NOW, **key: object) -> Gate:
    known = replace(KEY, **key)
    return Gate({known.access_key_id: known}.get, lambda: now)


def _code(gate: Gate, request: HttpRequest) -> str:
    with pytest.raises(ApiError) as refused:
        gate.admit(request)
    return refused.value.code


def test_acs3_reproduces_the_published_vector() -> None:
    """The signature printed in the vendor's documentation."""
    expected = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    assert acs3(_request(), NAMES, KEY.secret) == expected


def test_hmac_sha1_reproduces_the_published_vector() -> None:
    """The signature printed in the vendor's documentation."""
    parameters = {
        "TimeStamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    parameters["Timestamp"] = parameters.pop("TimeStamp")
    assert rpc("GET", parameters, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_a_rightly_signed_request_passes_once_and_its_nonce_not_again() -> None:
    """A replay is refused with the documented code."""
    gate = _gate()
    assert gate.admit(_signed(_request())).access_key_id == KEY.access_key_id
    assert _code(gate, _signed(_request())) == "SignatureNonceUsed"


def test_a_refused_request_does_not_use_up_its_nonce() -> None:
    """Otherwise anybody could spoil a nonce they have seen."""
    gate = _gate()
    assert _code(gate, _signed(_request(), secret="wrong")) == "SignatureDoesNotMatch"
    gate.admit(_signed(_request()))


def test_an_unknown_key_is_not_found() -> None:
    """Code as documented."""
    assert _code(_gate(), _signed(_request(), key="other")) == "InvalidAccessKeyId.NotFound"


@pytest.mark.parametrize("away", [-901, 901])
def test_a_clock_more_than_fifteen_minutes_off_is_refused(away: int) -> None:
    """Both directions."""
    assert _code(_gate(NOW + away), _signed(_request())) == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize("away", [-899, 899])
def test_a_clock_less_than_fifteen_minutes_off_passes(away: int) -> None:
    """Both directions."""
    _gate(NOW + away).admit(_signed(_request()))


def test_a_malformed_date_is_named() -> None:
    """Not a crash."""
    assert _code(_gate(), _signed(_request(x_acs_date="yesterday"))) == "InvalidTimeStamp.Format"


def test_a_body_that_is_not_the_signed_one_is_refused() -> None:
    """x-acs-content-sha256 is checked, not only signed."""
    request = _signed(_request(b"Amount=1"))
    forged = HttpRequest("POST", "/", request.query_string, request.headers, b"Amount=9")
    assert _code(_gate(), forged) == "SignatureDoesNotMatch"


def test_a_changed_query_is_refused() -> None:
    """The query is part of the signature."""
    request = _signed(_request())
    forged = HttpRequest("POST", "/", "RegionId=cn-beijing", request.headers)
    assert _code(_gate(), forged) == "SignatureDoesNotMatch"


def test_a_header_that_must_be_signed_cannot_be_left_out() -> None:
    """An unsigned action could be exchanged under way."""
    request = _signed(_request())
    line = request.headers["authorization"].replace("x-acs-action;", "")
    forged = HttpRequest(
        "POST", "/", request.query_string, {**request.headers, "authorization": line}
    )
    assert _code(_gate(), forged) == "IncompleteSignature"


@pytest.mark.parametrize("line", ["Bearer x", "ACS3-HMAC-SHA256 Credential=a", "ACS3-HMAC-SHA256"])
def test_a_header_of_another_form_is_incomplete(line: str) -> None:
    """Malformed Authorization headers."""
    request = _request()
    forged = HttpRequest("POST", "/", "", {**request.headers, "authorization": line})
    assert _code(_gate(), forged) == "IncompleteSignature"


def _rpc_request(**changes: str) -> HttpRequest:
    parameters = {
        "Action": "DescribeRegions",
        "Version": "2014-05-26",
        "AccessKeyId": KEY.access_key_id,
        "SignatureNonce": "n",
        "Timestamp": to_second(NOW),
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
    } | changes
    parameters["Signature"] = rpc("GET", parameters, KEY.secret)
    return HttpRequest("GET", "/", urlencode(parameters), {})


def test_the_older_signature_passes_with_blanks_sent_as_plus() -> None:
    """A blank is sent as + and signed as %20."""
    request = _rpc_request(Name="a b*~/")
    assert "a+b" in request.query_string
    _gate().admit(request)


def test_the_older_signature_has_its_own_code_for_a_wrong_clock() -> None:
    """IllegalTimestamp."""
    assert _code(_gate(NOW + 1000), _rpc_request()) == "IllegalTimestamp"


def test_an_unsigned_request_misses_its_key() -> None:
    """The first missing parameter is named."""
    assert (
        _code(_gate(), HttpRequest("GET", "/", "Action=DescribeRegions", {})) == "MissingParameter"
    )


def test_a_temporary_key_needs_its_token_until_it_expires() -> None:
    """STS keys are refused without token, with a wrong one, and when they are too old."""
    temporary = {"token": "t", "expires": NOW + 60}
    assert _code(_gate(**temporary), _rpc_request()).startswith("InvalidSecurityToken")
    _gate(**temporary).admit(_rpc_request(SecurityToken="t"))
    old = _gate(token="t", expires=NOW - 1)
    assert _code(old, _rpc_request(SecurityToken="t")) == "InvalidSecurityToken.Expired"


def test_action_and_version_must_be_known() -> None:
    """Routing is by version."""
    assert read_call(_request()).action == "RunInstances"
    with pytest.raises(ApiError, match="InvalidVersion"):
        read_call(_request(x_acs_version="1999-01-01"))
