# SPDX-License-Identifier: Apache-2.0
"""NetworkManager: one keyfile for eth0 with DHCP in place of the wired ones for the old cards."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/NetworkManager/system-connections"
_OURS = f"{_FOLDER}/hostlift-eth0.nmconnection"
_WHY = "ECS gives one interface, eth0, its address by DHCP"
_WIRED = re.compile(r"(?m)^type=(?:ethernet|802-3-ethernet)\s*$")


def apply(bench: Bench, edit: Editor) -> None:
    """Replace wired connections; others (VPN, bridges) stay."""
    paths = [f"{_FOLDER}/{name}" for name in bench.names(_FOLDER)]
    wired = [p for p in paths if p != _OURS and _WIRED.search(bench.text(p) or "")]
    if not wired:
        return
    edit.write(_OURS, template("eth0.nmconnection"), _WHY, mode=0o600)
    for path in wired:
        if "method=manual" in (bench.text(path) or ""):
            bench.note(f"{path} set static addresses; eth0 gets one by DHCP now")
        edit.remove(path, _WHY)


STEP = Step("network-manager", "eth0 with DHCP where NetworkManager runs the network.", apply)
