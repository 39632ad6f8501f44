# SPDX-License-Identifier: Apache-2.0
"""From an address to a running agent of our own version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hostlift.errors import RemoteError
from hostlift.events import EventSink, discard
from hostlift.remote.messages import PROTOCOL, Hello

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from hostlift.remote.archive import Archive
    from hostlift.remote.client import AgentClient


@contextmanager
def connect_agent(
    client: AgentClient,
    archive: Archive,
    *,
    deadline: float,
    sink: EventSink = discard,
    step: str = "",
    stop: threading.Event | None = None,
) -> Iterator[Hello]:
    """Within the block, the agent behind ``client`` runs from ``archive``.

    Waits for the control port, sends the archive when another one (or none) runs there, waits
    for the agent to come up. Should it lose its archive later, ``client`` sends it again.

    Args:
        client: Knows the address and the keys.
        archive: Of `hostlift.remote.archive.build`.
        deadline: Seconds for all of it.
        sink: Is told how the upload goes.
        step: The step of the story that progress belongs to.
        stop: The user's wish to pause.

    Raises:
        AgentUnreachable: It could not be reached in time; says what was last seen.
        AgentRefused: It did not take the archive.
        Interrupted: ``stop`` was set.
    """
    hello = client.ensure(archive, deadline=deadline, sink=sink, step=step, stop=stop)
    if hello.protocol != PROTOCOL:
        raise RemoteError(
            f"the agent speaks protocol {hello.protocol}, we speak {PROTOCOL}",
            subject=client.address,
        )
    yield hello
