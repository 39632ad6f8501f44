# SPDX-License-Identifier: Apache-2.0
"""Takes a `Baseline`: the sections, each by itself, so that one that fails hides no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hostlift.errors import HostliftError
from hostlift.inspect.facts import accounts, network, packages, services, system
from hostlift.inspect.facts.place import Place
from hostlift.inspect.guest import Guest
from hostlift.inspect.tools import BUDGET, Tools
from hostlift.model.baseline import Baseline, Section
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands

Facts = Mapping[str, str]

_SECTIONS: Mapping[Section, Callable[[Place], Facts]] = {
    Section.SYSTEM: system.identity,
    Section.MOUNTS: system.mounts,
    Section.SIZES: system.sizes,
    Section.SWAP: system.swap,
    Section.LISTENING: network.listening,
    Section.ENABLED: services.enabled,
    Section.FAILED: services.failed,
    Section.USERS: accounts.users,
    Section.GROUPS: accounts.groups,
    Section.SCHEDULES: accounts.schedules,
    Section.ADDRESSES: network.addresses,
    Section.ROUTES: network.routes,
    Section.RESOLVERS: network.resolvers,
    Section.TIME: services.time,
    Section.PACKAGES: packages.installed,
    Section.PACKAGE_DATABASE: packages.broken,
}
_LIVE_ONLY = frozenset(
    {
        Section.MOUNTS,
        Section.SIZES,
        Section.SWAP,
        Section.LISTENING,
        Section.FAILED,
        Section.ADDRESSES,
        Section.ROUTES,
        Section.TIME,
    }
)


def take(root: Path, *, commands: Commands, clock: Clock, migration: str = "") -> Baseline:
    """What is seen of the server whose root is at ``root``; of one that does not run, its files."""
    tools = Tools(commands, clock, clock.monotonic() + BUDGET)
    return of_place(
        Place(guest=Guest(root), tools=tools, live=root == Path("/")), clock.now(), migration
    )


def of_place(place: Place, now: float, migration: str = "") -> Baseline:
    """As `take`, of a place that is made already."""
    sections: dict[Section, Facts] = {}
    unknown: dict[Section, str] = {}
    for section, look in _SECTIONS.items():
        if section in _LIVE_ONLY and not place.live:
            unknown[section] = "the system was not running"
            continue
        try:
            sections[section] = look(place)
        except (HostliftError, OSError, ValueError) as error:
            unknown[section] = str(error)
    return Baseline(
        hostname=sections.get(Section.SYSTEM, {}).get("host name", ""),
        taken_at=now,
        sections=sections,
        migration=migration,
        unknown=unknown,
    )
