# SPDX-License-Identifier: Apache-2.0
"""Where facts are read: the files of a root, and, when it is the running system, its kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostlift.inspect.guest import Guest
from hostlift.inspect.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server.

    Attributes:
        tools: Its own programs; asked only when it is ``live``.
        proc: procfs and sysfs of the machine; they are its own only when it is ``live``.
    """

    guest: Guest
    tools: Tools
    live: bool
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")

    def kernel(self, name: str) -> str:
        """A file of procfs as text; empty when there is none."""
        try:
            return (self.proc / name).read_text("utf-8", "replace")
        except OSError:
            return ""
