# SPDX-License-Identifier: Apache-2.0
"""The agent, as the client sees it: typed calls that survive lost connections and its restarts.

Every call opens a control connection of its own, so a client may be used from several threads.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, cast

from hostlift.errors import AgentRefused, AgentUnreachable
from hostlift.events import EventSink, discard
from hostlift.remote.channel import Channel, dial
from hostlift.remote.entries import unpack_entries
from hostlift.remote.jobrun import JobRun, Pace, Report
from hostlift.remote.messages import CONTROL_PORT, DATA_PORT, Hello, JobOrder, JobStatus, Stage
from hostlift.remote.wire import DIGEST_HEADER, accepted, from_json

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Callable, Iterator

    from hostlift.model.entry import Entry
    from hostlift.ports.clock import Clock
    from hostlift.remote.archive import Archive
    from hostlift.remote.tunnel import Tunnel

PATIENCE = 300.0
"""Seconds without any answer until a job is given up for this run."""
START_SECONDS = 300.0
"""For an agent to come up once it has its archive."""
_UPLOAD_SECONDS = 600.0


class AgentClient:
    """Calls to the agent at ``address``.

    Args:
        context: Of `hostlift.remote.tls.client_context`: it knows the only agent we talk to.
        tunnel: The proxy that both ports are reached through; None: directly.
    """

    def __init__(
        self,
        address: str,
        *,
        context: ssl.SSLContext,
        control_port: int = CONTROL_PORT,
        data_port: int = DATA_PORT,
        clock: Clock,
        tunnel: Tunnel | None = None,
    ) -> None:
        self.address = address
        self._context = context
        self._control_port = control_port
        self._data_port = data_port
        self._clock = clock
        self._tunnel = tunnel
        self._archive: Archive | None = None

    def hello(self) -> Hello:
        """Who answers now.

        Raises:
            AgentUnreachable: Nobody, or somebody else.
        """
        with self._channel() as channel:
            return from_json(Hello, accepted(channel.call("GET", "/v1/hello")))

    def upload(self, archive: Archive, progress: Callable[[int, int], None] | None = None) -> None:
        """Send the archive that the agent shall run from; it restarts from it.

        Raises:
            AgentRefused: It did not take it.
            AgentUnreachable: The connection was lost; sending it again is harmless.
        """
        headers = {"Content-Length": str(archive.size), DIGEST_HEADER: archive.sha256}
        with archive.path.open("rb") as file, self._channel() as channel:
            body = cast("IO[bytes]", _Counted(file, archive.size, progress or (lambda *_: None)))
            answer = channel.call(
                "PUT", "/v1/archive", body=body, headers=headers, timeout=_UPLOAD_SECONDS
            )
            accepted(answer)

    def wait_for(
        self,
        stage: Stage | None,
        deadline: float,
        *,
        archive: str = "",
        stop: threading.Event | None = None,
    ) -> Hello:
        """Wait until somebody answers at ``stage`` (None: any) from ``archive`` (empty: any).

        Args:
            stage: What to wait for.
            deadline: Seconds from now.
            archive: Digest that the agent must run from.
            stop: The user's wish to pause.

        Raises:
            AgentUnreachable: It did not in time; says what was last seen.
            Interrupted: ``stop`` was set.
        """
        pace = Pace(self._clock, stop, deadline)
        while True:
            try:
                hello = self.hello()
                seen = f"it is at the stage {hello.stage}"
                if stage in (None, hello.stage) and archive in ("", hello.archive):
                    return hello
            except AgentUnreachable as error:
                seen = error.message
            if not pace.pause():
                raise AgentUnreachable(
                    f"not ready within {deadline:.0f} s; {seen}",
                    subject=f"{self.address}:{self._control_port}",
                )

    def ensure(
        self,
        archive: Archive,
        *,
        deadline: float,
        sink: EventSink = discard,
        step: str = "",
        stop: threading.Event | None = None,
    ) -> Hello:
        """Make the agent run from ``archive``, whatever runs there now; wait until it does.

        Raises:
            AgentUnreachable: It cannot be reached or does not come up.
            AgentRefused: It does not take the archive.
        """
        self._archive = archive
        pace = Pace(self._clock, stop, deadline)
        while True:
            hello = self.wait_for(None, pace.left, stop=stop)
            if hello.stage is Stage.AGENT and hello.archive == archive.sha256:
                return hello
            try:
                self.upload(archive, Report(sink, step, "sending the agent").bytes)
                return self.wait_for(Stage.AGENT, pace.left, archive=archive.sha256, stop=stop)
            except AgentUnreachable:
                # Lost on the way, or it came up at another stage: look again.
                if not pace.pause():
                    raise
            except AgentRefused as refused:
                if refused.agent_code != "agent.busy" or not pace.pause():
                    raise

    def run(
        self,
        order: JobOrder,
        *,
        sink: EventSink = discard,
        label: str = "",
        step: str = "",
        stop: threading.Event | None = None,
        patience: float = PATIENCE,
    ) -> JobStatus:
        """Have a job done, through lost connections and crashes of the agent.

        Args:
            order: What to do; the same order is the same job.
            sink: Is told progress.
            step: The step of the story that progress belongs to.
            stop: The user's wish to pause.
            label: What progress is called while the agent has no better word.
            patience: Seconds without any answer until it is given up.

        Raises:
            AgentRefused: The job failed there; ``agent_code``, message and hint are the agent's.
            AgentUnreachable: No answer for too long.
            Interrupted: ``stop`` was set; the agent finishes the job by itself.
        """
        with self._channel() as channel:
            pace = Pace(self._clock, stop, patience)
            report = Report(sink, step, label)
            supply = partial(self._supply_archive, sink, step, stop)
            return JobRun(channel, order, pace, report, supply).to_its_end()

    def entries(self, job: str) -> Iterator[Entry]:
        """What a REREAD job found, volume after volume; goes on after lost connections."""
        return unpack_entries(self._octets(f"/v1/jobs/{job}/entries"))

    def file(self, name: str) -> bytes:
        """A file that an ADAPT job left."""
        return b"".join(self._octets(f"/v1/files/{name}"))

    def open_data(self) -> ssl.SSLSocket:
        """A new connection to the data port, after its handshake.

        Raises:
            AgentUnreachable: No connection.
        """
        return dial(self.address, self._data_port, self._context, self._tunnel)

    def _octets(self, path: str) -> Iterator[bytes]:
        offset = 0
        pace = Pace(self._clock, None, PATIENCE)
        with self._channel() as channel:
            while True:
                try:
                    for answer in channel.stream(path, offset=offset):
                        if offset and answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                            return
                        octets = accepted(answer)
                        offset += len(octets)
                        pace.fresh()
                        yield octets
                except AgentUnreachable:
                    if not pace.pause():
                        raise
                else:
                    return

    def _channel(self) -> Channel:
        return Channel(self.address, self._control_port, self._context, self._tunnel)

    def _supply_archive(self, sink: EventSink, step: str, stop: threading.Event | None) -> bool:
        """Give a bootstrap that lost its agent the archive again, if this client knows it."""
        if self._archive is None:
            return False
        self.ensure(self._archive, deadline=START_SECONDS, sink=sink, step=step, stop=stop)
        return True


class _Counted:
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], total: int, progress: Callable[[int, int], None]) -> None:
        self._file = file
        self._total = total
        self._done = 0
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._done += len(data)
        self._progress(self._done, self._total)
        return data
