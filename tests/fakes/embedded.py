# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud on paper, in threads of this process, behind the real driver and SDK."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from hostlift.clouds import registry
from hostlift.clouds.access import CloudAccess
from hostlift.host.clock import SystemClock
from hostlift.localcloud import account
from hostlift.localcloud.cloud import Cloud as EmbeddedCloud
from hostlift.localcloud.config import Settings
from hostlift.localcloud.kinds import open_kind
from hostlift.localcloud.requestlog import RequestLog
from hostlift.localcloud.server import Server, listen
from hostlift.localcloud.service import Service
from hostlift.localcloud.state.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hostlift.ports.cloud import Cloud

BRISK = Settings(delay=0.02, watch_period=0.05)


@contextmanager
def embedded_cloud(folder: Path, settings: Settings = BRISK) -> Iterator[CloudAccess]:
    """An embedded cloud kept in ``folder``; yields how to reach it in cn-hangzhou."""
    clock = SystemClock()
    owner = account.load_or_make(folder)
    compute, fabric = open_kind("paper", folder)
    with ExitStack() as stack:
        log = RequestLog(folder, clock)
        stack.callback(log.close)
        cloud = EmbeddedCloud(
            account=owner,
            store=Store(folder),
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
        key = owner.key
        yield CloudAccess(
            "cn-hangzhou", key.access_key_id, key.secret, endpoint=f"http://127.0.0.1:{port}"
        )


@contextmanager
def alibaba_on_paper(folder: Path) -> Iterator[Cloud]:
    """A driver whose endpoint is an embedded cloud kept in ``folder``."""
    with embedded_cloud(folder) as access:
        yield registry.open_cloud("alibaba", access)
