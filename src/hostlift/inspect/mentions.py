# SPDX-License-Identifier: Apache-2.0
"""Configuration that names the old machine's addresses or interfaces; reading is bounded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hostlift.inspect.guest import Guest
from hostlift.model.machine import Interface, Mention
from hostlift.model.mentions import needles_of

FOLDERS = ("/etc", "/opt/*/etc", "/opt/*/conf", "/usr/local/etc", "/var/spool/cron", "/srv/*/conf")
"""Where configuration lives; data is not looked at."""
_SKIPPED = frozenset(
    {"ssl", "pki", "alternatives", "selinux", "moduli", "services", "protocols", "magic"}
    | {"ld.so.cache", "mime.types", "ca-certificates", "apparmor.d", "fonts", "X11"}
)
MOST_FILES = 20_000
MOST_BYTES = 256 << 10
"""Of one file; larger ones are no configuration."""
MOST_FOUND = 500


def mentions(guest: Guest, interfaces: tuple[Interface, ...]) -> tuple[Mention, ...]:
    """At most `MOST_FOUND`, by path."""
    if not interfaces:
        return ()
    needles = needles_of(interfaces)
    found: list[Mention] = []
    for path in itertools.islice(_files(guest), MOST_FILES):
        data = guest.data(path)
        if b"\0" not in data:
            found += needles.found_in(path, data.decode("utf-8", "replace"))
        if len(found) >= MOST_FOUND:
            break
    return tuple(sorted(found[:MOST_FOUND], key=lambda m: (m.path, m.line)))


def _files(guest: Guest) -> Iterator[str]:
    """Regular files below the folders that are small enough; links are not followed."""
    waiting = [path for pattern in FOLDERS for path in guest.glob(pattern)]
    while waiting:
        folder = waiting.pop()
        for name in guest.names(folder):
            path = f"{folder}/{name}"
            kind, size = guest.look(path)
            if name in _SKIPPED:
                continue
            if kind == "dir":
                waiting.append(path)
            elif kind == "file" and 0 < size <= MOST_BYTES:
                yield path
