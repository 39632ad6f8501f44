# SPDX-License-Identifier: Apache-2.0
"""Installed packages by the system's own database: dpkg, apk and pacman are read, rpm is asked."""

from __future__ import annotations

import re

from hostlift.inspect.facts.place import Place

_DPKG = "/var/lib/dpkg/status"
_APK = "/lib/apk/db/installed"
_PACMAN = "/var/lib/pacman/local/*/desc"
_RPM = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
_PACMAN_FIELD = re.compile(r"%(NAME|VERSION)%\n(.+)")
_GOOD = "install ok installed"
_GONE = ("deinstall", "purge", "unknown")


def installed(place: Place) -> dict[str, str]:
    """Name, with the architecture where there may be several, -> version."""
    guest = place.guest
    if guest.exists(_DPKG):
        return {name: version for name, version, status in _dpkg(place) if status == _GOOD}
    if guest.exists(_APK):
        return dict(_apk(guest.text(_APK)))
    if found := guest.glob(_PACMAN):
        fields = [dict(_PACMAN_FIELD.findall(guest.text(path))) for path in found]
        return {f["NAME"]: f["VERSION"] for f in fields if len(f) == 2}  # noqa: PLR2004 - both
    if place.live and any(guest.exists(path) for path in _RPM):
        form = "%{NAME}.%{ARCH} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n"
        told = place.tools.optional(["rpm", "-qa", "--qf", form])
        if not told:
            raise ValueError("rpm does not answer")
        return dict(sorted(line.split(" ", 1) for line in told.splitlines() if " " in line))
    raise ValueError("no package database is known here")


def broken(place: Place) -> dict[str, str]:
    """Packages that are neither installed nor gone."""
    if not place.guest.exists(_DPKG):
        installed(place)
        return {}
    return {
        name: status
        for name, _, status in _dpkg(place)
        if status != _GOOD
        and not status.startswith(_GONE)
        and not status.startswith("hold ok inst")
    }


def _dpkg(place: Place) -> list[tuple[str, str, str]]:
    """(``name:architecture``, version, status) of every stanza."""
    rows = []
    for stanza in place.guest.text(_DPKG).split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " "
        )
        if "Package" in fields:
            name = f"{fields['Package']}:{fields.get('Architecture', '')}"
            rows.append((name, fields.get("Version", ""), fields.get("Status", "")))
    return rows


def _apk(text: str) -> list[tuple[str, str]]:
    rows = []
    for stanza in text.split("\n\n"):
        fields = {line[:1]: line[2:] for line in stanza.splitlines() if line[1:2] == ":"}
        if "P" in fields:
            rows.append((fields["P"], fields.get("V", "")))
    return rows
