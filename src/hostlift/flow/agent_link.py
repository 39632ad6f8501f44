# SPDX-License-Identifier: Apache-2.0
"""The way to the agent, whatever happened to it: started, connected, given its archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from hostlift.errors import ProtocolError
from hostlift.flow.context import Context
from hostlift.flow.keys import keys
from hostlift.flow.results import Results, need
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.remote.archive import build
from hostlift.remote.client import AgentClient
from hostlift.remote.messages import JobOrder, JobStatus
from hostlift.remote.session import connect_agent
from hostlift.remote.tls import client_context

_START_DEADLINE = 900.0
_AGENT_DEADLINE = 900.0
T = TypeVar("T")


@contextmanager
def agent(ctx: Context, so_far: Results) -> Iterator[AgentClient]:
    """A client of the running agent; starts the instance when it was stopped."""
    site = need(so_far.provision)
    resource = Resource(ResourceKind.INSTANCE, site.instance)
    state = ctx.cloud.state(resource)
    if state is not None and state.phase is Phase.STOPPED:
        ctx.cloud.start_instance(site.instance)
    state = ctx.ledger.ready(
        resource, deadline=_START_DEADLINE, label="start of the intermediate instance"
    )
    both = keys(ctx)
    archive = build(ctx.workspace.folder / "cache")
    client = AgentClient(
        state.public_ip or state.private_ip,
        context=client_context(both.client, both.agent.certificate_pem),
        clock=ctx.clock,
    )
    with connect_agent(
        client, archive, deadline=_AGENT_DEADLINE, sink=ctx.sink, stop=ctx.waiter.stop
    ):
        yield client


def run_job(ctx: Context, client: AgentClient, order: JobOrder, label: str) -> JobStatus:
    """Run a job on the agent to its end, through crashes of either side."""
    return client.run(order, sink=ctx.sink, label=label, stop=ctx.waiter.stop)


def part(value: T | None) -> T:
    """The part of a job's status that fits its kind.

    Raises:
        ProtocolError: The agent left it out.
    """
    if value is None:
        raise ProtocolError("the agent's answer lacks the result of the job")
    return value
