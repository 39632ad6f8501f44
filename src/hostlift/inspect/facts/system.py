# SPDX-License-Identifier: Apache-2.0
"""Identity, mounts, sizes, swap."""

from __future__ import annotations

import os
import re

from hostlift.inspect import mounts as table
from hostlift.inspect.facts.place import Place
from hostlift.model.baseline import KERNEL_ARGUMENTS

_NAME = re.compile(r'^PRETTY_NAME="?([^"\n]*)"?$', re.MULTILINE)


def identity(place: Place) -> dict[str, str]:
    """What stays the same in a migration."""
    guest = place.guest
    release = guest.text("/etc/os-release") or guest.text("/usr/lib/os-release")
    named = _NAME.search(release)
    facts = {
        "host name": guest.text("/etc/hostname").strip(),
        "machine id": guest.text("/etc/machine-id").strip(),
        "distribution": named[1] if named else "",
        "time zone": _time_zone(place),
    }
    if place.live:
        facts["host name"] = place.kernel("sys/kernel/hostname").strip() or facts["host name"]
        facts["kernel"] = place.kernel("sys/kernel/osrelease").strip()
        facts[KERNEL_ARGUMENTS] = place.kernel("cmdline").strip()
        facts["SELinux"] = _selinux(place)
        apparmor = _read(place, "module/apparmor/parameters/enabled")
        facts["AppArmor"] = "enabled" if apparmor == "Y" else "off"
    return {name: text for name, text in facts.items() if text}


def _time_zone(place: Place) -> str:
    try:
        link = os.readlink(place.guest.root / "etc/localtime")
    except OSError:
        return place.guest.text("/etc/timezone").strip()
    return link.partition("zoneinfo/")[2] or link


def _selinux(place: Place) -> str:
    enforcing = _read(place, "fs/selinux/enforce")
    return {"1": "enforcing", "0": "permissive"}.get(enforcing, "off")


def _read(place: Place, name: str) -> str:
    try:
        return (place.sys / name).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _local(place: Place) -> dict[str, table.Mount]:
    return table.below(table.parse(place.kernel("self/mountinfo")), "/")


def mounts(place: Place) -> dict[str, str]:
    """Local file systems by where they are mounted."""
    return {path: mount.kind for path, mount in _local(place).items()}


def sizes(place: Place) -> dict[str, str]:
    """Bytes of each local file system, and used ones."""
    found = {}
    for path in _local(place):
        st = os.statvfs(path)
        total, used = st.f_blocks * st.f_frsize, (st.f_blocks - st.f_bfree) * st.f_frsize
        found[path] = f"{total} {used}"
    return found


def swap(place: Place) -> dict[str, str]:
    """Whether there is any, and how much, in KiB."""
    rows = [line.split() for line in place.kernel("swaps").splitlines()[1:]]
    sizes = [int(row[2]) for row in rows if len(row) > 2 and row[2].isdecimal()]  # noqa: PLR2004 - proc(5)
    return {"all areas": str(sum(sizes))} if sizes else {}
