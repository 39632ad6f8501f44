# SPDX-License-Identifier: Apache-2.0
"""What is started at boot, what has failed, whether the clock is kept: systemd, sysvinit, OpenRC."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostlift.inspect.facts.place import Place

_UNIT_FOLDERS = ("/etc/systemd/system/*.wants", "/etc/systemd/system/*.requires")
_START_SCRIPT = re.compile(r"S\d\d(.+)")
_DAEMONS = frozenset({"chronyd", "ntpd", "openntpd", "systemd-timesyn", "timesyncd"})
_CLOCK_UNSYNCHRONISED = "NTPSynchronized=no"


def enabled(place: Place) -> dict[str, str]:
    """Units by the folders that want them; scripts by run level."""
    found: dict[str, set[str]] = {}
    for name, wanted in (*_units(place), *_scripts(place)):
        found.setdefault(name, set()).add(wanted)
    return {name: " ".join(sorted(wanted)) for name, wanted in sorted(found.items())}


def _units(place: Place) -> Iterator[tuple[str, str]]:
    for pattern in _UNIT_FOLDERS:
        for folder in place.guest.glob(pattern):
            for unit in place.guest.names(folder):
                yield unit, folder.rpartition("/")[2]


def _scripts(place: Place) -> Iterator[tuple[str, str]]:
    guest = place.guest
    for level in guest.glob("/etc/runlevels/*"):
        for script in guest.names(level):
            yield script, level.rpartition("/")[2]
    if guest.is_folder("/etc/systemd/system"):
        return  # the links of sysvinit are there too, and mean nothing
    for level in (*guest.glob("/etc/rc?.d"), *guest.glob("/etc/rc.d/rc?.d")):
        for entry in filter(None, map(_START_SCRIPT.fullmatch, guest.names(level))):
            yield entry[1], level.rpartition("/")[2]


def failed(place: Place) -> dict[str, str]:
    """Units that have failed; without systemd crashed services of OpenRC."""
    units = place.tools.optional(
        ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"]
    )
    crashed = place.tools.optional(["rc-status", "--crashed"])
    rows = [line.split() for line in (*units.splitlines(), *crashed.splitlines())]
    return {row[0]: "failed" for row in rows if row}


def time(place: Place) -> dict[str, str]:
    """What keeps the clock, and whether the kernel thinks that it is kept."""
    names = set()
    for path in place.proc.glob("[0-9]*/comm"):
        try:
            names.add(path.read_text("utf-8", "replace").strip())
        except OSError:
            continue
    facts = {"kept by": " ".join(sorted(names & _DAEMONS)) or "nothing"}
    told = place.tools.optional(["timedatectl", "show", "--property=NTPSynchronized"])
    if told:
        facts["synchronised"] = "no" if _CLOCK_UNSYNCHRONISED in told else "yes"
    return facts
