# SPDX-License-Identifier: Apache-2.0
"""What a running server is to those who use it: taken at the source, compared on the booted copy.

A baseline is a set of sections, each a map of what can be named (a mount point, a listening
socket, a unit, a user, a package) to what was seen of it. Texts only: it is written as JSON, read
by people, and compared without knowing how it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

VERSION = 1
KERNEL_ARGUMENTS = "kernel arguments"
"""In `Section.SYSTEM`: the command line that the running kernel was started with."""


class Section(StrEnum):
    """In the order of the report; the value is the key in the file."""

    SYSTEM = "system"
    """Host name, machine id, kernel and its arguments, SELinux, AppArmor."""
    MOUNTS = "mounts"
    """Mount point -> kind of file system."""
    SIZES = "sizes"
    """Mount point -> ``total used``, bytes."""
    SWAP = "swap"
    LISTENING = "listening"
    """``tcp *:22`` -> program."""
    ENABLED = "enabled"
    """Unit, init script or run level entry -> where it is enabled."""
    FAILED = "failed"
    """Unit -> its state, where it has failed."""
    USERS = "users"
    GROUPS = "groups"
    SCHEDULES = "schedules"
    """Crontab file -> digest of its content."""
    ADDRESSES = "addresses"
    ROUTES = "routes"
    """Destination -> ``via GATEWAY``, without those of connected networks."""
    RESOLVERS = "resolvers"
    TIME = "time"
    PACKAGES = "packages"
    """Name (with architecture) -> version."""
    PACKAGE_DATABASE = "package-database"
    """What is wrong with it; empty when nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was seen of a server.

    Attributes:
        taken_at: Seconds since 1970.
        migration: Which migration took it; empty when a person did.
        unknown: Sections that could not be read, with the reason.
    """

    hostname: str
    taken_at: float
    sections: Mapping[Section, Mapping[str, str]]
    migration: str = ""
    unknown: Mapping[Section, str]
    version: int = VERSION


class Verdict(StrEnum):
    """What a difference means."""

    SAME = "same"
    EXPECTED = "expected"
    """It changes in every migration: addresses, the disks' names."""
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it was; ``before`` or ``now`` is empty when it was not there."""

    section: Section
    name: str
    before: str
    now: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A section's outcome.

    Attributes:
        compared: How many things were there before.
        unknown: Why it could not be compared; empty when it was.
    """

    section: Section
    compared: int
    differences: tuple[Difference, ...] = ()
    unknown: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of its differences."""
        found = {d.verdict for d in self.differences}
        worst = (v for v in (Verdict.DIFFERS, Verdict.EXPECTED) if v in found)
        return next(worst, Verdict.SAME)
