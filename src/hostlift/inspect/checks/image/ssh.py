# SPDX-License-Identifier: Apache-2.0
"""The SSH server: the way into the copy."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Ssh"
TITLE = "SSH server"
_CONFIGS = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
_PORT = re.compile(r"^\s*Port\s+(\d+)", re.MULTILINE | re.IGNORECASE)
_LISTEN = re.compile(r"^\s*ListenAddress\s+(\S+)", re.MULTILINE | re.IGNORECASE)
_ANY = ("0.0.0.0", "::", "[::]")  # noqa: S104 - what is looked for
_DEFAULT = "22"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Installed; on which port; bound to an address that the copy will not have."""
    guest = context.guest(machine)
    if not any(guest.exists(path) for path in ("/usr/sbin/sshd", "/usr/bin/sshd")):
        remedy = "Install one, or use the console's VNC and serial console to log in."
        return [warning(ID, TITLE, "none is installed", remedy)]
    text = "\n".join(guest.text(path) for pattern in _CONFIGS for path in guest.glob(pattern))
    ports = _PORT.findall(text) or [_DEFAULT]
    bound = [a for a in _LISTEN.findall(text) if not a.startswith(_ANY)]
    if bound:
        evidence = f"it listens on {', '.join(bound)} only: the copy has other addresses"
        return [warning(ID, TITLE, evidence, "Remove ListenAddress, or log in by the console.")]
    if ports != [_DEFAULT]:
        evidence = f"port {', '.join(ports)}: admit it in the security group of the new instance"
        return [note(ID, TITLE, evidence)]
    return [ok(ID, TITLE, "port 22")]


CHECK = Check(ID, TITLE, run)
