# SPDX-License-Identifier: Apache-2.0
"""NetworkManager: one keyfile for eth0 with DHCP in place of the wired ones for the old cards."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found.ports import FIRST
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/NetworkManager/system-connections"
_OURS = f"{_FOLDER}/hostlift-eth0.nmconnection"
_WHY = "ECS gives one interface, eth0, its address by DHCP"
_SERVER = "/usr/lib/NetworkManager/conf.d/00-server.conf"
_SHADOW = "/etc/NetworkManager/conf.d/00-server.conf"
_ROUTE = re.compile(r"(?m)^(?:gateway|address1)=\S+[,.]\d+\.\d+\.\d+\.\d+|^gateway=")
_NAME = re.compile(r"(?m)^interface-name=.*$")
_PIN = re.compile(r"(?m)^(?:mac-address|cloned-mac-address)=.*\n?")
_WIRED = re.compile(r"(?m)^type=(?:ethernet|802-3-ethernet)\s*$")


def apply(bench: Bench, edit: Editor) -> None:
    """Replace wired connections; others (VPN, bridges) stay."""
    _allow_defaults(bench, edit)
    texts = {p: bench.text(p) or "" for p in bench.glob(f"{_FOLDER}/*")}
    wired = [p for p, text in texts.items() if p != _OURS and _WIRED.search(text)]
    if not wired:
        return
    chosen = next((p for p in wired if _ROUTE.search(texts[p])), wired[0])
    if bench.keeps_addresses:
        edit.write_text(chosen, _unpinned(texts[chosen]), "the first card of ECS is eth0")
    else:
        edit.write(_OURS, template("eth0.nmconnection"), _WHY, mode=0o600)
    for path in wired:
        if bench.keeps_addresses and path == chosen:
            continue
        if "method=manual" in texts[path]:
            bench.note(f"{path} set static addresses; eth0 gets one by DHCP now")
        edit.remove(path, _WHY)


def _unpinned(text: str) -> str:
    """For eth0, whatever its hardware address."""
    return _NAME.sub(f"interface-name={FIRST}", _PIN.sub("", text))


def _allow_defaults(bench: Bench, edit: Editor) -> None:
    """Servers of Red Hat's make keep NetworkManager from asking by itself: on ECS it shall."""
    if bench.tree.exists(_SERVER):
        edit.write(_SHADOW, template("nm-server.conf"), "NetworkManager asks by itself on ECS")


STEP = Step("network-manager", "eth0 with DHCP where NetworkManager runs the network.", apply)
