# SPDX-License-Identifier: Apache-2.0
"""cloud-init: old versions do not know ECS; absent is fine."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.CloudInit"
TITLE = "cloud-init"
GROW_ID = "GUESTOS.OnlineResizeFS"
OLDEST = (0, 7, 9)
_PLACES = (
    "/usr/lib/python3*/site-packages/cloudinit/version.py",
    "/usr/lib/python3*/dist-packages/cloudinit/version.py",
    "/usr/lib/python2*/site-packages/cloudinit/version.py",
    "/usr/lib/python2*/dist-packages/cloudinit/version.py",
)
_VERSION = re.compile(r"__VERSION__\s*=\s*[\"'](\d+(?:\.\d+)*)")
_GROWERS = ("/usr/bin/growpart", "/usr/sbin/growpart")


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Its version, its data sources, and what grows the root file system of a larger disk."""
    guest = context.guest(machine)
    present = guest.exists("/etc/cloud/cloud.cfg")
    return [_version(guest) if present else _absent(), _growing(guest, present=present)]


def _absent() -> Finding:
    evidence = (
        "not installed: nothing changes users or keys of the copy; ECS sets no password in it"
    )
    return note(ID, TITLE, evidence)


def _version(guest: Guest) -> Finding:
    texts = [guest.text(path) for place in _PLACES for path in guest.glob(place)]
    found = next(filter(None, map(_VERSION.search, texts)), None)
    if found is None:
        return note(ID, TITLE, "of unknown version; the copy's is pinned to ECS as data source")
    number = tuple(int(part) for part in found[1].split("."))
    if number < OLDEST:
        evidence = f"{found[1]} does not know ECS as data source; it is switched off in the copy"
        return warning(ID, TITLE, evidence, "Update cloud-init, if ECS shall configure the copy.")
    return ok(ID, TITLE, f"{found[1]}; the copy's data source is ECS, users and host keys stay")


def _growing(guest: Guest, *, present: bool) -> Finding:
    title = "Root file system grows with its disk"
    grower = any(guest.exists(path) for path in _GROWERS)
    if grower and present:
        return ok(GROW_ID, title, "growpart and cloud-init")
    lacking = " and ".join(
        n for n, there in (("growpart", grower), ("cloud-init", present)) if not there
    )
    evidence = f"no {lacking}: after a resize in the console the file system is grown by hand"
    return note(GROW_ID, title, evidence)


CHECK = Check(ID, TITLE, run)
