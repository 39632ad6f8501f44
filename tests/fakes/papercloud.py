# SPDX-License-Identifier: Apache-2.0
"""An embedded cloud on paper: in-process with a driven clock, or on a socket with threads.

``cloud(faults=[Fault(kind=FaultKind.THROTTLE)], quotas={"vpcs": 1})`` is one in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes.clock import FakeClock

from hostlift.host.clock import SystemClock
from hostlift.localcloud.clock import Clock
from hostlift.localcloud.cloud import Cloud
from hostlift.localcloud.compute.base import DiskRef
from hostlift.localcloud.compute.paper import PaperCompute, PaperFabric
from hostlift.localcloud.config import MAIN, Settings
from hostlift.localcloud.credentials import KeyPair, Keyring, owners
from hostlift.localcloud.requestlog import RequestLog
from hostlift.localcloud.service import Service
from hostlift.localcloud.serving.server import Server, listen
from hostlift.localcloud.state.store import Store

MAIN_KEY = KeyPair("1234567890123456", "LTAItest", "testsecret")
REGION = "cn-hangzhou"


class DrivenClock(FakeClock):
    """A clock during whose sleep the cloud does its work, each job at its own time."""

    def __init__(self) -> None:
        super().__init__()
        self.cloud: Cloud | None = None

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self.cloud is not None:
            self.cloud.jobs.run_due()
            due = self.cloud.jobs.next_due()
            if due is None or due > end:
                break
            self.time = max(self.time, due)
        self.time = max(self.time, end)


class Guests(PaperCompute):
    """Compute on paper whose guests print what a test wishes.

    Attributes:
        said: What each of them has on its console.
        clinging: They do not let go of their disks.
        seen: Disks that were shown to a running one, as ``(instance, disk)``.
    """

    said = b""
    clinging = False

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder)
        self.seen: list[tuple[str, str]] = []

    def attach_disk(self, instance: str, disk: DiskRef) -> None:
        self.seen.append((instance, disk.id))
        super().attach_disk(instance, disk)

    def detach_disk(self, instance: str, disk: str) -> bool:
        return super().detach_disk(instance, disk) and not self.clinging

    def console(self, instance: str) -> bytes:
        return super().console(instance) + self.said


@dataclass
class PaperCloud:
    """A cloud on paper with its parts in reach."""

    cloud: Cloud
    compute: Guests
    fabric: PaperFabric
    service: Service
    log: RequestLog
    keyring: Keyring
    clock: Clock
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def key(self, owner: str = MAIN) -> KeyPair:
        """The AccessKey of an account, or of a RAM user: ``main/mover``."""
        return self.keyring[owner]

    def close(self) -> None:
        self.cloud.down()
        self.log.close()


def keys_for(settings: Settings) -> Keyring:
    """The same keys each time."""
    found = {MAIN: MAIN_KEY}
    for number, owner in enumerate(owners(settings)[1:], 1):
        first = 2 if "/" in owner else 1
        word = owner.replace("/", "").replace("-", "")
        found[owner] = KeyPair(f"{first}{number:015}", f"LTAI{word}", f"secret-of-{owner}")
    return found


def cloud(clock: Clock | None = None, **wishes: Any) -> PaperCloud:
    """A cloud in memory that is up; the wishes are fields of `Settings`."""
    return paper_cloud(None, clock or DrivenClock(), Settings(**wishes))


def paper_cloud(
    folder: Path | None, clock: Clock | None = None, settings: Settings | None = None
) -> PaperCloud:
    """A cloud that is up; without `Cloud.run` its work is done by ``cloud.jobs.run_due()``."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    clock = clock or FakeClock()
    settings = settings or Settings()
    keyring = keys_for(settings)
    compute, fabric, troubles = Guests(folder), PaperFabric(), []
    log = RequestLog(folder, clock)
    made = Cloud(
        keyring=keyring,
        store=Store(folder, now=clock.now),
        compute=compute,
        fabric=fabric,
        clock=clock,
        settings=settings,
        report=lambda job, reason: troubles.append((job, reason)),
    )
    if isinstance(clock, DrivenClock):
        clock.cloud = made
    made.up(0)
    service = Service(made, log)
    return PaperCloud(made, compute, fabric, service, log, keyring, clock, troubles)


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
