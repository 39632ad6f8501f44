# SPDX-License-Identifier: Apache-2.0
"""The way to the agent, whatever happened to it: started, connected, given its archive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import SSLSocket

from hostlift.events import EventSink
from hostlift.flow.context import Context
from hostlift.flow.keys import keys
from hostlift.flow.results import Site
from hostlift.flow.site.network import reached_at
from hostlift.model.entry import Entry
from hostlift.ports.cloud import Resource, ResourceKind
from hostlift.remote.archive import build
from hostlift.remote.client import AgentClient
from hostlift.remote.messages import JobOrder, JobStatus
from hostlift.remote.session import connect_agent
from hostlift.remote.tls import client_context
from hostlift.remote.tunnel import Tunnel

_START_DEADLINE = 900.0
_AGENT_DEADLINE = 900.0


@dataclass(frozen=True, slots=True)
class RemoteAgent:
    """`hostlift.flow.context.Agent` over the network."""

    client: AgentClient
    sink: EventSink
    stop: threading.Event

    def run(self, order: JobOrder, *, label: str) -> JobStatus:
        """See the protocol."""
        return self.client.run(order, sink=self.sink, label=label, stop=self.stop)

    def entries(self, job: str) -> Iterator[Entry]:
        """See the protocol."""
        return self.client.entries(job)

    def file(self, name: str) -> bytes:
        """See the protocol."""
        return self.client.file(name)

    def open_data(self) -> SSLSocket:
        """See the protocol."""
        return self.client.open_data()


@contextmanager
def open_agent(ctx: Context, site: Site) -> Iterator[RemoteAgent]:
    """The agent of a site; starts the instance when it was stopped, sends the archive when needed."""
    resource = Resource(ResourceKind.INSTANCE, site.instance)
    state = ctx.ledger.running(
        resource, deadline=_START_DEADLINE, label="start of the intermediate instance"
    )
    both = keys(ctx)
    archive = build(ctx.workspace.folder / "client_data.cache")
    wishes = ctx.settings
    client = AgentClient(
        reached_at(wishes, state),
        context=client_context(both.client, both.agent.certificate_pem),
        clock=ctx.clock,
        tunnel=Tunnel.of(wishes.proxy.get_secret_value()) if wishes.proxy_data else None,
    )
    with connect_agent(
        client, archive, deadline=_AGENT_DEADLINE, sink=ctx.sink, stop=ctx.waiter.stop
    ):
        yield RemoteAgent(client, ctx.sink, ctx.waiter.stop)
