# SPDX-License-Identifier: Apache-2.0
"""One embedded cloud, from up to down."""

from __future__ import annotations

from collections.abc import Callable

from hostlift.errors import HostError
from hostlift.localcloud import life
from hostlift.localcloud.clock import Clock
from hostlift.localcloud.compute.base import Compute, Fabric
from hostlift.localcloud.config import Settings
from hostlift.localcloud.credentials import Keyring
from hostlift.localcloud.jobs import Job, Jobs
from hostlift.localcloud.metadata import metadata_of
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.world import World

WATCH = Job("watch", "")


class Cloud(World):
    """A world that lives.

    Args:
        report: Told what went wrong in the background: job and reason.
    """

    def __init__(
        self,
        *,
        keyring: Keyring,
        store: Store,
        compute: Compute,
        fabric: Fabric,
        clock: Clock,
        settings: Settings,
        report: Callable[[str, str], None],
    ) -> None:
        super().__init__(
            keyring=keyring,
            store=store,
            compute=compute,
            fabric=fabric,
            clock=clock,
            settings=settings,
            jobs=Jobs(clock, self._work),
        )
        self._report = report

    def up(self, api_port: int) -> None:
        """Make the networks, take up what was under way, start what was running."""
        self.fabric.up(api_port, lambda vpc, address: metadata_of(self, vpc, address))
        with self.store.change():
            life.instances.mark_for_start(self)
            self.meter.resume()
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
        self.meter.pause()
        self.store.close()

    def _work(self, job: Job) -> float | None:
        if job == WATCH:
            return life.watch(self)
        try:
            return life.advance(self, job)
        except HostError as error:
            self._report(f"{job.kind} {job.id}", str(error))
            return life.fail(self, job, str(error))
