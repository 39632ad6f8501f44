# SPDX-License-Identifier: Apache-2.0
"""What a step may use of the world. Wishes are frozen; what happens goes to the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLSocket
from typing import Protocol

from hostlift.events import EventSink, Note
from hostlift.flow.journal import Journal
from hostlift.flow.ledger import Ledger
from hostlift.flow.results import Site
from hostlift.flow.waiting import Waiter
from hostlift.model.entry import Entry
from hostlift.model.plan import MigrationPlan
from hostlift.ports.clock import Clock
from hostlift.ports.cloud import Cloud
from hostlift.ports.commands import Commands
from hostlift.remote.messages import JobOrder, JobStatus
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings

Confirm = Callable[[MigrationPlan], bool]
"""Shows the plan and asks, once, before anything is created."""


class Agent(Protocol):
    """The agent on the intermediate instance, as steps use it."""

    def run(self, order: JobOrder, *, label: str) -> JobStatus:
        """Run a job to its end, through crashes and lost connections of either side."""
        ...

    def entries(self, job: str) -> Iterator[Entry]:
        """What a REREAD job read, volume after volume."""
        ...

    def file(self, name: str) -> bytes:
        """A file that an ADAPT job left in its ledger."""
        ...

    def open_data(self) -> SSLSocket:
        """A new connection of the data channel."""
        ...


AgentDoor = Callable[["Context", Site], AbstractContextManager[Agent]]
"""Opens the agent of a site, whatever happened to it since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The world of one run.

    Attributes:
        source_root: Where the source's root file system is; ``/`` when it is this running system.
    """

    settings: Settings
    workspace: Workspace
    source_root: Path
    cloud: Cloud
    commands: Commands
    clock: Clock
    sink: EventSink
    waiter: Waiter
    journal: Journal
    ledger: Ledger
    agents: AgentDoor
    confirm: Confirm

    @property
    def migration(self) -> str:
        """Id of the migration; tags every resource."""
        return self.journal.state.migration

    @property
    def live(self) -> bool:
        """True when the source is the running system itself."""
        return self.source_root == Path("/")

    def note(self, text: str, level: str = "info") -> None:
        """Tell the user and the log."""
        self.sink(Note(text, level))
