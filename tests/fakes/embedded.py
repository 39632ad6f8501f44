# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud on paper behind the real driver: over the SDK and a socket, or without both.

``driven(cloud(faults=[...]))`` is the fast one: virtual time, no thread, no socket; a whole life of
resources takes milliseconds, so a fault can be tried at every call of it.
"""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fakes.papercloud import REGION, PaperCloud

from hostlift.clouds import registry
from hostlift.clouds.access import CloudAccess
from hostlift.clouds.alibaba import codes
from hostlift.clouds.alibaba.account.market import AlibabaMarket
from hostlift.clouds.alibaba.api import Api
from hostlift.clouds.alibaba.driver import AlibabaCloud
from hostlift.clouds.alibaba.transport import Answer, Refused
from hostlift.host.clock import SystemClock
from hostlift.localcloud import credentials
from hostlift.localcloud.cloud import Cloud as EmbeddedCloud
from hostlift.localcloud.config import MAIN, Settings
from hostlift.localcloud.kinds import open_kind
from hostlift.localcloud.requestlog import RequestLog
from hostlift.localcloud.service import Service
from hostlift.localcloud.serving.server import Server, listen
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.answer import Answer as WireAnswer
from hostlift.localcloud.wire.message import HttpRequest
from hostlift.localcloud.wire.signature import rpc
from hostlift.localcloud.wire.times import to_second

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hostlift.clouds.alibaba.actions import Action
    from hostlift.localcloud.credentials import KeyPair
    from hostlift.ports.clock import Clock
    from hostlift.ports.cloud import Cloud

BRISK = Settings(delay=0.02, linger=0.02, watch_period=0.05)
_nonces = itertools.count()


@contextmanager
def embedded_cloud(folder: Path, settings: Settings = BRISK) -> Iterator[CloudAccess]:
    """An embedded cloud kept in ``folder``; yields how to reach it in cn-hangzhou."""
    clock = SystemClock()
    keyring = credentials.load_or_make(folder, settings)
    compute, fabric = open_kind("paper", folder)
    with ExitStack() as stack:
        log = RequestLog(folder, clock)
        stack.callback(log.close)
        cloud = EmbeddedCloud(
            keyring=keyring,
            store=Store(folder, now=clock.now),
            compute=compute,
            fabric=fabric,
            clock=clock,
            settings=settings,
            report=log.trouble,
        )
        stack.callback(cloud.down)
        socket = stack.enter_context(listen("127.0.0.1", 0))
        port = socket.getsockname()[1]
        cloud.up(port)
        cloud.run()
        server = Server(Service(cloud, log))
        thread = threading.Thread(target=server.serve_on, args=([socket],))
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.stop)
        key = keyring[MAIN]
        yield CloudAccess(
            REGION,
            key.access_key_id,
            key.access_key_secret,
            endpoint=f"http://127.0.0.1:{port}",
        )


@contextmanager
def alibaba_on_paper(folder: Path) -> Iterator[Cloud]:
    """A driver whose endpoint is an embedded cloud kept in ``folder``."""
    with embedded_cloud(folder) as access:
        yield registry.open_cloud("alibaba", access)


@dataclass
class DirectTransport:
    """`hostlift.clouds.alibaba.transport.Transport` into a cloud of this process, signed and all."""

    paper: PaperCloud
    key: KeyPair

    def call(self, action: Action, params: Mapping[str, str]) -> Answer:
        signed = self._signed(action, params)
        request = HttpRequest("GET", "/", urlencode(signed), {}, source="127.0.0.1")
        answer = self.paper.service.handle(request)
        if answer.lost:
            self._clock.sleep(answer.hold)
            raise Refused(codes.NO_ANSWER, "the connection was lost")
        if not answer.content_type.startswith("application/json"):
            raise Refused(codes.UNREADABLE, "the answer is not JSON", status=answer.status)
        body = json.loads(answer.body)
        if answer.status != 200:
            raise _refused(answer, body)
        return Answer(body, self.paper.clock.now())

    def date(self) -> float:
        return self.paper.clock.now()

    def elsewhere(self, region: str) -> DirectTransport:
        del region  # every call names its region, and the cloud has all of them
        return self

    @property
    def _clock(self) -> Clock:
        clock = self.paper.clock
        assert hasattr(clock, "sleep")
        return clock

    def _signed(self, action: Action, params: Mapping[str, str]) -> dict[str, str]:
        own = {
            **params,
            "Action": action.api_name,
            "Version": action.service.version,
            "Format": "JSON",
            "AccessKeyId": self.key.access_key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": f"direct-{next(_nonces)}",
            "Timestamp": to_second(self.paper.clock.now()),
        }
        return {**own, "Signature": rpc("GET", own, self.key.access_key_secret)}


def driven(paper: PaperCloud, owner: str = MAIN) -> AlibabaCloud:
    """The driver, directly on a cloud whose clock it drives; jitter takes the whole limit."""
    transport = DirectTransport(paper, paper.key(owner))
    api = Api(transport, region=REGION, clock=transport._clock, jitter=lambda limit: limit)
    return AlibabaCloud(api, AlibabaMarket(api, lambda: "key of the test", ()))


def _refused(answer: WireAnswer, body: Mapping[str, object]) -> Refused:
    detail = body.get("AccessDeniedDetail")
    missing = str(detail.get("AuthAction", "")) if isinstance(detail, dict) else ""
    return Refused(
        code=str(body["Code"]),
        message=str(body["Message"]),
        request_id=str(body["RequestId"]),
        status=answer.status,
        retry_after=float(answer.headers.get("x-acs-retry-after", 0)) / 1000,
        missing=missing,
    )
