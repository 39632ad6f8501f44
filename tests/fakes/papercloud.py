# SPDX-License-Identifier: Apache-2.0
"""An embedded cloud on paper: in-process with a driven clock, or on a socket with threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fakes.clock import FakeClock

from hostlift.host.clock import SystemClock
from hostlift.localcloud.clock import Clock
from hostlift.localcloud.cloud import Cloud
from hostlift.localcloud.compute.paper import PaperCompute, PaperFabric
from hostlift.localcloud.config import Settings
from hostlift.localcloud.requestlog import RequestLog
from hostlift.localcloud.server import Server, listen
from hostlift.localcloud.service import Service
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.gate import Key
from hostlift.localcloud.world import Account

KEY = Key(access_key_id="LTAItest", secret="testsecret")
ACCOUNT = Account("1234567890123456", KEY)
REGION = "cn-hangzhou"


@dataclass
class PaperCloud:
    """A cloud on paper with its parts in reach."""

    cloud: Cloud
    compute: PaperCompute
    fabric: PaperFabric
    service: Service
    log: RequestLog
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def close(self) -> None:
        self.cloud.down()
        self.log.close()


def paper_cloud(
    folder: Path, clock: Clock | None = None, settings: Settings | None = None
) -> PaperCloud:
    """A cloud that is up; without `Cloud.run` its work is done by ``cloud.jobs.run_due()``."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = clock or FakeClock()
    compute, fabric, troubles = PaperCompute(folder), PaperFabric(), []
    log = RequestLog(folder, clock)
    cloud = Cloud(
        account=ACCOUNT,
        store=Store(folder),
        compute=compute,
        fabric=fabric,
        clock=clock,
        settings=settings or Settings(),
        report=lambda job, reason: troubles.append((job, reason)),
    )
    cloud.up(0)
    return PaperCloud(cloud, compute, fabric, Service(cloud, log), log, troubles)


@contextmanager
def served(folder: Path, settings: Settings) -> Iterator[tuple[PaperCloud, str]]:
    """A cloud on a loopback socket; yields it and its ``host:port``."""
    paper = paper_cloud(folder, SystemClock(), settings)
    with listen("127.0.0.1", 0) as socket:
        server = Server(paper.service)
        thread = threading.Thread(target=server.serve_on, args=([socket],))
        paper.cloud.run()
        thread.start()
        try:
            yield paper, f"127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(20)
            paper.close()
