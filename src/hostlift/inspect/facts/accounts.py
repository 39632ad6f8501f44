# SPDX-License-Identifier: Apache-2.0
"""Users, groups and what they have scheduled; never a password, not even its hash."""

from __future__ import annotations

import hashlib

from hostlift.inspect.facts.place import Place

_CRON = (
    "/etc/crontab",
    "/etc/anacrontab",
    "/etc/cron.*/*",
    "/etc/crontabs/*",
    "/var/spool/cron/*",
    "/var/spool/cron/crontabs/*",
    "/var/spool/cron/tabs/*",
)
_USER_FIELDS = 7
_GROUP_FIELDS = 4


def users(place: Place) -> dict[str, str]:
    """Name -> ``uid gid home shell``."""
    rows = [line.split(":") for line in place.guest.text("/etc/passwd").splitlines()]
    return {
        row[0]: f"{row[2]} {row[3]} {row[5]} {row[6]}" for row in rows if len(row) == _USER_FIELDS
    }


def groups(place: Place) -> dict[str, str]:
    """Name -> ``gid member,member``."""
    rows = [line.split(":") for line in place.guest.text("/etc/group").splitlines()]
    return {
        row[0]: f"{row[2]} {','.join(sorted(filter(None, row[3].split(','))))}".strip()
        for row in rows
        if len(row) == _GROUP_FIELDS
    }


def schedules(place: Place) -> dict[str, str]:
    """File -> digest of its content."""
    files = {path for pattern in _CRON for path in place.guest.glob(pattern)}
    found = {path: place.guest.data(path) for path in sorted(files)}
    return {path: hashlib.sha256(data).hexdigest()[:16] for path, data in found.items() if data}
