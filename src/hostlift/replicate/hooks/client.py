# SPDX-License-Identifier: Apache-2.0
"""A client program that stays: what its service holds for the connection ends with our life."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

from hostlift.errors import HostError
from hostlift.host.command import end_group, spawn
from hostlift.ports.clock import Clock

_CHUNK = 65_536


class StayingClient:
    """`hostlift.replicate.hooks.contract.Client` as a process.

    Its standard input is a pipe of ours: when we die, it ends, and the service sees that.

    Raises:
        ToolMissing: The program is not installed.
    """

    def __init__(self, argv: Sequence[str], clock: Clock) -> None:
        self._name = argv[0]
        self._clock = clock
        self._said = b""
        self._output, output = os.pipe()
        try:
            self._process = spawn(argv, stdout=output, stdin_pipe=True)
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(output)
        self.pid = self._process.pid

    def ask(self, line: str, answer: str, timeout: float) -> None:
        """See the contract."""
        pipe = self._process.stdin
        if pipe is None:
            raise HostError("no line to the client", subject=self._name)
        end = self._clock.monotonic() + timeout
        try:
            pipe.write(line.encode() + b"\n")
            pipe.flush()
        except OSError as error:
            raise HostError(self._tail(), subject=self._name) from error
        while answer.encode() not in self._said.split(b"\n"):
            left = end - self._clock.monotonic()
            if left <= 0 or not select.select([self._output], [], [], left)[0]:
                raise HostError(f"no answer within {timeout:g} s", subject=self._name)
            data = os.read(self._output, _CHUNK)
            if not data:
                raise HostError(self._tail(), subject=self._name)
            self._said += data
        self._said = b""

    def close(self) -> None:
        """See the contract; a second time does nothing."""
        if self._output >= 0:
            end_group(self._process)
            os.close(self._output)
            self._output = -1

    def _tail(self) -> str:
        return self._said.decode("utf-8", "replace").strip() or "it ended without a word"
