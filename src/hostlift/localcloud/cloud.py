# SPDX-License-Identifier: Apache-2.0
"""One embedded cloud: account, compute, networks, clock and the work in progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from hostlift.errors import HostError
from hostlift.localcloud import life
from hostlift.localcloud.clock import Clock
from hostlift.localcloud.compute.base import Compute, Fabric
from hostlift.localcloud.config import Settings
from hostlift.localcloud.jobs import Job, Jobs
from hostlift.localcloud.metadata import metadata_of
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.gate import Key

WATCH = Job("watch", "")


@dataclass(frozen=True, slots=True)
class Account:
    """Whose cloud it is; ``key`` is the account's own AccessKey."""

    id: str
    key: Key


class Cloud:
    """The parts of a cloud, and its life from up to down.

    Args:
        report: Told what went wrong in the background: job and reason.
    """

    def __init__(
        self,
        *,
        account: Account,
        store: Store,
        compute: Compute,
        fabric: Fabric,
        clock: Clock,
        settings: Settings,
        report: Callable[[str, str], None],
    ) -> None:
        self.account = account
        self.store = store
        self.compute = compute
        self.fabric = fabric
        self.clock = clock
        self.settings = settings
        self.wiring = Lock()
        self.jobs = Jobs(clock, self._work)
        self._report = report

    def up(self, api_port: int) -> None:
        """Make the networks, take up what was under way, start what was running."""
        self.fabric.up(api_port, lambda vpc, address: metadata_of(self, vpc, address))
        with self.store.change():
            life.instances.mark_for_start(self)
        for job in life.unfinished(self):
            self.jobs.add(job)
        self.jobs.add(WATCH)

    def run(self) -> None:
        """Start the background threads."""
        self.jobs.start(self.settings.workers)

    def down(self) -> None:
        """Finish what runs, pull every plug, remove the networks; the account stays."""
        self.jobs.stop()
        self.compute.close()
        self.fabric.down()
        self.store.close()

    def find_key(self, access_key_id: str) -> Key | None:
        """The AccessKey of that id: the account's own, or a temporary one."""
        if access_key_id == self.account.key.access_key_id:
            return self.account.key
        session = self.store.sessions.get(access_key_id)
        if session is None:
            return None
        return Key(
            access_key_id=session.id,
            secret=session.secret,
            token=session.token,
            expires=session.expires,
            session=session.session,
        )

    def _work(self, job: Job) -> float | None:
        if job == WATCH:
            return life.watch(self)
        try:
            return life.advance(self, job)
        except HostError as error:
            self._report(f"{job.kind} {job.id}", str(error))
            return life.fail(self, job, str(error))
