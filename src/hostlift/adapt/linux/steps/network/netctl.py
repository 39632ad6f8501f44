# SPDX-License-Identifier: Apache-2.0
"""netctl (Arch): the profiles that are enabled get the new card's name, and DHCP."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import shellvars
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found.ports import FIRST, is_physical

_FOLDER = "/etc/netctl"
_UNITS = "/etc/systemd/system"
_WHY = "ECS gives one interface, eth0, its address by DHCP"
_STATIC = ("Address", "Gateway", "DNS", "Routes", "Address6", "Gateway6")


def apply(bench: Bench, edit: Editor) -> None:
    """Edit each profile where it is, so that it stays enabled."""
    kept = bench.keeps_addresses
    for path in bench.glob(f"{_FOLDER}/*"):
        text = bench.text(path) or ""
        card = shellvars.get(text, "Interface") or ""
        if not is_physical(card):
            continue
        new = shellvars.put(text, "Interface", FIRST) if card != FIRST else text
        edit.write_text(path, new if kept else _by_dhcp(bench, path, new), _WHY)
        _unit(bench, edit, path.rpartition("/")[2], card)


def _by_dhcp(bench: Bench, path: str, text: str) -> str:
    for name in _STATIC:
        text = shellvars.drop(text, name)
    if shellvars.get(text, "IP") == "dhcp":
        return text
    bench.note(f"{path} set a static address; {FIRST} gets one by DHCP now")
    return shellvars.put(text, "IP", "dhcp")


def _unit(bench: Bench, edit: Editor, profile: str, card: str) -> None:
    """Its unit waits for the card by name."""
    for path in bench.glob(f"{_UNITS}/netctl@{profile}.service.d/*.conf"):
        text = bench.text(path) or ""
        edit.write_text(
            path, text.replace(f"devices-{card}.device", f"devices-{FIRST}.device"), _WHY
        )


STEP = Step("netctl", "eth0 with DHCP where netctl runs the network.", apply)
