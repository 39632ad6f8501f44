# SPDX-License-Identifier: Apache-2.0
"""systemd-networkd: eth0 with DHCP, ahead of the files for the old cards."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.dhcp import NETWORKD, networkd_must_ask, networkd_unit
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/systemd/network"
_OURS = f"{_FOLDER}/05-hostlift.network"
_ENABLED = f"/etc/systemd/system/multi-user.target.wants/{NETWORKD}"
_WHY = "ECS gives one interface, eth0, its address by DHCP"
_PINNED = re.compile(r"(?mi)^\s*(?:Permanent)?MACAddress\s*=")


def apply(bench: Bench, edit: Editor) -> None:
    """The first file that matches wins: ours comes first. Names pinned to old cards go."""
    names = bench.names(_FOLDER)
    for name in names:
        if name.endswith(".link") and _PINNED.search(bench.text(f"{_FOLDER}/{name}") or ""):
            edit.remove(f"{_FOLDER}/{name}", "it names a card of the old machine")
    if networkd_must_ask(bench):
        edit.write(_OURS, template("networkd.network"), _WHY)
        edit.link(_ENABLED, networkd_unit(bench), "ifupdown has no DHCP client: networkd asks")
    elif any(name.endswith(".network") for name in names):
        edit.write(_OURS, template("networkd.network"), _WHY)


STEP = Step("networkd", "eth0 with DHCP where systemd-networkd runs the network.", apply)
