# SPDX-License-Identifier: Apache-2.0
"""Root's account, the shadow file, the passwd command: ECS sets a password with them."""

from __future__ import annotations

import os
from pathlib import Path

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.RootAccount"
TITLE = "Account of root"
SHADOW_ID = "hostlift.ShadowFile"
COMMAND_ID = "hostlift.PasswdCommand"
_SHADOW = "/etc/shadow"
_COMMANDS = ("/usr/bin/passwd", "/bin/passwd")
_WORLD = 0o007


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Three items of image_check."""
    guest = context.guest(machine)
    return [_root(guest), _shadow(guest), _command(guest)]


def _root(guest: Guest) -> Finding:
    rows = [line.split(":") for line in guest.text("/etc/passwd").splitlines()]
    row = next((r for r in rows if r[0] == "root" and len(r) > 6), None)  # noqa: PLR2004 - passwd(5)
    if row is None or row[2] != "0":
        evidence = "there is no user root with id 0"
        return warning(ID, TITLE, evidence, "ECS can set no password; keep another way to log in.")
    if row[6].endswith(("nologin", "false")):
        return note(ID, TITLE, f"its shell is {row[6]}: log in as somebody else")
    return ok(ID, TITLE, row[6])


def _shadow(guest: Guest) -> Finding:
    title = "Password file"
    path = Path(guest.root) / _SHADOW.lstrip("/")
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        evidence = f"there is no {_SHADOW}"
        return warning(SHADOW_ID, title, evidence, "Make it with pwconv.")
    if mode & _WORLD:
        evidence = f"everybody can read {_SHADOW} (mode {mode & 0o777:03o})"
        return warning(SHADOW_ID, title, evidence, f"chmod o= {_SHADOW}")
    return ok(SHADOW_ID, title, f"mode {mode & 0o777:03o}")


def _command(guest: Guest) -> Finding:
    title = "passwd command"
    if any(guest.exists(path) for path in _COMMANDS):
        return ok(COMMAND_ID, title)
    return note(COMMAND_ID, title, "not installed: ECS can set no password")


CHECK = Check(ID, TITLE, run)
