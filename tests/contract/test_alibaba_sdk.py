# SPDX-License-Identifier: Apache-2.0
"""The transport over the vendor's SDK, against a server on loopback that answers badly."""

from __future__ import annotations

import base64
import json
import logging
import threading
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from alibabacloud_credentials.utils import auth_util
from fakes.clock import FakeClock

from hostlift.clouds import registry
from hostlift.clouds.access import CloudAccess
from hostlift.clouds.advice import Handling
from hostlift.clouds.alibaba import codes, transport
from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.catalogue import advice
from hostlift.clouds.alibaba.transport import Refused, SdkTransport
from hostlift.errors import CloudError, ConfigError
from hostlift.ports.instances import InstanceSpec, Placement

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "S3cr3t+Key/With=Signs"
TOKEN = "sts-token-very-secret"
USER_DATA = b"PRIVATE KEY of the agent"
CODED = base64.b64encode(USER_DATA).decode()


class Script:
    """What the server answers to each request in turn, and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.asked: list[tuple[dict[str, list[str]], dict[str, str]]] = []
        self.hold = threading.Event()
        self.held = False


@contextmanager
def serving() -> Iterator[tuple[str, Script]]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {k.lower(): v for k, v in self.headers.items()}
            script.asked.append((parse_qs(urlsplit(self.path).query), headers))
            if script.held:
                script.hold.wait(20)
                self.close_connection = True
                return
            status, body, extra = script.answers.pop(0)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **extra}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", script
    finally:
        script.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def an_access(endpoint: str) -> CloudAccess:
    return CloudAccess("cn-hangzhou", "AKID", SECRET, TOKEN, endpoint=endpoint)


def refusal(code: str, message: str, **more: object) -> bytes:
    return json.dumps({"RequestId": "R-1", "Code": code, "Message": message, **more}).encode()


def everything_told(error: BaseException) -> str:
    """All text reachable from an exception: messages, causes, contexts, attributes."""
    parts: list[str] = []
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        parts += [repr(one), str(one), repr(vars(one)), repr(one.args)]
        parts += traceback.format_exception(one)
        todo += [one.__cause__, one.__context__]
    return "\n".join(parts)


def no_secret_in(text: str) -> bool:
    return not any(s in text for s in (SECRET, TOKEN, CODED[:12], "PRIVATE KEY", "Signature="))


def call(endpoint: str, **params: str) -> transport.Answer:
    return SdkTransport(an_access(endpoint)).call(Action.RUN_INSTANCES, params)


def test_a_call_is_signed_and_answered() -> None:
    """Parameters in the query, action and version in headers, the cloud's time from Date."""
    with serving() as (url, script):
        script.answers.append((200, b'{"RequestId":"R-1"}', {}))
        answer = call(url, ImageId="m-1", InstanceName="a b/c~*")
    assert answer.body == {"RequestId": "R-1"}
    assert answer.date is not None
    query, headers = script.asked[0]
    assert query == {"ImageId": ["m-1"], "InstanceName": ["a b/c~*"]}
    assert headers["x-acs-action"] == "RunInstances"
    assert headers["x-acs-version"] == "2014-05-26"
    assert headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=AKID,")
    assert headers["x-acs-security-token"] == TOKEN


def test_a_refusal_is_told_plainly() -> None:
    """The message as the cloud wrote it, and the permission that was missing."""
    body = refusal("Forbidden.RAM", "No.", AccessDeniedDetail={"AuthAction": "ecs:RunInstances"})
    with serving() as (url, script):
        script.answers.append((403, body, {}))
        with pytest.raises(Refused) as caught:
            call(url)
    refused = caught.value
    assert (refused.code, refused.message, refused.status) == ("Forbidden.RAM", "No.", 403)
    assert (refused.request_id, refused.missing) == ("R-1", "ecs:RunInstances")
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (503, refusal("ServiceUnavailable", "later"), "ServiceUnavailable"),
        (502, b"<html>Bad Gateway</html>", codes.UNREADABLE),
        (200, b"<html>a captive portal</html>", codes.UNREADABLE),
        (200, b"[1, 2]", codes.UNREADABLE),
        (500, b"", codes.UNREADABLE),
    ],
)
def test_a_broken_answer_is_one_that_may_pass(status: int, body: bytes, code: str) -> None:
    """Whatever sits between us and the API."""
    with serving() as (url, script):
        script.answers.append((status, body, {}))
        with pytest.raises(Refused) as caught:
            call(url)
    assert caught.value.code == code
    what = advice(code, caught.value.status)
    assert what.handling is Handling.TRANSIENT


def test_the_cloud_says_how_long_to_wait() -> None:
    """Milliseconds in a header."""
    with serving() as (url, script):
        body = refusal("Throttling.User", "slow down")
        script.answers.append((429, body, {"x-acs-retry-after": "1500"}))
        with pytest.raises(Refused) as caught:
            call(url)
    assert (caught.value.code, caught.value.retry_after) == ("Throttling.User", 1.5)


def test_a_held_connection_ends_by_itself() -> None:
    """No answer within the limit."""
    with serving() as (url, script):
        script.held = True
        sender = SdkTransport(an_access(url), read_seconds=0.3)
        with pytest.raises(Refused) as caught:
            sender.call(Action.RUN_INSTANCES, {"UserData": CODED})
    assert caught.value.code == codes.NO_ANSWER
    assert no_secret_in(everything_told(caught.value))


def test_nobody_listening_is_unreachable() -> None:
    """And what would have been sent is not told: the library's own message holds the URL."""
    with serving() as (url, _):
        pass
    with pytest.raises(Refused) as caught:
        call(url, UserData=CODED)
    assert caught.value.code == codes.UNREACHABLE
    assert no_secret_in(everything_told(caught.value))


def test_no_secret_is_in_any_error_or_log(caplog: pytest.LogCaptureFixture) -> None:
    """A signature error quotes the request; a whole driver call, retries and logs included."""
    caplog.set_level(logging.DEBUG)
    echo = f"does not match. server string to sign is:POST&UserData={CODED}&{TOKEN}"
    with serving() as (url, script):
        nothing = b'{"Instances":{"Instance":[]},"TotalCount":0}'
        script.answers += [
            (200, nothing, {}),
            (503, refusal("ServiceUnavailable", f"token {TOKEN}"), {}),
            (400, refusal("SignatureDoesNotMatch", echo), {}),
        ]
        cloud = registry.open_cloud("alibaba", an_access(url), clock=FakeClock())
        place = Placement(
            zone="z", instance_type="t", system_disk="d", data_disk="d", image="debian"
        )
        spec = InstanceSpec(
            name="n", image="m", placement=place, vswitch="v", security_group="s", system_gib=20,
            user_data=USER_DATA,
        )  # fmt: skip
        with pytest.raises(CloudError) as caught:
            cloud.instances.run(spec, token="t")
    assert caught.value.api_code == "SignatureDoesNotMatch"
    assert "does not match" in caught.value.message
    assert no_secret_in(everything_told(caught.value))
    assert "ServiceUnavailable" in caplog.text
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("urllib3")]
    assert no_secret_in("\n".join(ours))


def test_a_secret_that_the_cloud_repeats_is_blotted_out() -> None:
    """In any of its spellings."""
    with serving() as (url, script):
        body = refusal("InvalidParameter", f"bad value {SECRET} or S3cr3t%2BKey%2FWith%3DSigns")
        script.answers.append((400, body, {}))
        with pytest.raises(Refused) as caught:
            call(url)
    assert caught.value.message == "bad value *** or ***"


def test_the_time_is_told_without_a_signature() -> None:
    """Even a 404 carries a Date."""
    with serving() as (url, _):
        told = SdkTransport(an_access(url)).date()
    assert told > 1_700_000_000


def test_missing_credentials_are_an_error_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """No key given and an empty chain: nothing is sent, and the hint says where keys go."""
    for name in ("environment_access_key_id", "environment_credentials_uri"):
        monkeypatch.setattr(auth_util, name, None)
    monkeypatch.setattr(auth_util, "environment_ecs_metadata_disabled", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving() as (url, script):
        cloud = registry.open_cloud("alibaba", CloudAccess("cn-hangzhou", endpoint=url))
        with pytest.raises(CloudError) as caught:
            cloud.identity()
    assert caught.value.api_code == codes.NO_CREDENTIALS
    assert "user_config.json" in caught.value.hint
    assert script.asked == []


@pytest.mark.parametrize(
    ("access", "subject"),
    [
        (CloudAccess("CN Hangzhou", "a", "b"), "region_id"),
        (CloudAccess("evil.example/x", "a", "b"), "region_id"),
        (CloudAccess("cn-hangzhou", "a", "b", endpoint="http://127.0.0.1:1/sub"), "endpoint"),
        (CloudAccess("cn-hangzhou", "a", "b", endpoint="ftp://127.0.0.1"), "endpoint"),
    ],
)
def test_an_impossible_address_is_a_configuration_error(access: CloudAccess, subject: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        registry.open_cloud("alibaba", access)
    assert caught.value.subject == subject


def test_the_access_shows_no_secret() -> None:
    """In logs and tracebacks."""
    access = CloudAccess("r", "id", SECRET, TOKEN, proxy="http://u:p4ss@proxy:1")
    assert no_secret_in(repr(access))
    assert "p4ss" not in repr(access)
