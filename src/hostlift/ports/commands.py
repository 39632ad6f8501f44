# SPDX-License-Identifier: Apache-2.0
"""Running other programs, as a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Completed:
    """How a process ended; output is bytes as written."""

    argv: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output decoded as UTF-8, undecodable bytes replaced."""
        return self.stdout.decode("utf-8", "replace")


class Commands(Protocol):
    """The one door to processes."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        root: Path | None = None,
    ) -> Completed:
        """Run ``argv`` to its end; never through a shell.

        Args:
            timeout: Seconds until it is killed with its process group.
            env: Added to a minimal environment (PATH, LC_ALL=C.UTF-8); ours is not inherited.
            check: Raise when the status is not 0.
            root: Change the root directory to this before the program starts.

        Raises:
            ToolMissing: The program does not exist.
            CommandFailed: It failed (with ``check``), or ran into the timeout.
        """
        ...

    def which(self, name: str) -> str | None:
        """Absolute path of a program, or None."""
        ...
